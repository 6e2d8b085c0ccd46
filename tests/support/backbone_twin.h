// Is a transformer over item rows what its slow twin says?
// (tests/reference/transformer_reference.h)
//
// Concept: values, and gradients by finite differences of the twin, with and without dropout and
//          LoRA; dropout with the bits the engine draws. Tests say how the backbone is made and how
//          its twin runs one sequence.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backbones/item_transformer.h"
#include "backbones/sasrec.h"
#include "kernels/dropout.h"
#include "reference/transformer_reference.h"
#include "support/random_tile.h"

namespace raie::testing_support {

using reference::Matrix;
using reference::TransformerModel;
using reference::Unit;

// What is trained, and under which dropout.
struct TwinCase {
  std::string name;
  std::string variant = "released";
  double dropout = 0;
  bool adapter = false;
  double lora_dropout = 0;
  std::vector<std::string> maps = LoraOptions().maps;
  bool all_outputs = false;
  double tolerance = 2e-5;  // of a gradient, of its largest number
};

inline std::ostream& operator<<(std::ostream& out, const TwinCase& c) { return out << c.name; }

// The engine's site numbers, by the twin's names.
inline std::uint32_t SiteOf(std::string_view name) {
  if (name == "embedding") return 0;
  const std::size_t dot = name.find('.', 7);
  const auto block = static_cast<std::uint32_t>(std::stoi(std::string(name.substr(7, dot - 7))));
  constexpr std::string_view places[] = {"attention", "attention.out", "ffn_in", "ffn_out"};
  const auto at = std::find(std::begin(places), std::end(places), name.substr(dot + 1));
  return 1 + 4 * block + static_cast<std::uint32_t>(at - std::begin(places));
}

// A backbone and its twin: item rows of one sequence in (zero for kMaskItem), hidden states out;
// `row` is its row in the tile.
struct TwinSubject {
  TransformerOptions options;
  ItemTransformerShape shape;
  std::unique_ptr<Backbone> backbone;
  std::function<Matrix(const TransformerModel&, const RandomTile&, std::int64_t row,
                       const Matrix& items)>
      run_row;
  std::vector<std::int64_t> masked = {};  // tokens of the tile that are kMaskItem
};

class BackboneTwin {
 public:
  // Sizes that the twin can bear.
  static void Shrink(const TwinCase& c, TransformerOptions& options) {
    options.dim = 8;
    options.heads = 2;
    options.ffn_width = c.variant == "original" || c.variant == "query" ? 8 : 12;
    options.context = 6;
    options.dropout = c.dropout;
  }

  BackboneTwin(const TwinCase& c, TwinSubject subject)
      : case_(c),
        options_(subject.options),
        shape_(subject.shape),
        backbone_(std::move(subject.backbone)),
        run_row_(std::move(subject.run_row)) {
    // Away from the start, where biases are zero and norms are one.
    const auto noise = RandomValues(backbone_->parameters().size(), 0.2, 5);
    for (std::size_t i = 0; i < noise.size(); ++i) backbone_->parameters()[i] += noise[i];
    LoraOptions lora;
    lora.rank = 3;
    lora.alpha = 4;
    lora.dropout = c.lora_dropout;
    lora.maps = c.maps;
    adapter_ = Adapter::Make(backbone_->linear_maps(), lora, 2);
    const auto values = RandomValues(adapter_.values().size(), 0.3, 6);
    std::copy(values.begin(), values.end(), adapter_.values().begin());
    const std::int32_t lengths[] = {6, 1, 4};
    tile_ = MakeRandomTile(lengths, kItems, backbone_->dim(), 9);
    for (const std::int64_t token : subject.masked) tile_.batch.items[token] = kMaskItem;
    outputs_ =
        c.all_outputs ? tile_.AllOutputs() : std::vector<OutputPosition>{{0, 2}, {0, 5}, {2, 3}};
    weights_ = RandomValues(outputs_.size() * backbone_->dim(), 1, 8);
  }

  // Values of the engine, and all its gradients, are the twin's.
  void Check() {
    const bool adapted = case_.adapter;
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
    TransformerModel model = Model();
    Matrix items = InputRows();
    std::size_t at = 0;
    for (const auto& row : TwinHidden(model, items)) {
      for (const double value : row) EXPECT_NEAR(hidden[at++], value, 2e-5);
    }

    std::vector<float> parameters(adapted ? 0 : backbone_->parameters().size());
    std::vector<float> adapter_grad(adapted ? adapter_.values().size() : 0);
    std::vector<float> input_grad(items.size() * backbone_->dim());
    backbone_->Backward(*bound, input, *tape, weights_, {parameters, adapter_grad, input_grad});
    CheckGradients({parameters, adapter_grad, input_grad}, model, items);
    if (!adapted) return;
    // Backward may stop early where nothing below is trained: the same numbers.
    std::vector<float> again(adapter_grad.size());
    backbone_->Backward(*bound, input, *tape, weights_, {{}, again, {}});
    EXPECT_EQ(again, adapter_grad);
  }

 private:
  void CheckGradients(const GradientSink& sink, TransformerModel& model, Matrix& items) const {
    const auto loss = [&] { return TwinLoss(model, items); };
    for (std::size_t t = 0; t < items.size(); ++t) {
      ExpectGradient(sink.input_TD.subspan(t * backbone_->dim(), backbone_->dim()), items[t], loss,
                     "input of token " + std::to_string(t));
    }
    if (!sink.parameters.empty()) {
      for (const Backbone::Parameter& p : backbone_->parameter_list()) {
        auto& values = model.parameters.at(p.name);
        ExpectGradient(sink.parameters.subspan(p.begin, values.size()), values, loss, p.name);
      }
      return;
    }
    for (const Adapter::Map& map : adapter_.maps()) {
      const std::string& name = backbone_->linear_maps()[map.map].name;
      auto& a = model.adapter.at(name + ".lora_A");
      auto& b = model.adapter.at(name + ".lora_B");
      ExpectGradient(sink.adapter.subspan(map.a_begin, a.size()), a, loss, name + " A");
      ExpectGradient(sink.adapter.subspan(map.b_begin, b.size()), b, loss, name + " B");
    }
  }

  TransformerModel Model() const {
    TransformerModel model;
    model.options = options_;
    model.shape = shape_;
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
    if (!case_.adapter) return model;
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
      if (item == kMaskItem) {
        rows.emplace_back(backbone_->dim(), 0.0);
        continue;
      }
      const float* const row = &tile_.items_ND[Index(item) * backbone_->dim()];
      rows.emplace_back(row, row + backbone_->dim());
    }
    return rows;
  }

  Matrix TwinHidden(const TransformerModel& model, const Matrix& input) const {
    Matrix all;
    for (std::int64_t row = 0; row < tile_.batch.num_rows(); ++row) {
      const Matrix own(input.begin() + tile_.batch.offsets[row],
                       input.begin() + tile_.batch.offsets[row + 1]);
      for (auto& h : run_row_(model, tile_, row, own)) all.push_back(std::move(h));
    }
    Matrix wanted;
    for (const OutputPosition& o : outputs_) {
      wanted.push_back(all[tile_.batch.offsets[o.row] + o.position]);
    }
    return wanted;
  }

  // A loss with gradient weights_ on the hidden states.
  double TwinLoss(const TransformerModel& model, const Matrix& input) const {
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
    EXPECT_LE(error / largest, case_.tolerance) << name;
  }

  static constexpr std::uint64_t kSeed = 11, kStep = 3;
  static constexpr std::int64_t kItems = 12;

  TwinCase case_;
  TransformerOptions options_;
  ItemTransformerShape shape_;
  std::unique_ptr<Backbone> backbone_;
  std::function<Matrix(const TransformerModel&, const RandomTile&, std::int64_t, const Matrix&)>
      run_row_;
  Adapter adapter_;
  RandomTile tile_;
  std::vector<OutputPosition> outputs_;
  std::vector<float> weights_;
};

// Both variants, everything or an adapter trained, with and without dropout; each kind of map
// alone.
inline std::vector<TwinCase> TwinCases() {
  std::vector<TwinCase> cases;
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

// What other libraries do otherwise (docs/decisions/008): every option of SasrecOptions is there.
inline std::vector<TwinCase> LibraryTwinCases() {
  std::vector<TwinCase> cases;
  for (const std::string variant : {"left_post", "query", "plain_pre", "dense_bias"}) {
    cases.push_back({.name = variant + "_full", .variant = variant});
    cases.push_back({.name = variant + "_full_dropout_all",
                     .variant = variant,
                     .dropout = 0.3,
                     .all_outputs = true});
    cases.push_back(
        {.name = variant + "_merged", .variant = variant, .dropout = 0.3, .adapter = true});
    cases.push_back({.name = variant + "_apart_all",
                     .variant = variant,
                     .adapter = true,
                     .lora_dropout = 0.4,
                     .all_outputs = true});
    for (const std::string kind : {"k", "out", "ffn_in"}) {
      cases.push_back({.name = variant + "_only_" + kind,
                       .variant = variant,
                       .dropout = 0.3,
                       .adapter = true,
                       .maps = {kind}});
    }
  }
  // One norm behind another, of 8 numbers each, amplifies the rounding.
  for (TwinCase& c : cases) c.tolerance = 6e-5;
  return cases;
}

// The cases that adapt every map. Which map is adapted alone is the stack's business, proved with
// SASRec.
inline std::vector<TwinCase> WholeTwinCases() {
  std::vector<TwinCase> cases = TwinCases();
  std::erase_if(cases, [](const TwinCase& c) { return c.maps.size() == 1; });
  return cases;
}

// The options of a variant of LibraryTwinCases, of SasrecPreset otherwise.
inline SasrecOptions VariantOptions(const std::string& variant) {
  SasrecOptions options;
  options.layer_norm_epsilon = 1e-2;  // norms of 8 numbers: smaller ones amplify the rounding
  if (variant == "left_post") {       // RecBole's SASRec
    options.position_order = PositionOrder::kFromStart;
    options.embedding_norm = true;
    options.final_norm = false;
  } else if (variant == "query") {  // RecTools' SASRec
    options.norm = NormPlace::kQuery;
    options.activation = Activation::kRelu;
    options.input_scale = InputScale::kSqrtDim;
    options.padding = Padding::kAttended;
    options.final_norm_epsilon = 1e-3;
  } else if (variant == "plain_pre") {  // RecTools' BERT4Rec
    options.norm = NormPlace::kPre;
    options.final_norm = false;
    options.padding = Padding::kAttended;
  } else if (variant == "dense_bias") {  // RecBole's BERT4Rec
    options.position_order = PositionOrder::kFromStart;
    options.embedding_norm = true;
    options.output_layer = OutputLayer::kDense;
    options.item_bias = true;
  } else {
    return SasrecPreset(variant);
  }
  return options;
}

// Options of a backbone that are those of a variant and its own defaults.
template <class Options>
Options PresetOptions(const std::string& variant) {
  Options options;
  static_cast<SasrecOptions&>(options) = VariantOptions(variant);
  return options;
}

}  // namespace raie::testing_support
