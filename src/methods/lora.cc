// Method `lora`: one global adapter on F (Hu et al. 2022).
#include "methods/one_adapter.h"
#include "methods/registry.h"

namespace raie {
namespace {

class Lora final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "lora"; }
};

}  // namespace

std::unique_ptr<Method> MakeLora(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Lora>(context, options);
}

}  // namespace raie
