#include "service/export_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/peft_file.h"
#include "backbones/causal_lm/causal_lm.h"
#include "base/files.h"
#include "methods/shop_fixture.h"
#include "service/responder.h"
#include "store/model_directory.h"
#include "text/tokenizer.h"
#include "training/item_table.h"

namespace raie {
namespace {

using testing::ErrorOf;
using testing::TinyShop;

namespace fs = std::filesystem;

class ExportModelTest : public ::testing::Test {
 protected:
  nlohmann::ordered_json Export(const fs::path& model, const fs::path& output) const {
    return ExportModel({.model = model, .output = output},
                       {settings_, pool_, nullptr, nullptr, nullptr});
  }

  // Writes version 0 of a model.
  void Write(const fs::path& path, const testing::Shop& shop, const Snapshot& snapshot) const {
    ModelInfo info;
    info.backbone = shop.refit.backbone;
    info.windows = shop.windows;
    VersionInfo version;
    version.catalogue_size = version.old_catalogue_size = snapshot.catalogue_size;
    ModelDirectory::Create(path, info,
                           {.snapshot = snapshot,
                            .names = NamesOf(shop.data, snapshot.catalogue_size),
                            .info = version,
                            .journal = {}});
  }

  testing::TemporaryFolder folder_;
  Settings settings_;
  mutable TaskPool pool_{2};
};

// The shop's model with an adapter for its second region.
Snapshot WithOneAdapter(const testing::Shop& shop) {
  Snapshot snapshot = shop.snapshot;
  LoraOptions options;
  options.rank = 2;
  Adapter adapter = Adapter::Make(snapshot.backbone->linear_maps(), options, 4);
  for (float& value : adapter.values()) value += 0.05f;
  snapshot.adapters[snapshot.editor.regions.regions[1].id] =
      std::make_shared<const Adapter>(std::move(adapter));
  return snapshot;
}

TEST_F(ExportModelTest, LogitsOfItemTokensAreTheScoresOfRaie) {
  const testing::Shop& shop = TinyShop("causal_lm");
  const Snapshot snapshot = WithOneAdapter(shop);
  Write(folder_ / "model", shop, snapshot);
  const auto report = Export(folder_ / "model", folder_ / "out");
  EXPECT_EQ(report["items"], snapshot.catalogue_size);
  const std::int64_t first = report["first_token"], items = snapshot.catalogue_size;
  EXPECT_EQ(report["vocabulary"], std::max<std::int64_t>(40, first + items));

  const auto tokenizer = LoadTokenizer(folder_ / "out");
  const auto weights = LoadDecoder(
      folder_ / "out", {.precision = Precision::kFp32, .output = OutputRows::kKeep}, pool_);
  const auto maps = LinearMapsOf(weights->config);
  const Adapter adapter = LoadAdapter(folder_ / "out" / "adapters" / "region-1", maps);
  EXPECT_EQ(BaseModelOf(folder_ / "out" / "adapters" / "region-1"), (folder_ / "out").string());
  EXPECT_EQ(report["adapters"], (nlohmann::json{{"region-1", "region-1"}}));

  const ItemNames names = NamesOf(shop.data, items);
  const Responder responder(
      std::make_shared<const Snapshot>(ModelDirectory::Open(folder_ / "model").LoadSnapshot(0)),
      names, shop.windows.context);
  const auto read = ReadContexts(shop.data, shop.setup.held_out,
                                 std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                 shop.windows.context, items);
  int adapted = 0;
  for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
    std::vector<ContextItem> context;
    // The template of the shop, "b{user_id}a{history}c", piece by piece.
    std::vector<std::int32_t> ids;
    const auto add = [&](const std::string& text) {
      for (const TokenId id : tokenizer->Encode(text, SpecialTokens::kWithout)) {
        ids.push_back(Index(id));
      }
    };
    add("b");
    add("u7");
    add("a");
    for (std::int32_t i = read.contexts.offsets[row]; i < read.contexts.offsets[row + 1]; ++i) {
      const ItemId item = read.contexts.items[i];
      context.push_back({item, read.contexts.times[i]});
      add("<item_" + std::string(names.ids[Index(item)]) + ">");
      EXPECT_EQ(ids.back(), first + Index(item));
    }
    add("c");
    const Answer answer = responder.Respond({.context = context, .user = "u7", .count = items});
    const bool is_adapted = answer.route.region == snapshot.editor.regions.regions[1].id;
    adapted += is_adapted;
    const auto states = TextStates(weights, ids, is_adapted ? &adapter : nullptr);
    std::vector<float> logits(weights->config.vocabulary);
    weights->output_rows().Score(std::span(states).last(weights->config.dim), logits);
    ASSERT_EQ(std::ssize(answer.items), items);
    for (const kernels::ScoredItem& item : answer.items) {
      EXPECT_NEAR(logits[first + item.item], item.score, 1e-5 * (1 + std::abs(item.score)));
    }
  }
  EXPECT_GT(adapted, 0);
  EXPECT_LT(adapted, read.contexts.num_rows());
  // What raie.json says is enough to make the prompt.
  const auto about = nlohmann::json::parse(ReadFile(folder_ / "out" / "raie.json"));
  EXPECT_EQ(about["backbone"]["prompt"], "b{user_id}a{history}c");
  EXPECT_EQ(about["first_token"], first);
}

TEST_F(ExportModelTest, WhatCannotBeWrittenIsRefusedAndNothingIsLeft) {
  const testing::Shop& language = TinyShop("causal_lm");
  const testing::Shop& other = TinyShop();
  Write(folder_ / "sasrec", other, other.snapshot);
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "is a sasrec model",
      ErrorOf(ErrorCode::kInvalidArgument, [&] { Export(folder_ / "sasrec", folder_ / "out"); }));
  Snapshot regional = language.snapshot;
  auto items = std::make_shared<ItemTable>(*regional.items);
  items->MakeOwnRows(RegionId{2}, std::vector<std::int32_t>{1, 5});
  regional.items = items;
  Write(folder_ / "regional", language, regional);
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "item rows of region 2's own",
      ErrorOf(ErrorCode::kInvalidArgument, [&] { Export(folder_ / "regional", folder_ / "out"); }));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  fs::create_directories(folder_ / "out" / "something");
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "never overwrites",
      ErrorOf(ErrorCode::kInvalidArgument, [&] { Export(folder_ / "sasrec", folder_ / "out"); }));
}

}  // namespace
}  // namespace raie
