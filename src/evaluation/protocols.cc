#include "evaluation/protocols.h"

#include <string>
#include <vector>

#include "base/options.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr ProtocolInfo kProtocols[] = {
    {"strict",
     "time slices S, F, T; k-core and catalogue of S and F only; equal sample budget for all "
     "methods",
     "ours: docs/architecture.md"},
    {"paper",
     "the paper's slices: k-core and catalogue over all events, frozen item rows, each method's "
     "own epochs",
     "arXiv 2603.00638"},
    {"as-released",
     "what the published Python does, flaws and unequal budgets included: SASRec with frozen, "
     "lora, "
     "raie",
     "fengaogao/RAIE; docs/decisions/010"},
    {"stream", "slice after slice: what is learnt, kept and forgotten",
     "ours: docs/architecture.md"},
    {"leave-last-out",
     "backbones alone: each user's last event is the test, all his other items are masked",
     "Kang & McAuley 2018"},
};

}  // namespace

std::span<const ProtocolInfo> Protocols() { return kProtocols; }

const ProtocolInfo& FindProtocol(std::string_view name) {
  std::vector<std::string> names;
  for (const ProtocolInfo& protocol : kProtocols) {
    if (name == protocol.name) return protocol;
    names.emplace_back(protocol.name);
  }
  const std::string nearest = NearestName(name, names);
  std::string message = "there is no protocol \"" + std::string(name) + "\"";
  message += nearest.empty() ? "; protocols:" : "; did you mean " + nearest + "? Protocols:";
  for (const std::string& known : names) message += " " + known;
  throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace raie
