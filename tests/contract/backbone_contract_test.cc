// What every backbone must do, whatever its architecture (backbones/backbone.h). A new backbone
// adds one entry to Subjects().
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backbones/registry.h"
#include "raie/error.h"
#include "support/backbone_twin.h"
#include "support/random_decoder.h"
#include "support/random_tile.h"

namespace raie {
namespace {

using testing_support::MakeRandomTile;
using testing_support::RandomTile;
using testing_support::RandomValues;

constexpr std::int64_t kItems = 30;

enum class Direction { kCausal, kBoth };

struct Subject {
  std::string name;
  BackboneOptions options = {};
  Direction direction = Direction::kCausal;
  double rounding = 1e-5;  // of the same sums in another order
  // Instead of options: a backbone that the registry does not make.
  std::function<std::unique_ptr<Backbone>()> make = nullptr;
  bool smooth = true;  // small steps are not lost in rounding

  std::unique_ptr<Backbone> Make() const { return make ? make() : MakeBackbone(options, 3); }
};

std::ostream& operator<<(std::ostream& out, const Subject& subject) { return out << subject.name; }

std::vector<Subject> Subjects() {
  std::vector<Subject> subjects;
  for (const std::string variant :
       {"released", "original", "left_post", "query", "plain_pre", "dense_bias"}) {
    Subject subject{.name = "sasrec_" + variant, .options = {}};
    const bool original = variant == "released" || variant == "original";
    if (!original) subject.rounding = 5e-5;  // unnormalised keys, one norm behind another
    subject.options.sasrec = testing_support::VariantOptions(variant);
    // A line through a kink of ReLU has another slope.
    if (variant == "query") subject.options.sasrec.activation = Activation::kGelu;
    subject.options.sasrec.dim = 16;
    subject.options.sasrec.context = 12;
    subject.options.sasrec.ffn_width = variant == "original" ? 16 : 0;
    subjects.push_back(subject);

    Subject masked{.name = "bert4rec_" + variant,
                   .options = {},
                   .direction = Direction::kBoth,
                   .rounding = subject.rounding};
    masked.options.name = "bert4rec";
    static_cast<SasrecOptions&>(masked.options.bert4rec) = subject.options.sasrec;
    subjects.push_back(masked);

    Subject timed{.name = "tisasrec_" + variant, .options = {}, .rounding = subject.rounding};
    timed.options.name = "tisasrec";
    static_cast<SasrecOptions&>(timed.options.tisasrec) = subject.options.sasrec;
    timed.options.tisasrec.max_interval = 20;
    timed.options.tisasrec.position_order = PositionOrder::kFromEnd;
    timed.options.tisasrec.padding = Padding::kUnseen;
    subjects.push_back(timed);
  }
  return subjects;
}

// Language models, whose weights are frozen for good.
std::vector<Subject> LanguageModels() {
  using testing_support::NoisyDecoder;
  std::vector<Subject> subjects;
  for (const std::string model : {"llama", "qwen2", "qwen3", "biased"}) {
    for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
      const bool exact = precision == Precision::kFp32;
      subjects.push_back({.name = "causal_lm_" + model + (exact ? "_fp32" : "_bf16"),
                          .options = {.name = "causal_lm"},
                          // what lies between two bf16 numbers may fall either way
                          .rounding = exact ? 1e-5 : 1e-4,
                          .make =
                              [=] {
                                return std::make_unique<CausalLm>(
                                    NoisyDecoder(testing_support::TinyDecoder(model), precision, 1),
                                    testing_support::TinyPrompt(testing_support::History::kItems));
                              },
                          .smooth = exact});
    }
  }
  return subjects;
}

std::vector<Subject> AllSubjects() {
  std::vector<Subject> subjects = Subjects();
  for (Subject& lm : LanguageModels()) subjects.push_back(std::move(lm));
  return subjects;
}

struct Result {
  std::vector<float> hidden, parameters, adapter, input;
};

class BackboneContract : public ::testing::TestWithParam<Subject> {
 protected:
  BackboneContract() : backbone_(GetParam().Make()) {
    const auto noise = RandomValues(backbone_->parameters().size(), 0.1, 5);
    for (std::size_t i = 0; i < noise.size(); ++i) backbone_->parameters()[i] += noise[i];
    const std::int32_t lengths[] = {12, 1, 5, 12, 2, 7};
    tile_ = MakeRandomTile(lengths, kItems, backbone_->dim(), 1);
  }

  bool TrainsParameters() const { return !backbone_->parameters().empty(); }

  Adapter RandomAdapter(double dropout = 0) const {
    LoraOptions options;
    options.rank = 4;
    options.dropout = dropout;
    Adapter adapter = Adapter::Make(backbone_->linear_maps(), options, 2);
    const auto values = RandomValues(adapter.values().size(), 0.2, 6);
    std::copy(values.begin(), values.end(), adapter.values().begin());
    return adapter;
  }

  // The gradient of the hidden state of a token is a function of its row key and position, so that
  // tiles can be compared.
  std::vector<float> OutputGradient(const RandomTile& tile,
                                    const std::vector<OutputPosition>& outputs) const {
    std::vector<float> grad;
    for (const OutputPosition& o : outputs) {
      const auto row =
          RandomValues(backbone_->dim(), 1, 1000 * tile.batch.row_keys[o.row] + o.position);
      grad.insert(grad.end(), row.begin(), row.end());
    }
    return grad;
  }

  Result Train(const RandomTile& tile, const std::vector<OutputPosition>& outputs,
               const Adapter* adapter) const {
    const auto bound =
        backbone_->Bind(adapter, adapter == nullptr ? Purpose::kTrainAll : Purpose::kTrainAdapter);
    const ItemRows rows = tile.rows();
    const ForwardInput input{.batch = tile.batch,
                             .outputs = outputs,
                             .items = rows,
                             .training = true,
                             .seed = 7,
                             .step = 2};
    Result result;
    result.hidden.resize(outputs.size() * backbone_->dim());
    result.input.resize(tile.batch.items.size() * backbone_->dim());
    if (adapter == nullptr) result.parameters.resize(backbone_->parameters().size());
    if (adapter != nullptr) result.adapter.resize(adapter->values().size());
    const auto tape = backbone_->Forward(*bound, input, result.hidden);
    backbone_->Backward(*bound, input, *tape, OutputGradient(tile, outputs),
                        {result.parameters, result.adapter, result.input});
    return result;
  }

  std::vector<float> Score(const RandomTile& tile, const std::vector<OutputPosition>& outputs,
                           const Adapter* adapter = nullptr,
                           Purpose purpose = Purpose::kScore) const {
    return Score(tile, outputs, tile.rows(), adapter, purpose);
  }
  std::vector<float> Score(const RandomTile& tile, const std::vector<OutputPosition>& outputs,
                           const ItemRows& rows, const Adapter* adapter, Purpose purpose) const {
    const auto bound = backbone_->Bind(adapter, purpose);
    std::vector<float> hidden(outputs.size() * backbone_->dim());
    backbone_->Forward(*bound, {.batch = tile.batch, .outputs = outputs, .items = rows}, hidden);
    return hidden;
  }

  std::unique_ptr<Backbone> backbone_;
  RandomTile tile_;
};

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error = std::max(error, std::fabs(double{a[i]} - b[i]));
    largest = std::max(largest, std::fabs(double{b[i]}));
  }
  return error / largest;
}

TEST_P(BackboneContract, ARowAloneHasTheBitsItHasInATile) {
  const Adapter adapter = RandomAdapter();
  for (const Adapter* used : {static_cast<const Adapter*>(nullptr), &adapter}) {
    const Result all = Train(tile_, tile_.LastOutputs(), used);
    std::size_t at = 0;
    for (std::int64_t row = 0; row < tile_.batch.num_rows(); ++row) {
      const RandomTile one = tile_.Row(row);
      const Result own = Train(one, one.LastOutputs(), used);
      EXPECT_TRUE(std::equal(own.hidden.begin(), own.hidden.end(),
                             all.hidden.begin() + row * backbone_->dim()))
          << "hidden of row " << row;
      EXPECT_TRUE(std::equal(own.input.begin(), own.input.end(), all.input.begin() + at))
          << "input gradient of row " << row;
      at += own.input.size();
    }
  }
}

TEST_P(BackboneContract, ARequestedOutputHasTheBitsItHasAmongAll) {
  const auto all = Score(tile_, tile_.AllOutputs());
  const auto last = Score(tile_, tile_.LastOutputs());
  for (std::int64_t row = 0; row < tile_.batch.num_rows(); ++row) {
    const std::int64_t token = tile_.batch.offsets[row + 1] - 1;
    for (std::int64_t i = 0; i < backbone_->dim(); ++i) {
      EXPECT_EQ(last[row * backbone_->dim() + i], all[token * backbone_->dim() + i]);
    }
  }
}

TEST_P(BackboneContract, SeesTheFutureIfAndOnlyIfItIsBidirectional) {
  const auto before = Score(tile_, tile_.AllOutputs());
  RandomTile changed = tile_;
  const std::int64_t position = 6;  // of row 0
  auto& item = changed.batch.items[position];
  item = ItemId{static_cast<std::int32_t>((Index(item) + 1) % kItems)};
  const auto after = Score(changed, tile_.AllOutputs());
  const auto first_changed = std::mismatch(before.begin(), before.end(), after.begin()).first;
  EXPECT_EQ((first_changed - before.begin()) / backbone_->dim(),
            GetParam().direction == Direction::kCausal ? position : 0);
}

TEST_P(BackboneContract, TimesCountIfAndOnlyIfTheyAreSaidTo) {
  const auto before = Score(tile_, tile_.AllOutputs());
  RandomTile changed = tile_;
  const std::int64_t position = 6;  // of row 0: it and what follows, as if after a pause
  for (std::int64_t p = position; p < tile_.Length(0); ++p) {
    auto& time = changed.batch.times[p];
    time = Timestamp{Seconds(time) + 86400};
  }
  const auto after = Score(changed, tile_.AllOutputs());
  if (!backbone_->reads_times()) {
    EXPECT_EQ(before, after);
    changed.batch.times.clear();
    EXPECT_EQ(before, Score(changed, tile_.AllOutputs()));
    return;
  }
  const auto first_changed = std::mismatch(before.begin(), before.end(), after.begin()).first;
  const auto token = (first_changed - before.begin()) / backbone_->dim();
  if (GetParam().direction == Direction::kCausal) {
    EXPECT_EQ(token, position);
  } else {
    EXPECT_LT(token, tile_.Length(0));
  }
  changed.batch.times.clear();
  EXPECT_THROW(Score(changed, tile_.AllOutputs()), Error);
}

TEST_P(BackboneContract, AZeroAdapterChangesNoBit) {
  const Adapter zero = Adapter::Make(backbone_->linear_maps(), LoraOptions(), 8);
  const auto outputs = tile_.LastOutputs();
  EXPECT_EQ(Score(tile_, outputs), Score(tile_, outputs, &zero));
  EXPECT_EQ(Score(tile_, outputs), Score(tile_, outputs, &zero, Purpose::kTrainAdapter));
}

TEST_P(BackboneContract, MergedAndApartAgree) {
  const auto outputs = tile_.LastOutputs();
  const Adapter merged = RandomAdapter();
  const Adapter apart = RandomAdapter(1e-9);  // drops nothing
  EXPECT_GT(Distance(Score(tile_, outputs, &merged), Score(tile_, outputs)), 0.01);
  const Result a = Train(tile_, outputs, &merged), b = Train(tile_, outputs, &apart);
  EXPECT_LE(Distance(a.hidden, b.hidden), GetParam().rounding);
  EXPECT_LE(Distance(a.adapter, b.adapter), GetParam().rounding);
  EXPECT_LE(Distance(a.input, b.input), GetParam().rounding);
}

TEST_P(BackboneContract, GradientsAreAddedAndTheInputsAreSet) {
  const Adapter adapter = RandomAdapter();
  for (const Adapter* used : {static_cast<const Adapter*>(nullptr), &adapter}) {
    const auto outputs = tile_.LastOutputs();
    const auto bound =
        backbone_->Bind(used, used == nullptr ? Purpose::kTrainAll : Purpose::kTrainAdapter);
    const ItemRows rows = tile_.rows();
    const ForwardInput input{.batch = tile_.batch,
                             .outputs = outputs,
                             .items = rows,
                             .training = true,
                             .seed = 7,
                             .step = 2};
    const Result once = Train(tile_, outputs, used);
    std::vector<float> hidden(once.hidden.size());
    std::vector<float> parameters(once.parameters.size(), 1), values(once.adapter.size(), 1),
        inputs(once.input.size(), 1);
    const auto tape = backbone_->Forward(*bound, input, hidden);
    backbone_->Backward(*bound, input, *tape, OutputGradient(tile_, outputs),
                        {parameters, values, inputs});
    EXPECT_EQ(inputs, once.input);
    for (float& value : parameters) value -= 1;
    for (float& value : values) value -= 1;
    if (used == nullptr && TrainsParameters()) {
      EXPECT_LE(Distance(parameters, once.parameters), 1e-5);
    }
    if (used != nullptr) {
      EXPECT_LE(Distance(values, once.adapter), 1e-5);
    }
  }
}

TEST_P(BackboneContract, TheGradientIsTheSlopeOfTheLoss) {
  // Along a random direction, in the whole of the adapter and of the parameters.
  if (!GetParam().smooth) {
    EXPECT_FALSE(TrainsParameters());  // held to PyTorch's own error instead
    return;
  }
  const auto outputs = tile_.AllOutputs();
  const auto grad = OutputGradient(tile_, outputs);
  Adapter adapter = RandomAdapter();
  for (const bool full : {true, false}) {
    if (full && !TrainsParameters()) continue;
    const Result result = Train(tile_, outputs, full ? nullptr : &adapter);
    const std::span<float> values = full ? backbone_->parameters() : adapter.values();
    const auto& slope = full ? result.parameters : result.adapter;
    const auto direction = RandomValues(values.size(), 1, 40);
    const std::vector<float> start(values.begin(), values.end());
    double expected = 0;
    for (std::size_t i = 0; i < direction.size(); ++i) expected += double{slope[i]} * direction[i];
    const auto loss_at = [&](float step) {
      for (std::size_t i = 0; i < direction.size(); ++i) values[i] = start[i] + step * direction[i];
      const Result moved = Train(tile_, outputs, full ? nullptr : &adapter);
      double loss = 0;
      for (std::size_t i = 0; i < grad.size(); ++i) loss += double{grad[i]} * moved.hidden[i];
      return loss;
    };
    const float step = 3e-5f;
    const double found = (loss_at(step) - loss_at(-step)) / (2 * double{step});
    std::copy(start.begin(), start.end(), values.begin());
    EXPECT_NEAR(found, expected, 0.02 * std::fabs(expected) + 0.05) << (full ? "full" : "adapter");
  }
}

TEST_P(BackboneContract, ReplacedItemRowsAreRead) {
  const auto outputs = tile_.LastOutputs();
  const std::int64_t d = backbone_->dim();
  const std::vector<std::int32_t> replaced = {Index(tile_.batch.items[0]),
                                              Index(tile_.batch.items[3])};
  std::vector<std::int32_t> sorted = replaced;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  const auto values = RandomValues(sorted.size() * d, 0.5, 12);
  RandomTile changed = tile_;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    std::copy_n(values.begin() + i * d, d, changed.items_ND.begin() + sorted[i] * d);
  }
  const ItemRows rows{tile_.items_ND, sorted, values};
  EXPECT_EQ(Score(tile_, outputs, rows, nullptr, Purpose::kScore), Score(changed, outputs));
  EXPECT_NE(Score(tile_, outputs), Score(changed, outputs));
}

TEST_P(BackboneContract, DropoutDependsOnSeedStepAndRowKeyOnly) {
  const auto outputs = tile_.LastOutputs();
  // Frozen weights have no dropout but the adapters'.
  const Adapter adapter = RandomAdapter(0.3);
  const Adapter* const used = TrainsParameters() ? nullptr : &adapter;
  const Result a = Train(tile_, outputs, used), b = Train(tile_, outputs, used);
  EXPECT_EQ(a.hidden, b.hidden);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.adapter, b.adapter);
  RandomTile other = tile_;
  other.batch.row_keys[0] += 1;
  const Result c = Train(other, outputs, used);
  const auto changed = std::mismatch(a.hidden.rbegin(), a.hidden.rend(), c.hidden.rbegin()).first;
  EXPECT_LE(a.hidden.rend() - changed, backbone_->dim());  // row 0 alone
  EXPECT_NE(a.hidden, c.hidden);
}

TEST_P(BackboneContract, BadTilesAreRefused) {
  const auto last = tile_.LastOutputs();
  RandomTile tile = tile_;
  tile.batch.items[2] = ItemId{kItems};
  EXPECT_THROW(Score(tile, last), Error) << "item outside the table";
  tile.batch.items[2] = kNoItem;
  EXPECT_THROW(Score(tile, last), Error) << "no item";
  const std::int32_t too_long[] = {13};
  const RandomTile longer = MakeRandomTile(too_long, kItems, backbone_->dim(), 1);
  EXPECT_THROW(Score(longer, longer.LastOutputs()), Error) << "longer than the context";
  EXPECT_THROW(Score(tile_, {{0, 3}, {0, 2}}), Error) << "not sorted";
  EXPECT_THROW(Score(tile_, {{0, 3}, {0, 3}}), Error) << "twice";
  EXPECT_THROW(Score(tile_, {{1, 1}}), Error) << "outside its row";
}

TEST_P(BackboneContract, NamesAndShapesAreWhole) {
  std::int64_t at = 0;
  std::vector<std::string> names;
  for (const Backbone::Parameter& p : backbone_->parameter_list()) {
    std::int64_t size = 1;
    for (const std::int64_t extent : p.shape) size *= extent;
    EXPECT_EQ(p.begin, at) << p.name;
    at += size;
    names.push_back(p.name);
  }
  EXPECT_EQ(at, static_cast<std::int64_t>(backbone_->parameters().size()));
  for (const LinearMapInfo& map : backbone_->linear_maps()) {
    EXPECT_GE(map.layer, 0) << map.name;
    if (!TrainsParameters()) continue;
    const auto found = std::find(names.begin(), names.end(), map.name + ".weight");
    ASSERT_NE(found, names.end()) << map.name;
    EXPECT_EQ(backbone_->parameter_list()[found - names.begin()].shape,
              (std::vector<std::int64_t>{map.outputs, map.inputs}));
  }
}

class RegisteredBackbone : public ::testing::TestWithParam<Subject> {};

TEST_P(RegisteredBackbone, ALargerItemTableBeginsWithTheSmaller) {
  const auto small = MakeItemRows(GetParam().options, *GetParam().Make(), 5, 9);
  const auto large = MakeItemRows(GetParam().options, *GetParam().Make(), 8, 9);
  EXPECT_EQ(std::ssize(small), 5 * MakeBackbone(GetParam().options, 3)->dim());
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));
}

TEST_P(RegisteredBackbone, TheSameSeedGivesTheSameModel) {
  const auto a = MakeBackbone(GetParam().options, 3), b = MakeBackbone(GetParam().options, 3),
             c = MakeBackbone(GetParam().options, 4);
  const std::vector<float> x(a->parameters().begin(), a->parameters().end()),
      y(b->parameters().begin(), b->parameters().end()),
      z(c->parameters().begin(), c->parameters().end());
  EXPECT_EQ(x, y);
  EXPECT_NE(x, z);
}

TEST(BackboneRegistry, EveryNameIsInTheContractSuite) {
  for (const BackboneInfo& info : Backbones()) {
    const std::string name = info.name;
    const auto subjects = AllSubjects();
    EXPECT_TRUE(std::any_of(subjects.begin(), subjects.end(), [&](const Subject& s) {
      return s.options.name == name;
    })) << name;
  }
}

TEST(BackboneRegistry, AnUnknownNameIsRefusedWithTheKnownOnes) {
  BackboneOptions options;
  options.name = "sasrek";
  try {
    MakeBackbone(options, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "there are: sasrec", error.what());
  }
}

INSTANTIATE_TEST_SUITE_P(Backbones, BackboneContract, ::testing::ValuesIn(AllSubjects()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Backbones, RegisteredBackbone, ::testing::ValuesIn(Subjects()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace raie
