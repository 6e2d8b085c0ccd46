#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backbones/mixture_gates.h"
#include "methods/group_trainer.h"
#include "methods/one_adapter.h"
#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"

namespace raie {
namespace {

using testing::FirstContexts;
using testing::PlainOptions;
using testing::RunMethod;
using testing::Shop;
using testing::TinyShop;

// What the method answers from.
const Snapshot& StateOf(const testing::Adapted& run) {
  return static_cast<const OneAdapterMethod&>(*run.method).state();
}

double Distance(std::span<const float> a, std::span<const float> b, std::int64_t begin,
                std::int64_t end) {
  double sum = 0;
  for (std::int64_t i = begin; i < end; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

TEST(MoleTest, EveryExpertAndEveryGateMoves) {
  AdaptOptions options = PlainOptions();
  const auto run = RunMethod("mole", options);
  const Adapter& after = *StateOf(run).AdapterOf(kNoRegion);
  const Backbone& backbone = *TinyShop().snapshot.backbone;
  const Adapter before =
      Adapter::MakeMixture(backbone.linear_maps(), options.lora, options.mole.mixture,
                           backbone.dim(), AdapterSeed(kNoRegion, 7));
  ASSERT_TRUE(after.is_mixture());
  EXPECT_EQ(run.report.training.trained_parameters, std::ssize(after.values()));
  const std::int64_t rank = options.lora.rank;
  for (std::size_t m = 0; m < after.maps().size(); ++m) {
    const Adapter::Map& map = after.maps()[m];
    for (std::int64_t e = 0; e < 3; ++e) {
      const std::int64_t a = map.a_begin + e * rank * map.inputs;
      EXPECT_GT(Distance(after.values(), before.values(), a, a + rank * map.inputs), 1e-3);
      double moved = 0;
      for (std::int64_t o = 0; o < map.outputs; ++o) {
        for (std::int64_t r = 0; r < rank; ++r) {
          moved += std::abs(after.b_OR(map)[o * 3 * rank + e * rank + r]);
        }
      }
      EXPECT_GT(moved, 1e-3) << "map " << m << " expert " << e;
    }
    const std::int64_t end =
        m + 1 < after.maps().size() ? after.maps()[m + 1].a_begin : std::ssize(after.values());
    EXPECT_GT(Distance(after.values(), before.values(), map.gate_begin, end), 1e-3);
  }
  EXPECT_EQ(run.method->snapshot(), nullptr);
}

// The mean gate of the first map over windows of the slice.
double Imbalance(const AdaptOptions& options) {
  const auto run = RunMethod("mole", options);
  const Snapshot& state = StateOf(run);
  const MixtureGates gates(*state.AdapterOf(kNoRegion));
  const auto read = FirstContexts(TinyShop().new_windows, 300);
  const auto result = gates.Forward(read.contexts, state.items->Rows(kNoRegion));
  double worst = 0;
  for (std::int64_t m = 0; m < gates.maps(); ++m) {
    double mean[3] = {0, 0, 0};
    for (std::int64_t s = 0; s < result.sequences; ++s) {
      for (int e = 0; e < 3; ++e) {
        mean[e] += result.gates_MSE[(m * result.sequences + s) * 3 + e] /
                   static_cast<double>(result.sequences);
      }
    }
    for (const double share : mean) worst = std::max(worst, std::abs(share - 1.0 / 3));
  }
  return worst;
}

TEST(MoleTest, TheBalanceTermKeepsTheGatesNearUniform) {
  AdaptOptions options = PlainOptions();
  options.epochs = 3;
  options.mole.balance = 0;
  const double free = Imbalance(options);
  options.mole.balance = 100;
  const double held = Imbalance(options);
  EXPECT_LT(held, 0.5 * free);
}

TEST(MoleTest, ItLearns) {
  Shop& shop = TinyShop();
  AdaptOptions options = PlainOptions();
  options.epochs = 3;
  const auto run = RunMethod("mole", options);
  const Snapshot start = WithCatalogue(shop.snapshot, shop.data.catalogue_size(1), 7);
  const auto mean = [&](const Snapshot& snapshot) {
    const SnapshotScorer scorer(std::make_shared<const Snapshot>(snapshot));
    double sum = 0;
    for (const double loss : TargetLosses(scorer, shop.data, shop.new_windows,
                                          shop.data.catalogue_size(1), shop.pool)) {
      sum += loss;
    }
    return sum / static_cast<double>(shop.new_windows.size());
  };
  EXPECT_LT(mean(StateOf(run)), mean(start) - 0.1);
}

}  // namespace
}  // namespace raie
