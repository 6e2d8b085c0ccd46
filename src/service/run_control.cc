#include "service/run_control.h"

#include <string>

#include "backbones/pretrained.h"
#include "raie/error.h"

namespace raie {

void CheckNotCancelled(const PhaseControl& control, const char* what) {
  if (control.cancel == nullptr || !control.cancel->IsSet()) return;
  throw Error(ErrorCode::kCancelled, std::string("stopped before ") + what);
}

void NoteArithmetic(const PhaseControl& control, const Backbone& backbone) {
  const Pretrained* const pretrained = backbone.pretrained();
  if (!control.note || pretrained == nullptr || !pretrained->widens_bf16()) return;
  control.note(kWidensBfloat16);
}

void StartPhase(const PhaseControl& control, const std::string& phase) {
  if (control.progress) control.progress({.phase = phase});
}

}  // namespace raie
