// BERT4Rec against its slow twin (tests/reference/bert4rec_reference.h), and what [MASK] does.
#include "backbones/bert4rec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "raie/error.h"
#include "reference/bert4rec_reference.h"
#include "support/backbone_twin.h"

namespace raie {
namespace {

using testing_support::BackboneTwin;
using testing_support::MakeRandomTile;
using testing_support::PresetOptions;
using testing_support::RandomTile;
using testing_support::RandomValues;
using testing_support::TwinCase;

class Bert4recTwin : public ::testing::TestWithParam<TwinCase> {};

TEST_P(Bert4recTwin, ValuesAndGradientsAgree) {
  Bert4recOptions options = PresetOptions<Bert4recOptions>(GetParam().variant);
  BackboneTwin::Shrink(GetParam(), options);
  const auto run = [](const auto& model, const auto& tile, std::int64_t row, const auto& items) {
    std::vector<bool> masked;
    for (const ItemId item : tile.Row(row).batch.items) masked.push_back(item == kMaskItem);
    return reference::Bert4recReference(model, tile.batch.row_keys[row]).RunMasked(items, masked);
  };
  TransformerOptions of_twin = options;
  of_twin.context += 1;  // position rows
  // Row 0 has masks of its own; rows 1 and 2 get one appended.
  BackboneTwin twin(GetParam(), {.options = of_twin,
                                 .shape = ShapeFrom(options),
                                 .backbone = MakeBert4rec(options, 1),
                                 .run_row = run,
                                 .masked = {2, 5}});
  twin.Check();
}

INSTANTIATE_TEST_SUITE_P(Cases, Bert4recTwin,
                         ::testing::ValuesIn(testing_support::WholeTwinCases()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Libraries, Bert4recTwin,
                         ::testing::ValuesIn(testing_support::LibraryTwinCases()),
                         [](const auto& param) { return param.param.name; });

class Bert4recMask : public ::testing::Test {
 protected:
  Bert4recMask() {
    options_.dim = 16;
    options_.context = 12;
    backbone_ = MakeBert4rec(options_, 1);
    const auto noise = RandomValues(backbone_->parameters().size(), 0.2, 5);
    for (std::size_t i = 0; i < noise.size(); ++i) backbone_->parameters()[i] += noise[i];
  }

  RandomTile Tile(std::vector<std::int32_t> lengths) const {
    return MakeRandomTile(lengths, 30, options_.dim, 3);
  }

  std::vector<float> States(const RandomTile& tile,
                            const std::vector<OutputPosition>& outputs) const {
    const auto bound = backbone_->Bind(nullptr, Purpose::kScore);
    std::vector<float> hidden(outputs.size() * options_.dim);
    backbone_->Forward(*bound, {.batch = tile.batch, .outputs = outputs, .items = tile.rows()},
                       hidden);
    return hidden;
  }

  Bert4recOptions options_;
  std::unique_ptr<Backbone> backbone_;
};

// A row of n items is asked as the row of n items and [MASK] is.
TEST_F(Bert4recMask, IsAppendedToARowWithoutOne) {
  for (const std::int32_t length : {12, 5, 1}) {
    const RandomTile plain = Tile({length});
    RandomTile masked = plain;
    masked.batch.items.push_back(kMaskItem);
    masked.batch.offsets = {0, length + 1};
    EXPECT_EQ(States(plain, {{0, length - 1}}), States(masked, {{0, length}}));
  }
}

TEST_F(Bert4recMask, SeesBothSidesAndHidesTheItem) {
  RandomTile tile = Tile({8});
  const ItemId hidden = tile.batch.items[4];
  tile.batch.items[4] = kMaskItem;
  const auto before = States(tile, {{0, 4}});
  for (const std::size_t other : {3u, 7u}) {
    RandomTile changed = tile;
    changed.batch.items[other] = ItemId{(Index(changed.batch.items[other]) + 1) % 30};
    EXPECT_NE(States(changed, {{0, 4}}), before);
  }
  RandomTile changed = tile;  // the row of the item that is hidden
  for (std::int64_t i = 0; i < options_.dim; ++i) {
    const bool elsewhere = std::find(tile.batch.items.begin(), tile.batch.items.end(), hidden) !=
                           tile.batch.items.end();
    if (!elsewhere) changed.items_ND[Index(hidden) * options_.dim + i] += 1;
  }
  EXPECT_EQ(States(changed, {{0, 4}}), before);
}

// Sequences are right-aligned: what is before the first item takes no part, so a tile of longer
// rows beside it changes no bit (the contract suite), and no position row before it is read.
TEST_F(Bert4recMask, PositionsBeforeTheRowAreNotRead) {
  const RandomTile tile = Tile({5});
  const auto before = States(tile, tile.AllOutputs());
  const Backbone::Parameter& positions = backbone_->parameter_list()[0];
  ASSERT_EQ(positions.name, "position.weight");
  ASSERT_EQ(positions.shape[0], 13);
  for (std::int64_t i = 0; i < (13 - 6) * options_.dim; ++i) backbone_->parameters()[i] = 1e6f;
  EXPECT_EQ(States(tile, tile.AllOutputs()), before);
  backbone_->parameters()[(13 - 6) * options_.dim] += 1;
  EXPECT_NE(States(tile, tile.AllOutputs()), before);
}

TEST_F(Bert4recMask, RowsHaveRoomForTheContextAndOneMask) {
  RandomTile tile = Tile({13});
  EXPECT_THROW(States(tile, {{0, 12}}), Error);
  tile.batch.items[6] = kMaskItem;
  EXPECT_NO_THROW(States(tile, {{0, 6}}));
  RandomTile longer = Tile({14});
  longer.batch.items[6] = kMaskItem;
  EXPECT_THROW(States(longer, {{0, 6}}), Error);
  tile.batch.items[3] = ItemId{-3};
  EXPECT_THROW(States(tile, {{0, 6}}), Error);
}

TEST_F(Bert4recMask, OnlyThisBackboneReadsIt) {
  EXPECT_TRUE(backbone_->reads_masks());
  const auto sasrec = MakeSasrec(options_, 1);
  EXPECT_FALSE(sasrec->reads_masks());
  backbone_ = MakeSasrec(options_, 1);
  RandomTile tile = Tile({5});
  tile.batch.items[2] = kMaskItem;
  EXPECT_THROW(States(tile, {{0, 2}}), Error);
}

}  // namespace
}  // namespace raie
