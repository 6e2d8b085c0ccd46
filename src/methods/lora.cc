// Method `lora`: one global adapter on F (Hu et al. 2022).
#include "methods/one_adapter.h"
#include "methods/registry.h"

namespace raie {
namespace {

class Lora final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "lora"; }

 private:
  LoraOptions AdapterOptions(const WindowSet&, std::int64_t, const Snapshot&) const override {
    return options_.lora;
  }
};

}  // namespace

std::unique_ptr<Method> MakeLora(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Lora>(context, options);
}

}  // namespace raie
