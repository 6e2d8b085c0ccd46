#include "backbones/mixture_gates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "backbones/registry.h"
#include "base/random.h"

namespace raie {
namespace {

constexpr std::int64_t kDim = 8;
constexpr std::int64_t kItems = 30;

std::vector<float> Random(std::int64_t size, double scale, std::uint64_t seed) {
  RandomStream random(seed, 0);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(scale * random.Normal());
  return values;
}

WindowBatch SomeWindows() {
  WindowBatch batch;
  RandomStream random(2, 0);
  for (const std::int32_t length : {3, 1, 6}) {
    for (std::int32_t i = 0; i < length; ++i) {
      batch.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(kItems))});
      batch.times.push_back(Timestamp{static_cast<std::int64_t>(100 * batch.items.size())});
    }
    batch.offsets.push_back(static_cast<std::int32_t>(batch.items.size()));
    batch.users.push_back(UserId{length});
    batch.row_keys.push_back(static_cast<std::uint32_t>(length));
  }
  return batch;
}

std::vector<OutputPosition> LastPositions(const WindowBatch& batch) {
  std::vector<OutputPosition> outputs;
  for (std::int32_t s = 0; s < batch.num_rows(); ++s) {
    outputs.push_back({s, batch.offsets[s + 1] - batch.offsets[s] - 1});
  }
  return outputs;
}

Adapter RandomMixture(const Backbone& backbone, std::int64_t experts = 3) {
  const LoraOptions lora{.rank = 2, .alpha = 4};
  Adapter adapter = Adapter::MakeMixture(backbone.linear_maps(), lora,
                                         {.experts = experts, .hidden = 5}, kDim, 3);
  const auto noise = Random(std::ssize(adapter.values()), 0.3, 4);
  for (std::size_t i = 0; i < noise.size(); ++i) adapter.values()[i] += noise[i];
  return adapter;
}

class MixtureTest : public ::testing::TestWithParam<const char*> {
 protected:
  MixtureTest() {
    BackboneOptions options;
    options.name = GetParam();
    const auto shrink = [](auto& own) {
      own.dim = kDim;
      own.blocks = 2;
      own.heads = 2;
      own.context = 7;
      own.dropout = 0;
    };
    shrink(options.sasrec);
    shrink(options.tisasrec);
    shrink(options.bert4rec);
    backbone_ = MakeBackbone(options, 1);
  }

  std::vector<float> Hidden(const Adapter* adapter, Purpose purpose) const {
    std::vector<float> hidden(outputs_.size() * kDim);
    const ItemRows rows{items_ND_, {}, {}};
    backbone_->Forward(*backbone_->Bind(adapter, purpose),
                       {.batch = batch_, .outputs = outputs_, .items = rows}, hidden);
    return hidden;
  }

  double LossAt(const Adapter& adapter) const {
    const auto hidden = Hidden(&adapter, Purpose::kTrainAdapter);
    double loss = 0;
    for (std::size_t i = 0; i < hidden.size(); ++i) loss += double{slopes_[i]} * hidden[i];
    return loss;
  }

  std::unique_ptr<Backbone> backbone_;
  WindowBatch batch_ = SomeWindows();
  std::vector<OutputPosition> outputs_ = LastPositions(batch_);
  std::vector<float> items_ND_ = Random(kItems * kDim, 0.8, 5);
  std::vector<float> slopes_ = Random(3 * kDim, 1, 6);
};

TEST_P(MixtureTest, GradientsOfExpertsGatesAndRowsAreFiniteDifferences) {
  Adapter adapter = RandomMixture(*backbone_);
  const ItemRows rows{items_ND_, {}, {}};
  const auto bound = backbone_->Bind(&adapter, Purpose::kTrainAdapter);
  const ForwardInput input{.batch = batch_, .outputs = outputs_, .items = rows, .training = true};
  std::vector<float> hidden(outputs_.size() * kDim);
  const auto tape = backbone_->Forward(*bound, input, hidden);
  std::vector<float> gradient(adapter.values().size());
  std::vector<float> tokens_TD(batch_.num_tokens() * kDim);
  backbone_->Backward(*bound, input, *tape, slopes_,
                      {.parameters = {}, .adapter = gradient, .input_TD = tokens_TD});
  const auto slope = [&](float& value) {
    constexpr float kStep = 3e-3f;
    const float kept = value;
    value = kept + kStep;
    const double above = LossAt(adapter);
    value = kept - kStep;
    const double below = LossAt(adapter);
    value = kept;
    return (above - below) / (2 * kStep);
  };
  RandomStream random(7, 0);
  for (const Adapter::Map& map : adapter.maps()) {
    // Some of A, of B and of the gate.
    for (int i = 0; i < 4; ++i) {
      const std::int64_t size = &map == &adapter.maps().back()
                                    ? std::ssize(gradient) - map.gate_begin
                                    : (&map + 1)->a_begin - map.gate_begin;
      for (const std::int64_t at :
           {map.a_begin + static_cast<std::int64_t>(random.Below(map.b_begin - map.a_begin)),
            map.b_begin + static_cast<std::int64_t>(random.Below(map.gate_begin - map.b_begin)),
            map.gate_begin + static_cast<std::int64_t>(random.Below(size))}) {
        const double found = slope(adapter.values()[at]);
        EXPECT_NEAR(gradient[at], found, 0.01 * std::abs(found) + 5e-3) << at;
      }
    }
  }
  std::vector<float> by_item(kItems * kDim);
  for (std::size_t t = 0; t < batch_.items.size(); ++t) {
    for (std::int64_t d = 0; d < kDim; ++d) {
      by_item[Index(batch_.items[t]) * kDim + d] += tokens_TD[t * kDim + d];
    }
  }
  for (int i = 0; i < 10; ++i) {
    const std::size_t at = Index(batch_.items[i % batch_.items.size()]) * kDim + i % kDim;
    const double found = slope(items_ND_[at]);
    EXPECT_NEAR(by_item[at], found, 0.01 * std::abs(found) + 5e-3) << at;
  }
}

// The definition, from plain adapters: with all gates the same everywhere, a mixture is the LoRA of
// rank E r whose B is weighed by them.
TEST_P(MixtureTest, WithEqualGatesItIsOneLargerAdapter) {
  Adapter mixture = RandomMixture(*backbone_);
  for (std::size_t m = 0; m < mixture.maps().size(); ++m) {
    const Adapter::Map& map = mixture.maps()[m];
    const std::int64_t end = m + 1 < mixture.maps().size() ? mixture.maps()[m + 1].a_begin
                                                           : std::ssize(mixture.values());
    std::fill(mixture.values().begin() + map.gate_begin, mixture.values().begin() + end, 0.0f);
  }
  Adapter plain = Adapter::Make(backbone_->linear_maps(), {.rank = 6, .alpha = 12}, 1);
  for (std::size_t m = 0; m < plain.maps().size(); ++m) {
    const auto a = mixture.a_RI(mixture.maps()[m]);
    const auto b = mixture.b_OR(mixture.maps()[m]);
    std::ranges::copy(a, plain.values().begin() + plain.maps()[m].a_begin);
    std::ranges::transform(b, plain.values().begin() + plain.maps()[m].b_begin,
                           [](float value) { return value / 3; });
  }
  const auto mixed = Hidden(&mixture, Purpose::kScore);
  const auto merged = Hidden(&plain, Purpose::kScore);
  const auto without = Hidden(nullptr, Purpose::kScore);
  EXPECT_NE(mixed, without);
  for (std::size_t i = 0; i < mixed.size(); ++i) EXPECT_NEAR(mixed[i], merged[i], 1e-4);
  EXPECT_EQ(Hidden(&mixture, Purpose::kTrainAdapter), mixed);
}

TEST_P(MixtureTest, GatesAreWeightsThatDependOnTheWindow) {
  const Adapter adapter = RandomMixture(*backbone_);
  const MixtureGates gates(adapter);
  const auto state = gates.Forward(batch_, {items_ND_, {}, {}});
  ASSERT_EQ(std::ssize(state.gates_MSE), gates.maps() * 3 * 3);
  for (std::size_t row = 0; row < state.gates_MSE.size(); row += 3) {
    EXPECT_NEAR(state.gates_MSE[row] + state.gates_MSE[row + 1] + state.gates_MSE[row + 2], 1,
                1e-5);
  }
  EXPECT_NE(state.gates_MSE[0], state.gates_MSE[3]);  // another window
  EXPECT_NE(state.gates_MSE[0], state.gates_MSE[9]);  // another map
  // The definition for one map and window.
  const auto& map = adapter.maps()[1];
  const auto values = adapter.values().subspan(map.gate_begin);
  double logits[3];
  double sum = 0;
  for (int e = 0; e < 3; ++e) {
    logits[e] = values[5 * kDim + 5 + 15 + e];
    for (int h = 0; h < 5; ++h) {
      double inner = values[5 * kDim + h];
      for (std::int64_t d = 0; d < kDim; ++d) {
        double mean = 0;
        for (int t = 4; t < 10; ++t) mean += items_ND_[Index(batch_.items[t]) * kDim + d] / 6;
        inner += values[h * kDim + d] * mean;
      }
      logits[e] += values[5 * kDim + 5 + e * 5 + h] * std::tanh(inner);
    }
    sum += std::exp(logits[e] / 0.7);
  }
  for (int e = 0; e < 3; ++e) {
    EXPECT_NEAR(state.gates_MSE[(1 * 3 + 2) * 3 + e], std::exp(logits[e] / 0.7) / sum, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Backbones, MixtureTest,
                         ::testing::Values("sasrec", "tisasrec", "bert4rec"));

}  // namespace
}  // namespace raie
