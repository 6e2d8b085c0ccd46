// SASRec against its slow twin (tests/reference/sasrec_reference.h): values, and gradients by
// finite differences of the twin, with and without dropout and LoRA.
#include "backbones/sasrec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "kernels/dropout.h"
#include "raie/error.h"
#include "reference/sasrec_reference.h"
#include "support/random_tile.h"

namespace raie {
namespace {

using reference::Matrix;
using reference::SasrecModel;
using reference::Unit;
using testing_support::MakeRandomTile;
using testing_support::RandomTile;
using testing_support::RandomValues;

constexpr std::uint64_t kSeed = 11, kStep = 3;
constexpr std::int64_t kItems = 12;

struct Case {
  std::string name;
  std::string variant = "released";
  double dropout = 0;
  bool adapter = false;
  double lora_dropout = 0;
  std::vector<std::string> maps = LoraOptions().maps;
  bool all_outputs = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

// The engine's site numbers, by the twin's names.
std::uint32_t SiteOf(std::string_view name) {
  if (name == "embedding") return 0;
  const std::size_t dot = name.find('.', 7);
  const auto block = static_cast<std::uint32_t>(std::stoi(std::string(name.substr(7, dot - 7))));
  constexpr std::string_view places[] = {"attention", "attention.out", "ffn_in", "ffn_out"};
  const auto at = std::find(std::begin(places), std::end(places), name.substr(dot + 1));
  return 1 + 4 * block + static_cast<std::uint32_t>(at - std::begin(places));
}

class SasrecTwin : public ::testing::TestWithParam<Case> {
 protected:
  SasrecTwin() {
    options_ = SasrecPreset(GetParam().variant);
    options_.dim = 8;
    options_.heads = 2;
    options_.ffn_width = GetParam().variant == "original" ? 8 : 12;
    options_.context = 6;
    options_.dropout = GetParam().dropout;
    backbone_ = MakeSasrec(options_, 1);
    // Away from the start, where biases are zero and norms are one.
    const auto noise = RandomValues(backbone_->parameters().size(), 0.2, 5);
    for (std::size_t i = 0; i < noise.size(); ++i) backbone_->parameters()[i] += noise[i];
    LoraOptions lora;
    lora.rank = 3;
    lora.alpha = 4;
    lora.dropout = GetParam().lora_dropout;
    lora.maps = GetParam().maps;
    adapter_ = Adapter::Make(backbone_->linear_maps(), lora, 2);
    const auto values = RandomValues(adapter_.values().size(), 0.3, 6);
    std::copy(values.begin(), values.end(), adapter_.values().begin());
    const std::int32_t lengths[] = {6, 1, 4};
    tile_ = MakeRandomTile(lengths, kItems, options_.dim, 9);
    outputs_ = GetParam().all_outputs ? tile_.AllOutputs()
                                      : std::vector<OutputPosition>{{0, 2}, {0, 5}, {2, 3}};
    weights_ = RandomValues(outputs_.size() * options_.dim, 1, 8);
  }

  SasrecModel Model() const {
    SasrecModel model;
    model.options = options_;
    for (const Backbone::Parameter& p : backbone_->parameter_list()) {
      std::int64_t size = 1;
      for (const std::int64_t extent : p.shape) size *= extent;
      const auto values = backbone_->parameters().subspan(p.begin, size);
      model.parameters[p.name] = {values.begin(), values.end()};
    }
    const auto draw = [](double rate, std::uint32_t site, const Unit& unit) {
      const kernels::Dropout dropout{static_cast<float>(rate), kSeed, kStep, site};
      const auto row = kernels::MakeDropoutRow(
          dropout.Key(), {unit.key, static_cast<std::uint32_t>(unit.position)},
          static_cast<std::uint32_t>(unit.lane));
      return double{kernels::DropoutFactor(dropout, row, static_cast<std::uint32_t>(unit.column))};
    };
    model.dropout = [=, this](const Unit& unit) {
      if (options_.dropout == 0) return 1.0;
      return draw(options_.dropout, SiteOf(unit.site), unit);
    };
    if (!GetParam().adapter) return model;
    model.rank = adapter_.options().rank;
    model.scale = adapter_.options().alpha / static_cast<double>(model.rank);
    for (const Adapter::Map& map : adapter_.maps()) {
      const std::string& name = backbone_->linear_maps()[map.map].name;
      const auto a = adapter_.a_RI(map), b = adapter_.b_OR(map);
      model.adapter[name + ".lora_A"] = {a.begin(), a.end()};
      model.adapter[name + ".lora_B"] = {b.begin(), b.end()};
    }
    model.lora_dropout = [=, this](const Unit& unit) {
      if (adapter_.options().dropout == 0) return 1.0;
      const auto maps = backbone_->linear_maps();
      const auto at = std::find_if(maps.begin(), maps.end(),
                                   [&](const LinearMapInfo& map) { return map.name == unit.site; });
      const auto site =
          TransformerStack::kAdapterSite + static_cast<std::uint32_t>(at - maps.begin());
      return draw(adapter_.options().dropout, site, unit);
    };
    return model;
  }

  Matrix InputRows() const {
    Matrix rows;
    for (const ItemId item : tile_.batch.items) {
      const float* const row = &tile_.items_ND[Index(item) * options_.dim];
      rows.emplace_back(row, row + options_.dim);
    }
    return rows;
  }

  Matrix TwinHidden(const SasrecModel& model, const Matrix& input) const {
    Matrix all;
    for (std::int64_t row = 0; row < tile_.batch.num_rows(); ++row) {
      const Matrix own(input.begin() + tile_.batch.offsets[row],
                       input.begin() + tile_.batch.offsets[row + 1]);
      for (auto& h : reference::SasrecReference(model, tile_.batch.row_keys[row]).Run(own)) {
        all.push_back(std::move(h));
      }
    }
    Matrix wanted;
    for (const OutputPosition& o : outputs_) {
      wanted.push_back(all[tile_.batch.offsets[o.row] + o.position]);
    }
    return wanted;
  }

  // A loss with gradient weights_ on the hidden states.
  double TwinLoss(const SasrecModel& model, const Matrix& input) const {
    double loss = 0;
    std::size_t i = 0;
    for (const auto& row : TwinHidden(model, input)) {
      for (const double value : row) loss += value * weights_[i++];
    }
    return loss;
  }

  // Compares a gradient with central differences of the twin's loss over about 40 of the `values`.
  void ExpectGradient(std::span<const float> found, std::vector<double>& values,
                      const std::function<double()>& loss, const std::string& name) const {
    ASSERT_EQ(found.size(), values.size());
    const double step = 1e-5;
    double error = 0, largest = 0.1;  // some gradients are zero in exact arithmetic
    for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 40) {
      const double value = values[i];
      values[i] = value + step;
      const double above = loss();
      values[i] = value - step;
      const double slope = (above - loss()) / (2 * step);
      values[i] = value;
      error = std::max(error, std::fabs(slope - found[i]));
      largest = std::max(largest, std::fabs(slope));
    }
    EXPECT_LE(error / largest, 2e-5) << name;
  }

  SasrecOptions options_;
  std::unique_ptr<Backbone> backbone_;
  Adapter adapter_;
  RandomTile tile_;
  std::vector<OutputPosition> outputs_;
  std::vector<float> weights_;
};

TEST_P(SasrecTwin, ValuesAndGradientsAgree) {
  const bool adapted = GetParam().adapter;
  const auto bound = backbone_->Bind(adapted ? &adapter_ : nullptr,
                                     adapted ? Purpose::kTrainAdapter : Purpose::kTrainAll);
  const ItemRows rows = tile_.rows();
  const ForwardInput input{.batch = tile_.batch,
                           .outputs = outputs_,
                           .items = rows,
                           .training = true,
                           .seed = kSeed,
                           .step = kStep};
  std::vector<float> hidden(weights_.size());
  const auto tape = backbone_->Forward(*bound, input, hidden);
  SasrecModel model = Model();
  Matrix items = InputRows();
  std::size_t at = 0;
  for (const auto& row : TwinHidden(model, items)) {
    for (const double value : row) EXPECT_NEAR(hidden[at++], value, 2e-5);
  }

  std::vector<float> parameters(adapted ? 0 : backbone_->parameters().size());
  std::vector<float> adapter_grad(adapted ? adapter_.values().size() : 0);
  std::vector<float> input_grad(items.size() * options_.dim);
  backbone_->Backward(*bound, input, *tape, weights_, {parameters, adapter_grad, input_grad});
  const auto loss = [&] { return TwinLoss(model, items); };
  for (std::size_t t = 0; t < items.size(); ++t) {
    ExpectGradient(std::span(input_grad).subspan(t * options_.dim, options_.dim), items[t], loss,
                   "input of token " + std::to_string(t));
  }
  if (!adapted) {
    for (const Backbone::Parameter& p : backbone_->parameter_list()) {
      auto& values = model.parameters.at(p.name);
      ExpectGradient(std::span(parameters).subspan(p.begin, values.size()), values, loss, p.name);
    }
    return;
  }
  for (const Adapter::Map& map : adapter_.maps()) {
    const std::string& name = backbone_->linear_maps()[map.map].name;
    auto& a = model.adapter.at(name + ".lora_A");
    auto& b = model.adapter.at(name + ".lora_B");
    ExpectGradient(std::span(adapter_grad).subspan(map.a_begin, a.size()), a, loss, name + " A");
    ExpectGradient(std::span(adapter_grad).subspan(map.b_begin, b.size()), b, loss, name + " B");
  }
  // Backward may stop early where nothing below is trained: the same numbers.
  std::vector<float> again(adapter_grad.size());
  backbone_->Backward(*bound, input, *tape, weights_, {{}, again, {}});
  EXPECT_EQ(again, adapter_grad);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const std::string variant : {"released", "original"}) {
    cases.push_back({.name = variant + "_full", .variant = variant});
    cases.push_back({.name = variant + "_full_all", .variant = variant, .all_outputs = true});
    cases.push_back({.name = variant + "_full_dropout", .variant = variant, .dropout = 0.3});
    cases.push_back({.name = variant + "_full_dropout_all",
                     .variant = variant,
                     .dropout = 0.3,
                     .all_outputs = true});
    cases.push_back(
        {.name = variant + "_merged", .variant = variant, .dropout = 0.3, .adapter = true});
    cases.push_back({.name = variant + "_apart",
                     .variant = variant,
                     .dropout = 0.3,
                     .adapter = true,
                     .lora_dropout = 0.4});
    cases.push_back({.name = variant + "_apart_all",
                     .variant = variant,
                     .adapter = true,
                     .lora_dropout = 0.4,
                     .all_outputs = true});
    for (const std::string& kind : LoraOptions().maps) {
      cases.push_back({.name = variant + "_only_" + kind,
                       .variant = variant,
                       .dropout = 0.3,
                       .adapter = true,
                       .maps = {kind}});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Cases, SasrecTwin, ::testing::ValuesIn(Cases()),
                         [](const auto& param) { return param.param.name; });

TEST(Sasrec, AFreshOneIsXavierWithZeroBiases) {
  SasrecOptions options;
  options.dim = 16;
  const auto backbone = MakeSasrec(options, 4);
  for (const Backbone::Parameter& p : backbone->parameter_list()) {
    SCOPED_TRACE(p.name);
    const std::int64_t count = p.shape[0] * (p.shape.size() > 1 ? p.shape[1] : 1);
    const auto values = backbone->parameters().subspan(p.begin, count);
    double squares = 0;
    for (const float value : values) squares += double{value} * value / values.size();
    if (p.name == "position.weight") {
      EXPECT_NEAR(std::sqrt(squares), options.init_std, 0.002);
    } else if (p.shape.size() == 2) {
      const double bound = std::sqrt(6.0 / (p.shape[0] + p.shape[1]));
      EXPECT_NEAR(std::sqrt(squares), bound / std::sqrt(3), 0.1 * bound);
      EXPECT_TRUE(p.decays);
    } else {
      EXPECT_EQ(squares, p.name.ends_with("weight") ? 1.0 : 0.0);
      EXPECT_FALSE(p.decays);
    }
  }
}

TEST(Sasrec, HeadsThatDoNotDivideTheWidthAreRefused) {
  SasrecOptions options;
  options.dim = 10;
  options.heads = 4;
  try {
    MakeSasrec(options, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "heads = 4 does not divide dim = 10", error.what());
  }
  EXPECT_THROW(SasrecPreset("newest"), Error);
}

}  // namespace
}  // namespace raie
