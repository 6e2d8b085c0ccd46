// Method `rows_only`: the item rows of F's targets are trained, no adapter (the control for
// `item_rows`). With item_rows = frozen nothing is left to train.
#include "methods/one_adapter.h"
#include "methods/registry.h"

namespace raie {
namespace {

class RowsOnly final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "rows_only"; }

 private:
  std::shared_ptr<const Adapter> FirstAdapter(const Pass&) const override { return nullptr; }
};

}  // namespace

std::unique_ptr<Method> MakeRowsOnly(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<RowsOnly>(context, options);
}

}  // namespace raie
