#include "methods/registry.h"

#include <string>
#include <vector>

#include "data/prepare.h"
#include "methods/as_released.h"
#include "methods/popularity_prior.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr MethodInfo kMethods[] = {
    {"frozen", "the S backbone as it is", "-", &MakeFrozen},
    {"rows_only", "item rows trained on F, no adapter", "-", &MakeRowsOnly},
    {"lora", "one adapter for everybody, trained on F", "Hu et al. 2022", &MakeLora},
    {"lora_big", "the same with RAIE's parameter count", "Hu et al. 2022", &MakeLoraBig},
    {"lora_replay", "one adapter, half of each batch from the memory", "Shin et al. 2017",
     &MakeLoraReplay},
    {"lora_lwf", "one adapter, held near the S model by distillation", "Li & Hoiem 2016",
     &MakeLoraLwf},
    {"lsat", "a long-term and a short-term adapter, fused", "Shi et al. 2024", &MakeLsat},
    {"mole", "a gated mixture of adapters in every linear map", "Wu et al. 2024; Kong et al. 2024",
     &MakeMole},
    {"ebpr", "one adapter, pairs against a mined negative", "Lai et al. 2024", &MakeEbpr},
    {"raie", "regions edited by F, one adapter a drifting region", "arXiv 2603.00638, section 4",
     &MakeRaie},
    {"raie_wo_ke", "RAIE without edits: the regions of S stay", "arXiv 2603.00638, section 4",
     &MakeRaieWithoutEditing},
    {"raie_wo_kr", "RAIE without routing: one adapter, the same rows",
     "arXiv 2603.00638, section 4", &MakeRaieWithoutRouting},
    {"random_regions", "RAIE with regions by a hash of the user (control)", "ours",
     &MakeRandomRegions},
    {"full_retrain", "S and F from scratch (upper bound and cost)", "-", &MakeFullRetrain},
    {"recent_popularity", "what was taken most often in the last days of F", "-",
     &MakeRecentPopularity},
};

}  // namespace

std::span<const MethodInfo> Methods() { return kMethods; }

std::unique_ptr<Method> MakeMethod(std::string_view name, const RunContext& context,
                                   const AdaptOptions& options) {
  if (OptionsOf(context.data).protocol == Protocol::kAsReleased) {
    return MakeAsReleased(name, context, options);
  }
  std::vector<std::string> names;
  for (const MethodInfo& method : kMethods) {
    if (name == method.name) {
      return options.popularity_prior.use == PriorUse::kOn
                 ? MakeWithPrior(context, options, method.make)
                 : method.make(context, options);
    }
    names.emplace_back(method.name);
  }
  const std::string nearest = NearestName(name, names);
  std::string message = "there is no method \"" + std::string(name) + "\"";
  message += nearest.empty() ? "; methods:" : "; did you mean " + nearest + "? Methods:";
  for (const std::string& known : names) message += " " + known;
  throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace raie
