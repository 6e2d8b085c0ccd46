// Method `raie_wo_kr`: RAIE without knowledge routing. One adapter for everybody, trained on the
// union of the D_k that RAIE draws (METHOD section 4, "Ablations"): a gate of gain asks adapters of
// regions, as RAIE's does. The keep gate, which judges adapters of regions, has nothing to judge.
#include "methods/regional_method.h"
#include "methods/registry.h"

namespace raie {
namespace {

class RaieWithoutRouting final : public RegionalMethod {
 public:
  RaieWithoutRouting(const RunContext& context, const AdaptOptions& options)
      : RegionalMethod(context, options, {.adapters = RegionRules::Adapters::kOneForAll}) {}
  std::string_view name() const override { return "raie_wo_kr"; }
};

}  // namespace

std::unique_ptr<Method> MakeRaieWithoutRouting(const RunContext& context,
                                               const AdaptOptions& options) {
  return std::make_unique<RaieWithoutRouting>(context, options);
}

}  // namespace raie
