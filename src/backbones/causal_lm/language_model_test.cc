#include "backbones/causal_lm/language_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backbones/causal_lm/tiny_checkpoint.h"
#include "backbones/registry.h"
#include "base/random.h"
#include "data/log_fixture.h"

namespace raie {
namespace {

using testing::ErrorOf;

class LanguageModelTest : public ::testing::Test {
 protected:
  LanguageModelTest() {
    testing::WriteTinyCheckpoint(folder_ / "checkpoint");
    options_.name = "causal_lm";
    options_.causal_lm.checkpoint = folder_ / "checkpoint";
    options_.causal_lm.precision = nn::Precision::kFp32;
    options_.causal_lm.prompt = "b{user_id}a{history}c";
    options_.causal_lm.max_tokens = 32;
    for (const char* title : {"abc", "b", "", "zz top"}) texts_.items.Add(title);
    for (const char* user : {"u1", "u2"}) texts_.users.Add(user);
  }

  std::unique_ptr<Backbone> Make(std::uint64_t seed = 1) const {
    return MakeBackbone(options_, seed, {.saved = {}, .texts = [&] { return texts_; }});
  }

  // States of user `user` after items 1, 0.
  static std::vector<float> StatesOf(const Backbone& backbone, std::span<const float> rows,
                                     UserId user) {
    const WindowBatch batch{.offsets = {0, 2},
                            .items = {ItemId{1}, ItemId{0}},
                            .times = {},
                            .users = {user},
                            .row_keys = {0}};
    const OutputPosition last{0, 1};
    const ItemRows items{.base_ND = rows, .replaced_items = {}, .replaced_rows = {}};
    std::vector<float> hidden(backbone.dim());
    backbone.Forward(*backbone.Bind(nullptr, Purpose::kScore),
                     {.batch = batch, .outputs = std::span(&last, 1), .items = items}, hidden);
    return hidden;
  }

  Adapter MovedAdapter(const Backbone& backbone) const {
    Adapter adapter =
        Adapter::Make(backbone.linear_maps(), backbone.pretrained()->setup_adapter(), 3);
    RandomStream random(7, 0);
    for (float& value : adapter.values()) value = static_cast<float>(0.1 * random.Normal());
    return adapter;
  }

  testing::TemporaryFolder folder_;
  BackboneOptions options_;
  Texts texts_;
};

TEST_F(LanguageModelTest, RowsAreTheMeanOfTheTitle) {
  const auto backbone = Make();
  TaskPool pool(1);
  const auto weights =
      LoadDecoder(folder_ / "checkpoint", {.precision = nn::Precision::kFp32}, pool);
  const auto rows = MakeItemRows(options_, *backbone, 2, 1);
  ASSERT_EQ(rows.size(), 32u);
  std::vector<float> a(16), b(16), c(16);
  weights->embedding.CopyRow(1, a);
  weights->embedding.CopyRow(2, b);
  weights->embedding.CopyRow(3, c);
  for (int d = 0; d < 16; ++d) {
    EXPECT_NEAR(rows[d], (a[d] + b[d] + c[d]) / 3, 1e-7);
    EXPECT_EQ(rows[16 + d], b[d]);
  }
  // An item that comes later, one without a title.
  EXPECT_EQ(backbone->pretrained()->RowsOfTexts(2, 4).size(), 32u);
  ErrorOf(ErrorCode::kInternal, [&] { backbone->pretrained()->RowsOfTexts(0, 5); });
  options_.causal_lm.item_init = ItemInit::kRandom;
  const auto drawn = MakeItemRows(options_, *Make(), 2, 1);
  EXPECT_EQ(drawn.size(), 32u);
  EXPECT_NE(drawn, rows);
}

TEST_F(LanguageModelTest, UsersReadTheirOwnIdAndTheUnknownAnother) {
  const auto backbone = Make();
  const auto rows = MakeItemRows(options_, *backbone, 2, 1);
  const auto first = StatesOf(*backbone, rows, UserId{0});
  EXPECT_NE(first, StatesOf(*backbone, rows, UserId{1}));
  const auto unknown = StatesOf(*backbone, rows, UserId{-1});
  EXPECT_EQ(unknown, StatesOf(*backbone, rows, UserId{2}));
  EXPECT_NE(unknown, first);
  Texts other;
  for (const char* name : {"u2", "u1"}) other.users.Add(name);
  const auto swapped = backbone->pretrained()->WithTexts(other);
  EXPECT_EQ(first, StatesOf(*swapped, rows, UserId{1}));
}

TEST_F(LanguageModelTest, WhatIsMergedAndSavedComesBackBitEqual) {
  for (const auto precision : {nn::Precision::kFp32, nn::Precision::kBf16}) {
    SCOPED_TRACE(static_cast<int>(precision));
    options_.causal_lm.precision = precision;
    const auto backbone = Make();
    const auto rows = MakeItemRows(options_, *backbone, 2, 1);
    const auto merged = backbone->pretrained()->Merged(MovedAdapter(*backbone));
    const auto states = StatesOf(*merged, rows, UserId{0});
    EXPECT_NE(states, StatesOf(*backbone, rows, UserId{0}));
    const auto saved = folder_ / ("saved" + std::to_string(static_cast<int>(precision)));
    std::filesystem::create_directories(saved);
    merged->pretrained()->Save(saved);
    BackboneOptions gone = options_;
    gone.causal_lm.checkpoint = "no longer there";
    const auto back = MakeBackbone(gone, 9, {.saved = saved, .texts = [&] { return texts_; }});
    EXPECT_EQ(StatesOf(*back, rows, UserId{0}), states);
  }
}

// Texts may be others; merged weights only above what is kept.
TEST_F(LanguageModelTest, WhatItsLowerLayersGiveOutlivesWhatDoesNotChangeThem) {
  const auto plain = Make();
  const auto rows = MakeItemRows(options_, *plain, 2, 1);
  const auto store = std::make_shared<BorderStore>(BorderOptions{.place = BorderPlace::kMemory});
  const auto keeping = plain->pretrained()->WithBorder(1, store);
  const auto expect_same = [&](const Backbone& kept, const Backbone& other) {
    for (int again = 0; again < 3; ++again) {
      for (const UserId user : {UserId{0}, UserId{1}}) {
        EXPECT_EQ(StatesOf(kept, rows, user), StatesOf(other, rows, user));
      }
    }
  };
  expect_same(*keeping, *plain);
  EXPECT_EQ(store->counts().rows, 2);
  EXPECT_EQ(store->counts().reads, 2);
  Texts other;
  for (const char* name : {"u2", "u1"}) other.users.Add(name);
  expect_same(*keeping->pretrained()->WithTexts(other), *plain->pretrained()->WithTexts(other));
  EXPECT_EQ(store->counts().rows, 2);
  EXPECT_EQ(store->counts().reads, 8);
  options_.causal_lm.lora.last_layers = 1;
  const Adapter above = MovedAdapter(*Make());
  expect_same(*keeping->pretrained()->Merged(above), *plain->pretrained()->Merged(above));
  EXPECT_EQ(store->counts().reads, 14);
  options_.causal_lm.lora.last_layers = 0;
  const Adapter below = MovedAdapter(*Make());
  expect_same(*keeping->pretrained()->Merged(below), *plain->pretrained()->Merged(below));
  EXPECT_EQ(store->counts().reads, 14);
}

TEST_F(LanguageModelTest, CentredStatesHaveNothingInCommonAndComeBackBitEqual) {
  options_.causal_lm.states = StatesKind::kCentred;
  const auto plain = Make();
  const auto rows = MakeItemRows(options_, *plain, 2, 1);
  EXPECT_TRUE(plain->pretrained()->wants_centre());
  const auto a = StatesOf(*plain, rows, UserId{0}), b = StatesOf(*plain, rows, UserId{1});
  std::vector<float> both = a;
  both.insert(both.end(), b.begin(), b.end());
  const auto centred = plain->pretrained()->Centred(both);
  EXPECT_FALSE(centred->pretrained()->wants_centre());
  EXPECT_FALSE(centred->pretrained()->has_plain_states());
  const auto ca = StatesOf(*centred, rows, UserId{0}), cb = StatesOf(*centred, rows, UserId{1});
  double squares = 0;
  for (std::size_t d = 0; d < ca.size(); ++d) {
    EXPECT_NEAR(ca[d] + cb[d], 0, 1e-5);
    squares += ca[d] * ca[d] + cb[d] * cb[d];
    const double scale = (ca[d] - cb[d]) / (a[d] - b[d]);
    EXPECT_NEAR(scale, (ca[0] - cb[0]) / (a[0] - b[0]), 1e-3 * scale);
  }
  EXPECT_NEAR(squares / static_cast<double>(both.size()), 1, 1e-5);

  const Adapter adapter = MovedAdapter(*centred);
  const auto merged = centred->pretrained()->Merged(adapter);
  const auto states = StatesOf(*merged, rows, UserId{0});
  std::filesystem::create_directories(folder_ / "saved");
  merged->pretrained()->Save(folder_ / "saved");
  const auto back =
      MakeBackbone(options_, 9, {.saved = folder_ / "saved", .texts = [&] { return texts_; }});
  EXPECT_EQ(StatesOf(*back, rows, UserId{0}), states);
  EXPECT_FALSE(back->pretrained()->wants_centre());
  EXPECT_EQ(StatesOf(*back->pretrained()->WithTexts(texts_), rows, UserId{0}), states);
  const auto keeping = back->pretrained()->WithBorder(
      1, std::make_shared<BorderStore>(BorderOptions{.place = BorderPlace::kMemory}));
  EXPECT_EQ(StatesOf(*keeping, rows, UserId{0}), states);

  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "states = plain",
      ErrorOf(ErrorCode::kInvalidArgument, [&] { plain->pretrained()->Centred(a); }));
}

TEST_F(LanguageModelTest, TheHistoryMayBeTitles) {
  options_.causal_lm.history = HistoryKind::kTitles;
  const auto backbone = Make();
  EXPECT_GT(backbone->token_cost().of_item, 1);
  const auto rows = MakeItemRows(options_, *backbone, 4, 1);
  auto others = rows;
  for (float& value : others) value += 1;
  EXPECT_EQ(StatesOf(*backbone, rows, UserId{0}), StatesOf(*backbone, others, UserId{0}));
}

TEST_F(LanguageModelTest, ATitleThatHasNoRoomIsCut) {
  options_.causal_lm.history = HistoryKind::kTitles;
  const std::string shown = "aaaaaaaaaaaaaaaaaaaa";  // 20 of 32 tokens; a, b, c and "unknown": 10
  texts_ = {};
  texts_.items.Add(shown + "aabc");
  texts_.items.Add("b");
  const std::vector<float> rows(32, 0.5F);
  const auto states = StatesOf(*Make(), rows, UserId{-1});
  texts_.items = {};
  texts_.items.Add(shown + "aaxyz");
  texts_.items.Add("b");
  EXPECT_EQ(StatesOf(*Make(), rows, UserId{-1}), states);
  texts_.items = {};
  texts_.items.Add("x" + shown);
  texts_.items.Add("b");
  EXPECT_NE(StatesOf(*Make(), rows, UserId{-1}), states);
}

TEST_F(LanguageModelTest, RandomWeightsHaveTheShapeOfTheCheckpoint) {
  options_.causal_lm.weights = WeightsFrom::kRandom;
  const auto one = Make(1), same = Make(1), other = Make(2);
  const std::vector<float> rows(32, 0.5F);
  EXPECT_EQ(StatesOf(*one, rows, UserId{0}), StatesOf(*same, rows, UserId{0}));
  EXPECT_NE(StatesOf(*one, rows, UserId{0}), StatesOf(*other, rows, UserId{0}));
}

TEST_F(LanguageModelTest, ItsDigestIsThatOfTheCheckpoint) {
  const std::string before = Make()->pretrained()->digest();
  EXPECT_EQ(Make(2)->pretrained()->digest(), before);
  const auto file = folder_ / "checkpoint" / "model.safetensors";
  std::string bytes = ReadFile(file);
  bytes[bytes.size() - 4] ^= 1;
  WriteFileAtomically(file, bytes);
  EXPECT_NE(Make()->pretrained()->digest(), before);
}

TEST_F(LanguageModelTest, WithoutAFolderItSaysWhatIsMissing) {
  options_.causal_lm.checkpoint = "";
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "backbone.causal_lm.checkpoint is empty",
                      ErrorOf(ErrorCode::kInvalidArgument, [&] { Make(); }));
  options_.causal_lm.checkpoint = folder_ / "nowhere";
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "nowhere",
                      ErrorOf(ErrorCode::kNotFound, [&] { Make(); }));
}

}  // namespace
}  // namespace raie
