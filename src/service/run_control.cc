#include "service/run_control.h"

#include <string>

#include "raie/error.h"

namespace raie {

void CheckNotCancelled(const PhaseControl& control, const char* what) {
  if (control.cancel == nullptr || !control.cancel->IsSet()) return;
  throw Error(ErrorCode::kCancelled, std::string("stopped before ") + what);
}

void StartPhase(const PhaseControl& control, const std::string& phase) {
  if (control.progress) control.progress({.phase = phase});
}

}  // namespace raie
