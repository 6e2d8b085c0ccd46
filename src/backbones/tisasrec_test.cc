// TiSASRec against its slow twin (tests/reference/tisasrec_reference.h), and what it does with
// time.
#include "backbones/tisasrec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "raie/error.h"
#include "reference/tisasrec_reference.h"
#include "support/backbone_twin.h"

namespace raie {
namespace {

using testing_support::BackboneTwin;
using testing_support::MakeRandomTile;
using testing_support::PresetOptions;
using testing_support::RandomTile;
using testing_support::RandomValues;
using testing_support::TwinCase;

class TisasrecTwin : public ::testing::TestWithParam<TwinCase> {};

TEST_P(TisasrecTwin, ValuesAndGradientsAgree) {
  TisasrecOptions options = PresetOptions<TisasrecOptions>(GetParam().variant);
  BackboneTwin::Shrink(GetParam(), options);
  options.max_interval = 7;
  options.position_order = PositionOrder::kFromEnd;  // it refuses the other
  options.padding = Padding::kUnseen;
  const auto run = [](const auto& model, const auto& tile, std::int64_t row, const auto& items) {
    const std::vector<Timestamp> times = tile.Row(row).batch.times;
    return reference::TisasrecReference(model, tile.batch.row_keys[row], 7, times).Run(items);
  };
  BackboneTwin twin(GetParam(), {.options = options,
                                 .shape = ShapeFrom(options),
                                 .backbone = MakeTisasrec(options, 1),
                                 .run_row = run});
  twin.Check();
}

INSTANTIATE_TEST_SUITE_P(Cases, TisasrecTwin,
                         ::testing::ValuesIn(testing_support::WholeTwinCases()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Libraries, TisasrecTwin,
                         ::testing::ValuesIn(testing_support::LibraryTwinCases()),
                         [](const auto& param) { return param.param.name; });

TEST(Tisasrec, RefusesWhatItsAttentionCannotMean) {
  TisasrecOptions options;
  options.position_order = PositionOrder::kFromStart;
  options.padding = Padding::kAttended;
  try {
    MakeTisasrec(options, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "position_order", error.what());
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "padding", error.what());
  }
}

class TisasrecTimes : public ::testing::Test {
 protected:
  TisasrecTimes() {
    options_.dim = 16;
    options_.context = 12;
    options_.max_interval = 20;
    backbone_ = MakeTisasrec(options_, 1);
    const auto noise = RandomValues(backbone_->parameters().size(), 0.2, 5);
    for (std::size_t i = 0; i < noise.size(); ++i) backbone_->parameters()[i] += noise[i];
    const std::int32_t lengths[] = {12, 5};
    tile_ = MakeRandomTile(lengths, 30, options_.dim, 3);
  }

  std::vector<float> States(const RandomTile& tile) const {
    const auto bound = backbone_->Bind(nullptr, Purpose::kScore);
    const auto outputs = tile.AllOutputs();
    std::vector<float> hidden(outputs.size() * options_.dim);
    backbone_->Forward(*bound, {.batch = tile.batch, .outputs = outputs, .items = tile.rows()},
                       hidden);
    return hidden;
  }

  TisasrecOptions options_;
  std::unique_ptr<Backbone> backbone_;
  RandomTile tile_;
};

TEST_F(TisasrecTimes, AnyClockGivesTheSameBits) {
  // Another origin, another unit: what counts is the user's own measure.
  RandomTile other = tile_;
  for (Timestamp& time : other.batch.times) time = Timestamp{60 * Seconds(time) - 77};
  EXPECT_EQ(States(tile_), States(other));
}

TEST_F(TisasrecTimes, APauseIsSeen) {
  RandomTile other = tile_;
  other.batch.times[11] = Timestamp{Seconds(other.batch.times[11]) + 3600};
  const auto before = States(tile_), after = States(other);
  const auto changed = std::mismatch(before.begin(), before.end(), after.begin()).first;
  // Row 0 alone, and only where the later event looks back.
  EXPECT_EQ((changed - before.begin()) / options_.dim, 11);
  EXPECT_TRUE(std::equal(before.begin() + 12 * options_.dim, before.end(),
                         after.begin() + 12 * options_.dim));
}

TEST_F(TisasrecTimes, APositionMeansWhatTheEndOfAShorterHistoryMeans) {
  // With the tables of positions at zero the only thing that could tell them apart is time: a
  // shorter interval after the position must not.
  for (const Backbone::Parameter& p : backbone_->parameter_list()) {
    if (!p.name.starts_with("position_")) continue;
    auto values = backbone_->parameters().subspan(p.begin, p.shape[0] * p.shape[1]);
    std::fill(values.begin(), values.end(), 0.0f);
  }
  RandomTile whole = tile_;
  whole.batch.times[11] = Timestamp{Seconds(whole.batch.times[10]) + 1};
  RandomTile shorter = whole.Row(0);
  shorter.batch.offsets = {0, 8};
  shorter.batch.items.resize(8);
  shorter.batch.times.resize(8);
  const auto all = States(whole), own = States(shorter);
  EXPECT_TRUE(std::equal(own.begin(), own.end(), all.begin()));
}

TEST_F(TisasrecTimes, ATileWithoutTimesIsRefused) {
  RandomTile other = tile_;
  other.batch.times.clear();
  EXPECT_THROW(States(other), Error);
  other = tile_;
  std::swap(other.batch.times[0], other.batch.times[4]);
  EXPECT_THROW(States(other), Error);
}

TEST(Tisasrec, AFreshOneHasItsTables) {
  TisasrecOptions options;
  options.dim = 16;
  const auto backbone = MakeTisasrec(options, 4);
  EXPECT_TRUE(backbone->reads_times());
  std::vector<std::string> tables;
  for (const Backbone::Parameter& p : backbone->parameter_list()) {
    if (p.name.find("blocks") == 0 || p.name.find("final_norm") == 0) continue;
    tables.push_back(p.name);
    EXPECT_EQ(p.shape[0], p.name.starts_with("position") ? 50 : 257) << p.name;
    double squares = 0;
    const auto values = backbone->parameters().subspan(p.begin, p.shape[0] * p.shape[1]);
    for (const float value : values) squares += double{value} * value / values.size();
    EXPECT_NEAR(std::sqrt(squares), options.init_std, 0.002) << p.name;
  }
  EXPECT_EQ(tables, (std::vector<std::string>{"position_keys.weight", "position_values.weight",
                                              "interval_keys.weight", "interval_values.weight"}));
  options.max_interval = 0;
  EXPECT_THROW(MakeTisasrec(options, 1), Error);
}

}  // namespace
}  // namespace raie
