// Method `raie`: edit the regions with F, train one adapter for each region that drifts, route
// (METHOD section 4).
#include "methods/regional_method.h"
#include "methods/registry.h"

namespace raie {
namespace {

class Raie final : public RegionalMethod {
 public:
  Raie(const RunContext& context, const AdaptOptions& options)
      : RegionalMethod(context, options, {}) {}
  std::string_view name() const override { return "raie"; }
};

}  // namespace

std::unique_ptr<Method> MakeRaie(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Raie>(context, options);
}

}  // namespace raie
