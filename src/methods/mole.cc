// Method `mole`: a mixture of E experts (adapters of rank r) for everybody; a gate for each linear
// map weighs them by what the window is about (Wu et al. 2024, Kong et al. 2024). Gates and experts
// train; a balance term, weight x KL(uniform, mean gate of the batch), mean over the maps, keeps
// every expert in use. The formula is in adapters/adapter.h.
#include <utility>

#include "backbones/mixture_gates.h"
#include "methods/one_adapter.h"
#include "methods/registry.h"

namespace raie {
namespace {

class BalanceObjective final : public SampleObjective {
 public:
  explicit BalanceObjective(double weight) : weight_(weight) {}

  // KL(u, g) = sum_e 1/E log((1/E) / g_e), so dKL/dg_e = -1 / (E g_e); g_e is a mean over
  // sequences.
  void Penalise(const TrainingBatch& batch, const TrainedParts& parts,
                std::span<const SlotGradient> gradients) const override {
    if (weight_ == 0) return;
    for (const SlotGradient& slot : gradients) {
      const TrainedSlot& trained = parts.slots[slot.slot];
      const MixtureGates gates(*trained.adapter);
      const auto state =
          gates.Forward(batch.rows, std::as_const(*parts.items).Rows(trained.region));
      const std::int64_t experts = gates.experts();
      const auto sequences = static_cast<double>(state.sequences);
      std::vector<float> gradient_MSE(state.gates_MSE.size());
      for (std::int64_t m = 0; m < gates.maps(); ++m) {
        const std::int64_t first = m * state.sequences * experts;
        for (std::int64_t e = 0; e < experts; ++e) {
          double mean = 0;
          for (std::int64_t s = 0; s < state.sequences; ++s) {
            mean += state.gates_MSE[first + s * experts + e] / sequences;
          }
          const double slope =
              -weight_ / (static_cast<double>(gates.maps() * experts) * mean * sequences);
          for (std::int64_t s = 0; s < state.sequences; ++s) {
            gradient_MSE[first + s * experts + e] = static_cast<float>(slope);
          }
        }
      }
      gates.Backward(state, gradient_MSE, slot.gradient, {});
    }
  }

 private:
  double weight_;
};

class Mole final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "mole"; }

  // Its adapter is no LoRA that could be saved.
  const Snapshot* snapshot() const override { return nullptr; }

 private:
  std::shared_ptr<const Adapter> FirstAdapter(const Pass& pass) const override {
    const Backbone& backbone = *pass.start.backbone;
    return std::make_shared<const Adapter>(
        Adapter::MakeMixture(backbone.linear_maps(), options_.lora, options_.mole.mixture,
                             backbone.dim(), AdapterSeed(kNoRegion, context_.seed)));
  }

  void CompletePlan(const Pass&, TrainPlan& plan) override {
    plan.objective = std::make_shared<const BalanceObjective>(options_.mole.balance);
  }
};

}  // namespace

std::unique_ptr<Method> MakeMole(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Mole>(context, options);
}

}  // namespace raie
