// Method `raie_wo_ke`: RAIE without knowledge editing. The regions found on S stay as they are;
// windows are assigned, trained and routed by them (METHOD section 4, "Ablations").
#include "methods/regional_method.h"
#include "methods/registry.h"

namespace raie {
namespace {

class RaieWithoutEditing final : public RegionalMethod {
 public:
  RaieWithoutEditing(const RunContext& context, const AdaptOptions& options)
      : RegionalMethod(context, options, {.editing = RegionRules::Editing::kOff}) {}
  std::string_view name() const override { return "raie_wo_ke"; }
};

}  // namespace

std::unique_ptr<Method> MakeRaieWithoutEditing(const RunContext& context,
                                               const AdaptOptions& options) {
  return std::make_unique<RaieWithoutEditing>(context, options);
}

}  // namespace raie
