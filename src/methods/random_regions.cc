// Method `random_regions`: RAIE whose regions mean nothing. After the edits a window goes to one of
// the K adapters by a hash of its user; thresholds give each adapter the share of F windows that
// RAIE's final region has. Gates and budget as RAIE (METHOD section 4, "Ablations").
#include "methods/regional_method.h"
#include "methods/registry.h"

namespace raie {
namespace {

class RandomRegions final : public RegionalMethod {
 public:
  RandomRegions(const RunContext& context, const AdaptOptions& options)
      : RegionalMethod(context, options, {.assignment = RegionRules::Assignment::kByUserHash}) {}
  std::string_view name() const override { return "random_regions"; }
};

}  // namespace

std::unique_ptr<Method> MakeRandomRegions(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<RandomRegions>(context, options);
}

}  // namespace raie
