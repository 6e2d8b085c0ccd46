// CausalLm against its slow twin (tests/reference/decoder_reference.h), and its prompts.
#include "backbones/causal_lm/causal_lm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "kernels/dropout.h"
#include "raie/error.h"
#include "reference/decoder_reference.h"
#include "support/random_decoder.h"
#include "support/random_tile.h"

namespace raie {
namespace {

using reference::DecoderModel;
using reference::DecoderReference;
using reference::DecoderRows;
using testing_support::History;
using testing_support::MakeRandomTile;
using testing_support::NoisyDecoder;
using testing_support::RandomTile;
using testing_support::RandomValues;
using testing_support::TinyDecoder;
using testing_support::TinyPrompt;

struct LmCase {
  std::string model = "llama";
  History history = History::kItems;
  std::vector<std::string> maps = {"q", "k", "v", "o", "gate", "up", "down"};
  std::int64_t last_layers = 0;
  double dropout = 0;
  bool centred = false;
};

std::ostream& operator<<(std::ostream& out, const LmCase& c) {
  out << c.model << (c.history == History::kTitles ? "_titles" : "");
  if (c.maps.size() < 7) out << "_only";
  for (const std::string& map : c.maps) {
    if (c.maps.size() < 7) out << "_" << map;
  }
  if (c.last_layers > 0) out << "_last";
  if (c.dropout > 0) out << "_dropout";
  if (c.centred) out << "_centred";
  return out;
}

class CausalLmTwin : public ::testing::TestWithParam<LmCase> {
 protected:
  CausalLmTwin()
      : lm_(NoisyDecoder(TinyDecoder(GetParam().model), Precision::kFp32, 1),
            TinyPrompt(GetParam().history), {}, MakeCentring()),
        adapter_(MakeAdapter()),
        model_(reference::ModelOf(lm_.weights())) {
    const std::int32_t lengths[] = {6, 1, 4};
    tile_ = MakeRandomTile(lengths, 30, lm_.dim(), 9);
    outputs_ = {{0, 2}, {0, 5}, {1, 0}, {2, 3}};
    grad_ = RandomValues(outputs_.size() * lm_.dim(), 1, 8);
    model_.rank = adapter_.options().rank;
    model_.scale = adapter_.options().alpha / static_cast<double>(model_.rank);
    for (const Adapter::Map& map : adapter_.maps()) {
      const std::string& name = lm_.linear_maps()[map.map].name;
      const auto a = adapter_.a_RI(map), b = adapter_.b_OR(map);
      model_.adapter[name + ".lora_A"] = {a.begin(), a.end()};
      model_.adapter[name + ".lora_B"] = {b.begin(), b.end()};
    }
    for (const ItemId item : tile_.batch.items) {
      const float* const row = &tile_.items_ND[Index(item) * lm_.dim()];
      input_.emplace_back(row, row + lm_.dim());
    }
  }

  static Centring MakeCentring() {
    if (!GetParam().centred) return {};
    const std::int64_t dim = TinyDecoder(GetParam().model).dim;
    return {.mean_D = RandomValues(dim, 1, 4), .scale = 2.5F};
  }

  Adapter MakeAdapter() const {
    LoraOptions options;
    options.rank = 3;
    options.alpha = 4;
    options.maps = GetParam().maps;
    options.last_layers = GetParam().last_layers;
    options.dropout = GetParam().dropout;
    Adapter adapter = Adapter::Make(lm_.linear_maps(), options, 2);
    const auto values = RandomValues(adapter.values().size(), 0.3, 6);
    std::copy(values.begin(), values.end(), adapter.values().begin());
    return adapter;
  }

  // The input rows of the prompt of a row, and where its items end.
  DecoderRows PromptOf(std::int64_t row, std::vector<std::size_t>& ends) const {
    const PromptSpec& spec = lm_.prompt();
    DecoderRows x;
    const auto text = [&](std::span<const std::int32_t> ids) {
      for (const std::int32_t id : ids) {
        std::vector<float> embedding(lm_.dim());
        lm_.weights().embedding.CopyRow(id, embedding);
        x.emplace_back(embedding.begin(), embedding.end());
      }
    };
    for (const PromptPart& part : spec.parts) {
      if (part.kind == PromptPartKind::kText) text(part.text);
      if (part.kind == PromptPartKind::kUser) text(spec.users[row]);
      if (part.kind != PromptPartKind::kHistory) continue;
      for (auto b = tile_.batch.offsets[row]; b < tile_.batch.offsets[row + 1]; ++b) {
        if (!spec.writes_titles()) {
          x.push_back(input_[b]);
        } else {
          if (b > tile_.batch.offsets[row]) text(spec.separator);
          text(spec.titles[Index(tile_.batch.items[b])]);
        }
        ends.push_back(x.size() - 1);
      }
    }
    ends.back() = x.size() - 1;  // the end of the prompt
    return x;
  }

  DecoderRows TwinHidden() {
    DecoderRows wanted;
    std::size_t next = 0;
    for (std::int32_t row = 0; row < tile_.batch.num_rows(); ++row) {
      model_.lora_dropout = [&](const std::string& map, std::int64_t position,
                                std::int64_t column) {
        if (GetParam().dropout == 0) return 1.0;
        const auto maps = lm_.linear_maps();
        const auto at = std::find_if(maps.begin(), maps.end(),
                                     [&](const LinearMapInfo& info) { return info.name == map; });
        const kernels::Dropout dropout{
            static_cast<float>(GetParam().dropout), kSeed, kStep,
            TransformerStack::kAdapterSite + static_cast<std::uint32_t>(at - maps.begin())};
        const auto bits = kernels::MakeDropoutRow(
            dropout.Key(), {tile_.batch.row_keys[row], static_cast<std::uint32_t>(position)});
        return double{kernels::DropoutFactor(dropout, bits, static_cast<std::uint32_t>(column))};
      };
      std::vector<std::size_t> ends;
      const DecoderRows hidden = DecoderReference(model_).Run(PromptOf(row, ends));
      for (; next < outputs_.size() && outputs_[next].row == row; ++next) {
        wanted.push_back(hidden[ends[outputs_[next].position]]);
        const Centring& centring = lm_.centring();
        for (std::size_t d = 0; d < centring.mean_D.size(); ++d) {
          wanted.back()[d] = (wanted.back()[d] - centring.mean_D[d]) * centring.scale;
        }
      }
    }
    return wanted;
  }

  double TwinLoss() {
    double loss = 0;
    std::size_t i = 0;
    for (const auto& row : TwinHidden()) {
      for (const double value : row) loss += value * grad_[i++];
    }
    return loss;
  }

  // Central differences over about 8 of the `values`.
  void ExpectSlope(std::span<const float> found, std::vector<double>& values,
                   const std::string& name) {
    ASSERT_EQ(found.size(), values.size());
    const double step = 1e-5;
    double error = 0, largest = 0.1;
    for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 8) {
      const double value = values[i];
      values[i] = value + step;
      const double above = TwinLoss();
      values[i] = value - step;
      const double slope = (above - TwinLoss()) / (2 * step);
      values[i] = value;
      error = std::max(error, std::fabs(slope - found[i]));
      largest = std::max(largest, std::fabs(slope));
    }
    EXPECT_LE(error / largest, 2e-5) << name;
  }

  static constexpr std::uint64_t kSeed = 11, kStep = 3;
  CausalLm lm_;
  Adapter adapter_;
  DecoderModel model_;
  RandomTile tile_;
  std::vector<OutputPosition> outputs_;
  std::vector<float> grad_;
  DecoderRows input_;  // the item row of every token of the batch
};

TEST_P(CausalLmTwin, StatesAndGradientsAreTheTwins) {
  const auto bound = lm_.Bind(&adapter_, Purpose::kTrainAdapter);
  const ItemRows rows = tile_.rows();
  const ForwardInput input{.batch = tile_.batch,
                           .outputs = outputs_,
                           .items = rows,
                           .training = true,
                           .seed = kSeed,
                           .step = kStep};
  std::vector<float> hidden(grad_.size());
  const auto tape = lm_.Forward(*bound, input, hidden);
  std::size_t at = 0;
  for (const auto& row : TwinHidden()) {
    for (const double value : row) EXPECT_NEAR(hidden[at++], value, 2e-5);
  }
  std::vector<float> values(adapter_.values().size()), inputs(input_.size() * lm_.dim());
  lm_.Backward(*bound, input, *tape, grad_, {{}, values, inputs});
  for (std::size_t t = 0; t < input_.size(); ++t) {
    const auto found = std::span(inputs).subspan(t * lm_.dim(), lm_.dim());
    if (GetParam().history == History::kTitles) {
      EXPECT_TRUE(std::all_of(found.begin(), found.end(), [](float v) { return v == 0; }));
    } else {
      ExpectSlope(found, input_[t], "input of token " + std::to_string(t));
    }
  }
  for (const Adapter::Map& map : adapter_.maps()) {
    const std::string& name = lm_.linear_maps()[map.map].name;
    auto& a = model_.adapter.at(name + ".lora_A");
    auto& b = model_.adapter.at(name + ".lora_B");
    ExpectSlope(std::span(values).subspan(map.a_begin, a.size()), a, name + " A");
    ExpectSlope(std::span(values).subspan(map.b_begin, b.size()), b, name + " B");
  }
  std::vector<float> again(values.size());
  lm_.Backward(*bound, input, *tape, grad_, {{}, again, {}});
  EXPECT_EQ(again, values);
}

std::vector<LmCase> TwinLmCases() {
  std::vector<LmCase> cases;
  for (const std::string model : {"llama", "qwen2", "qwen3", "biased"}) cases.push_back({model});
  cases.push_back({.model = "qwen3", .history = History::kTitles});
  cases.push_back({.model = "biased", .last_layers = 1});
  cases.push_back({.model = "llama", .dropout = 0.4});
  cases.push_back({.model = "llama", .centred = true});
  for (const std::string map : {"q", "v", "o", "up", "down"}) {
    cases.push_back({.model = "qwen3", .maps = {map}});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Cases, CausalLmTwin, ::testing::ValuesIn(TwinLmCases()),
                         ::testing::PrintToStringParamName());

class CausalLmPrompt : public ::testing::Test {
 protected:
  static CausalLm Make(PromptSpec spec) {
    return CausalLm(NoisyDecoder(TinyDecoder("llama"), Precision::kFp32, 1), std::move(spec));
  }
  static std::vector<float> LastStates(const CausalLm& lm, const RandomTile& tile) {
    const ItemRows rows = tile.rows();
    const auto outputs = tile.LastOutputs();
    std::vector<float> hidden(outputs.size() * lm.dim());
    lm.Forward(*lm.Bind(nullptr, Purpose::kScore),
               {.batch = tile.batch, .outputs = outputs, .items = rows}, hidden);
    return hidden;
  }
  static RandomTile Tile(std::int32_t length) {
    return MakeRandomTile(std::span(&length, 1), 30, 12, 4);
  }
  static void ExpectRefused(PromptSpec spec, const std::string& reason) {
    try {
      Make(std::move(spec));
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
    }
  }
};

TEST_F(CausalLmPrompt, WhatIsTooLongLosesItsOldestItems) {
  PromptSpec spec = TinyPrompt(History::kItems);
  spec.max_tokens = 5 + 1 + 4;  // the text, user 0 and four items
  const RandomTile tile = Tile(9);
  RandomTile recent = Tile(9);
  recent.batch.items.erase(recent.batch.items.begin(), recent.batch.items.begin() + 5);
  recent.batch.times.clear();
  recent.batch.offsets = {0, 4};
  const CausalLm cut = Make(spec);
  EXPECT_EQ(LastStates(cut, tile), LastStates(cut, recent));
  EXPECT_EQ(LastStates(cut, recent), LastStates(Make(TinyPrompt(History::kItems)), recent));
  EXPECT_NE(LastStates(cut, tile), LastStates(Make(TinyPrompt(History::kItems)), tile));

  // What was dropped has no state, and no gradient.
  const ItemRows rows = tile.rows();
  std::vector<float> hidden(2 * 12);
  const auto bound = cut.Bind(nullptr, Purpose::kTrainAll);
  const std::vector<OutputPosition> dropped = {{0, 4}, {0, 8}}, kept = {{0, 5}, {0, 8}};
  EXPECT_THROW(
      cut.Forward(*bound, {.batch = tile.batch, .outputs = dropped, .items = rows}, hidden), Error);
  const ForwardInput input{.batch = tile.batch, .outputs = kept, .items = rows, .training = true};
  const auto tape = cut.Forward(*bound, input, hidden);
  std::vector<float> inputs(9 * 12, 7.0f);
  cut.Backward(*bound, input, *tape, hidden, {{}, {}, inputs});
  EXPECT_TRUE(std::all_of(inputs.begin(), inputs.begin() + 5 * 12, [](float v) { return v == 0; }));
  EXPECT_TRUE(std::all_of(inputs.begin() + 5 * 12, inputs.end(), [](float v) { return v != 0; }));
}

TEST_F(CausalLmPrompt, TitlesAreCutByWholeItems) {
  PromptSpec spec = TinyPrompt(History::kTitles);
  RandomTile tile = Tile(3);
  for (int i = 0; i < 3; ++i) tile.batch.items[i] = ItemId{1 + 2 * i};  // two tokens each
  // Room for two titles and a separator, but one token.
  spec.max_tokens = 5 + 1 + 2 * 2 + 1 + 2;
  RandomTile recent = tile;
  recent.batch.items.erase(recent.batch.items.begin());
  recent.batch.times.clear();
  recent.batch.offsets = {0, 2};
  EXPECT_EQ(LastStates(Make(spec), tile), LastStates(Make(spec), recent));
  spec.max_tokens += 1;
  EXPECT_NE(LastStates(Make(spec), tile), LastStates(Make(spec), recent));
}

TEST_F(CausalLmPrompt, ATitleWithoutRoomIsCutWhateverTheUsersOfOthers) {
  PromptSpec spec = TinyPrompt(History::kTitles);
  spec.titles = {};
  for (std::int32_t item = 0; item < 30; ++item) spec.titles.Add(TokenIds{5, 6, 7, 8, item % 9});
  spec.max_tokens = 5 + 1 + 3;  // the text, user 0 and three tokens of a title
  RandomTile tile = Tile(2);
  const auto shown = LastStates(Make(spec), tile);
  spec.titles.ids[spec.titles.offsets[Index(tile.batch.items[1])] + 3] = 20;
  EXPECT_EQ(LastStates(Make(spec), tile), shown);
  const TokenIds longer(3, 11);
  spec.users.Add(longer);
  EXPECT_EQ(LastStates(Make(spec), tile), shown);
  spec.titles.ids[spec.titles.offsets[Index(tile.batch.items[1])] + 2] = 20;
  EXPECT_NE(LastStates(Make(spec), tile), shown);
}

TEST_F(CausalLmPrompt, WhoeverIsNamedIsRead) {
  const CausalLm lm = Make(TinyPrompt(History::kItems));
  RandomTile tile = Tile(4);
  const ItemRows rows = tile.rows();
  const auto outputs = tile.LastOutputs();
  const auto states = [&](const TokenIds& user) {
    std::vector<float> hidden(lm.dim());
    lm.Forward(*lm.Bind(nullptr, Purpose::kScore),
               {.batch = tile.batch, .outputs = outputs, .items = rows, .user_tokens = user},
               hidden);
    return hidden;
  };
  const auto nobody = states({});
  tile.batch.users[0] = UserId{2};  // tokens 12, 11, 12
  const auto second = states({});
  EXPECT_NE(second, nobody);
  tile.batch.users[0] = UserId{-1};  // not known here
  EXPECT_EQ(states({12, 11, 12}), second);
  EXPECT_EQ(states({10}), nobody);
}

TEST_F(CausalLmPrompt, TheUserIsRead) {
  const CausalLm lm = Make(TinyPrompt(History::kItems));
  EXPECT_TRUE(lm.reads_users());
  RandomTile tile = Tile(4);
  const auto before = LastStates(lm, tile);
  tile.batch.users[0] = UserId{1};
  EXPECT_NE(LastStates(lm, tile), before);
  tile.batch.users[0] = UserId{-1};
  EXPECT_THROW(LastStates(lm, tile), Error) << "an unknown user";
  tile.batch.users.clear();
  EXPECT_THROW(LastStates(lm, tile), Error) << "no users";
  PromptSpec spec = TinyPrompt(History::kItems);
  spec.unknown_user = {10};  // the tokens of user 0
  tile.batch.users = {UserId{-1}};
  EXPECT_EQ(LastStates(Make(spec), tile), before);
}

TEST_F(CausalLmPrompt, TemplatesThatCannotBeAreRefused) {
  const PromptSpec good = TinyPrompt(History::kTitles);
  PromptSpec spec = good;
  spec.parts.erase(spec.parts.begin() + 3);
  ExpectRefused(spec, "the history 0 times");
  spec = good;
  spec.parts[0].text[1] = 30;
  ExpectRefused(spec, "token 30 of a vocabulary of 30; is the tokenizer another model's?");
  spec = good;
  spec.titles.Add({});
  ExpectRefused(spec, "item 30 has an empty title");
  spec = good;
  spec.max_tokens = 65;
  ExpectRefused(spec, "max_tokens = 65; the model reads prompts of 1 to 64");
  spec.max_tokens = 5;
  ExpectRefused(spec, "leaves no room for an item");
  spec = good;
  spec.max_tokens = 8;  // the text and the longest user's id
  RandomTile tile = Tile(2);
  tile.batch.users[0] = UserId{2};
  EXPECT_THROW(LastStates(Make(spec), tile), Error) << "no room for the last item";
}

TEST_F(CausalLmPrompt, ATextHasTheStatesOfItsPrompt) {
  const auto weights = NoisyDecoder(TinyDecoder("qwen3"), Precision::kFp32, 1);
  PromptSpec spec = TinyPrompt(History::kTitles);
  const CausalLm lm(weights, spec);
  const RandomTile tile = Tile(1);
  TokenIds ids = {1, 4, 10, 7};
  const auto title = spec.titles[Index(tile.batch.items[0])];
  ids.insert(ids.end(), title.begin(), title.end());
  ids.insert(ids.end(), {9, 2});
  const auto states = TextStates(weights, ids, nullptr);
  const auto last = LastStates(lm, tile);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), states.end() - 12));
  EXPECT_THROW(TextStates(weights, TokenIds{30}, nullptr), Error);
  EXPECT_THROW(TextStates(weights, {}, nullptr), Error);
}

TEST_F(CausalLmPrompt, MeanRowsAreMeansOfEmbeddings) {
  const auto weights = NoisyDecoder(TinyDecoder("llama"), Precision::kBf16, 1);
  TokenLists lists;
  lists.Add(TokenIds{3});
  lists.Add(TokenIds{3, 5});
  const auto rows = MeanTokenRows(*weights, lists);
  std::vector<float> three(12), five(12);
  weights->embedding.CopyRow(3, three);
  weights->embedding.CopyRow(5, five);
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(rows[i], three[i]);
    EXPECT_FLOAT_EQ(rows[12 + i], (three[i] + five[i]) / 2);
  }
  lists.Add({});
  EXPECT_THROW(MeanTokenRows(*weights, lists), Error);
}

// Gates read item rows, and so do the prompts' item tokens: both gradients meet in the rows.
TEST(CausalLmMixture, TheGradientIsTheSlopeOfTheLoss) {
  for (const History history : {History::kItems, History::kTitles}) {
    const CausalLm lm(NoisyDecoder(TinyDecoder("biased"), Precision::kFp32, 2),
                      TinyPrompt(history));
    LoraOptions options;
    options.rank = 2;
    options.maps = {"k", "o", "gate"};
    Adapter adapter =
        Adapter::MakeMixture(lm.linear_maps(), options, {.experts = 2, .hidden = 3}, lm.dim(), 2);
    const auto noise = RandomValues(adapter.values().size(), 0.3, 6);
    for (std::size_t i = 0; i < noise.size(); ++i) adapter.values()[i] += noise[i];
    const std::int32_t lengths[] = {4, 1, 7};
    RandomTile tile = MakeRandomTile(lengths, 30, lm.dim(), 5);
    const auto outputs = tile.LastOutputs();
    const auto grad = RandomValues(outputs.size() * lm.dim(), 1, 8);
    const auto loss = [&](std::vector<float>* values, std::vector<float>* inputs) {
      const ItemRows rows = tile.rows();
      const auto bound = lm.Bind(&adapter, Purpose::kTrainAdapter);
      const ForwardInput input{
          .batch = tile.batch, .outputs = outputs, .items = rows, .training = true};
      std::vector<float> hidden(grad.size());
      const auto tape = lm.Forward(*bound, input, hidden);
      if (values != nullptr) lm.Backward(*bound, input, *tape, grad, {{}, *values, *inputs});
      double sum = 0;
      for (std::size_t i = 0; i < grad.size(); ++i) sum += double{grad[i]} * hidden[i];
      return sum;
    };
    std::vector<float> values(adapter.values().size()), inputs(tile.batch.items.size() * lm.dim());
    loss(&values, &inputs);
    std::vector<float> of_items(tile.items_ND.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      of_items[Index(tile.batch.items[i / lm.dim()]) * lm.dim() + i % lm.dim()] += inputs[i];
    }
    const auto expect_slope = [&](std::span<float> at, std::span<const float> slope) {
      const auto direction = RandomValues(at.size(), 1, 40);
      const std::vector<float> start(at.begin(), at.end());
      const auto move = [&](float step) {
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = start[i] + step * direction[i];
        return loss(nullptr, nullptr);
      };
      double expected = 0;
      for (std::size_t i = 0; i < at.size(); ++i) expected += double{slope[i]} * direction[i];
      const float step = 1e-4f;
      const double found = (move(step) - move(-step)) / (2 * double{step});
      std::copy(start.begin(), start.end(), at.begin());
      EXPECT_NEAR(found, expected, 0.01 * std::fabs(expected) + 0.02);
    };
    expect_slope(adapter.values(), values);
    expect_slope(tile.items_ND, of_items);
  }
}

TEST(CausalLmPrefix, KeepingItGivesTheBitsOfComputingIt) {
  const std::int32_t lengths[] = {4, 1, 7, 12};
  for (const std::string model : {"llama", "qwen2", "qwen3", "biased"}) {
    for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
      for (const History history : {History::kItems, History::kTitles}) {
        SCOPED_TRACE(model);
        const auto weights = NoisyDecoder(TinyDecoder(model), precision, 2);
        PromptSpec spec = TinyPrompt(history);
        spec.parts.insert(spec.parts.begin(), {PromptPartKind::kText, {3, 8, 5}});
        ASSERT_EQ(spec.prefix(), (TokenIds{3, 8, 5, 1, 4}));
        const CausalLm kept(weights, spec);
        spec.keeps_prefix = false;
        const CausalLm whole(weights, spec);
        LoraOptions options;
        options.rank = 2;
        Adapter adapter = Adapter::Make(kept.linear_maps(), options, 2);
        for (float& value : adapter.values()) value += 0.1f;
        const RandomTile tile = MakeRandomTile(lengths, 30, kept.dim(), 5);
        const ItemRows rows = tile.rows();
        const std::vector<OutputPosition> outputs = {{0, 1}, {0, 3}, {1, 0}, {2, 6}, {3, 11}};
        const ForwardInput input{.batch = tile.batch, .outputs = outputs, .items = rows};
        for (const Adapter* const with : std::initializer_list<const Adapter*>{nullptr, &adapter}) {
          std::vector<float> expected(outputs.size() * kept.dim()), found(expected.size());
          whole.Forward(*whole.Bind(with, Purpose::kScore), input, expected);
          const auto bound = kept.Bind(with, Purpose::kScore);
          for (int time = 0; time < 2; ++time) {  // made, then read
            kept.Forward(*bound, input, found);
            EXPECT_EQ(found, expected) << time;
          }
          // Where adapters are trained nothing is kept.
          const auto trained = kept.Bind(with, Purpose::kTrainAdapter);
          kept.Forward(*trained, input, found);
          EXPECT_EQ(found, expected);
        }
      }
    }
  }
}

TEST(CausalLmPrefix, AMixtureIsComputedWhole) {
  PromptSpec spec = TinyPrompt(History::kItems);
  const auto weights = NoisyDecoder(TinyDecoder("llama"), Precision::kFp32, 2);
  const CausalLm kept(weights, spec);
  spec.keeps_prefix = false;
  const CausalLm whole(weights, spec);
  LoraOptions options;
  options.rank = 2;
  MixtureOptions mixture;
  mixture.experts = 2;
  Adapter adapter = Adapter::MakeMixture(kept.linear_maps(), options, mixture, kept.dim(), 2);
  for (float& value : adapter.values()) value += 0.05f;
  const std::int32_t lengths[] = {4, 1, 7};
  const RandomTile tile = MakeRandomTile(lengths, 30, kept.dim(), 5);
  const ItemRows rows = tile.rows();
  const auto outputs = tile.LastOutputs();
  const ForwardInput input{.batch = tile.batch, .outputs = outputs, .items = rows};
  std::vector<float> expected(outputs.size() * kept.dim()), found(expected.size());
  whole.Forward(*whole.Bind(&adapter, Purpose::kScore), input, expected);
  kept.Forward(*kept.Bind(&adapter, Purpose::kScore), input, found);
  EXPECT_EQ(found, expected);
}

TEST(CausalLmThreads, AnyNumberOfThreadsGivesTheSameBytes) {
  const std::int32_t lengths[] = {12, 1, 5, 12, 2, 7, 3, 9};
  const auto run = [&](int threads) {
    // Fresh weights: the layouts of the backward pass are made while tiles run.
    const CausalLm lm(NoisyDecoder(TinyDecoder("qwen3"), Precision::kBf16, 2),
                      TinyPrompt(History::kTitles));
    LoraOptions options;
    options.maps = {"q", "down"};
    options.dropout = 0.2;
    Adapter adapter = Adapter::Make(lm.linear_maps(), options, 2);
    for (float& value : adapter.values()) value += 0.1f;
    const auto bound = lm.Bind(&adapter, Purpose::kTrainAdapter);
    RandomTile all = MakeRandomTile(lengths, 30, lm.dim(), 5);
    for (std::int32_t row = 0; row < 8; ++row) all.batch.users[row] = UserId{row % 6};
    std::vector<std::vector<float>> results(8);
    TaskPool pool(threads);
    pool.ForEach(8, [&](std::int64_t row, int) {
      const RandomTile tile = all.Row(row);
      const ItemRows rows = tile.rows();
      const auto outputs = tile.LastOutputs();
      const ForwardInput input{
          .batch = tile.batch, .outputs = outputs, .items = rows, .training = true, .seed = 3};
      std::vector<float> hidden(lm.dim());
      const auto tape = lm.Forward(*bound, input, hidden);
      results[row].resize(adapter.values().size());
      lm.Backward(*bound, input, *tape, hidden, {{}, results[row], {}});
      results[row].insert(results[row].end(), hidden.begin(), hidden.end());
    });
    return results;
  };
  const auto one = run(1);
  EXPECT_EQ(one, run(2));
  EXPECT_EQ(one, run(5));
}

}  // namespace
}  // namespace raie
