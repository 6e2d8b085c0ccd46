// A model that is exported under other names, and comes back; and what is wrong with a checkpoint.
#include "interchange/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/options.h"
#include "interchange/export_fixture.h"
#include "raie/error.h"

namespace raie {
namespace {

using testing_support::CheckpointExport;
using testing_support::ItemListText;
using testing_support::OwnedTensors;
using testing_support::Randomise;
using testing_support::SaveOwned;

constexpr std::int64_t kListed = 9;

// A map of names that are not ours, with every kind of step.
constexpr char kOddMap[] = R"(
about = "odd names"
ignore = ["train.*"]
[files]
prefix = "net."
[backbone]
name = "bert4rec"
[backbone.bert4rec]
dim = 8
blocks = 2
heads = 2
context = 5
ffn_width = 12
norm = "pre"
item_bias = true
[tensors]
"items" = { from = "net.words", rows = "2:-1" }
"items.bias" = { from = "net.words_bias", rows = "2:" }
"mask_token" = { from = "net.words", rows = "1:2" }
"position.weight" = { from = "net.places", reverse = true, rows = "1:" }
"blocks.{b}.attention.q.weight" = { from = "net.h.{b}.qkv.w", transpose = true, part = [0, 3] }
"blocks.{b}.attention.k.weight" = { from = "net.h.{b}.qkv.w", transpose = true, part = [1, 3] }
"blocks.{b}.attention.v.weight" = { from = "net.h.{b}.qkv.w", transpose = true, part = [2, 3] }
"blocks.{b}.attention.q.bias" = { from = "net.h.{b}.qkv.b", part = [0, 3] }
"blocks.{b}.attention.k.bias" = { from = "net.h.{b}.qkv.b", part = [1, 3] }
"blocks.{b}.attention.v.bias" = { from = "net.h.{b}.qkv.b", part = [2, 3] }
"blocks.{b}.attention.out.weight" = { from = "net.h.{b}.proj.w", transpose = true }
"blocks.{b}.attention.out.bias" = "net.h.{b}.proj.b"
"blocks.{b}.norm1.weight" = "net.h.{b}.a.gamma"
"blocks.{b}.norm1.bias" = "net.h.{b}.a.beta"
"blocks.{b}.ffn_in.weight" = "net.h.{b}.up.w"
"blocks.{b}.ffn_in.bias" = "net.h.{b}.up.b"
"blocks.{b}.ffn_out.weight" = "net.h.{b}.down.w"
"blocks.{b}.ffn_out.bias" = "net.h.{b}.down.b"
"blocks.{b}.norm2.weight" = "net.h.{b}.m.gamma"
"blocks.{b}.norm2.bias" = "net.h.{b}.m.beta"
"final_norm.weight" = "net.f.gamma"
"final_norm.bias" = "net.f.beta"
)";

BackboneOptions OptionsOfMap(const NameMap& map) {
  BackboneOptions options;
  const FieldList fields = FieldsOf(options);
  for (const Setting& setting : map.settings) {
    SetField(fields, setting.key.substr(std::string("backbone.").size()), setting.value,
             setting.place);
  }
  SasrecOptions& sizes = NamedSection(options);
  sizes.dim = 8;
  sizes.blocks = 2;
  sizes.heads = 2;
  sizes.context = 5;
  return options;
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() { std::filesystem::create_directories(folder_); }
  ~CheckpointTest() override { std::filesystem::remove_all(folder_); }

  // Exports a random model under the names of a map.
  void Export(const std::filesystem::path& map_path) {
    map_ = LoadNameMap(map_path);
    options_ = OptionsOfMap(map_);
    original_ = MakeBackbone(options_, 3);
    Randomise(*original_, 4);
    rows_ = MakeItemRows(options_, *original_, kListed, 5);
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i] += 0.01f * static_cast<float>(i % 7);
    tensors_ = CheckpointExport(map_, *original_, NamedSection(options_).dim, rows_).tensors();
    Save();
    WriteFileAtomically(folder_ / map_.items, ItemListText(kListed));
  }
  void ExportOdd() {
    std::string text = kOddMap;
    // The exporter knows no prefix, the reader adds it: names are told to each in its own way.
    WriteFileAtomically(folder_ / "export.toml", text);
    Export(folder_ / "export.toml");
    for (std::size_t at; (at = text.find("\"net.", text.find("[tensors]"))) != std::string::npos;) {
      text.erase(at + 1, 4);
    }
    WriteFileAtomically(folder_ / "map.toml", text);
    map_ = LoadNameMap(folder_ / "map.toml");
    tensors_["net.train.step"] = {{1}, {7}};
    // As kernels of convolutions of width 1, and a table with a batch of 1, are.
    for (const char* const name : {"net.h.0.up.w", "net.h.1.up.w"}) {
      tensors_.at(name).shape.push_back(1);
    }
    auto& places = tensors_.at("net.places").shape;
    places.insert(places.begin(), 1);
    Save();
  }
  void Save() { SaveOwned(folder_ / "model.safetensors", tensors_); }

  std::vector<float> Scores(const Backbone& backbone, const std::vector<float>& rows) const {
    WindowBatch batch;
    batch.items = {ItemId{3}, ItemId{8}, ItemId{0}, ItemId{1}, ItemId{2}, ItemId{3}, ItemId{4}};
    batch.offsets = {0, 2, 7};
    batch.users = {UserId{0}, UserId{1}};
    batch.row_keys = {1, 2};
    const std::vector<OutputPosition> outputs = {{0, 1}, {1, 4}};
    const std::int64_t d = backbone.dim();
    std::vector<float> hidden(2 * d);
    const ItemRows items{rows, {}, {}};
    backbone.Forward(*backbone.Bind(nullptr, Purpose::kScore),
                     {.batch = batch, .outputs = outputs, .items = items}, hidden);
    std::vector<float> scores;
    for (std::int64_t p = 0; p < 2; ++p) {
      for (std::int64_t i = 0; i < kListed; ++i) {
        float score = 0;
        for (std::int64_t c = 0; c < d; ++c) score += hidden[p * d + c] * rows[i * d + c];
        scores.push_back(score);
      }
    }
    return scores;
  }

  // The checkpoint comes back as the model it was exported from, to the bit.
  void ExpectComesBack() {
    ForeignCheckpoint checkpoint(folder_, map_);
    const SasrecOptions& sizes = NamedSection(options_);
    EXPECT_EQ(checkpoint.sizes().dim, sizes.dim);
    EXPECT_EQ(checkpoint.sizes().blocks, sizes.blocks);
    EXPECT_EQ(checkpoint.sizes().positions, sizes.context + (options_.name == "bert4rec"));
    EXPECT_EQ(checkpoint.sizes().ffn_width, sizes.ffn_width > 0 ? sizes.ffn_width : 4 * sizes.dim);
    EXPECT_EQ(checkpoint.item_ids().front(), "a9");
    EXPECT_EQ(checkpoint.item_ids().back(), "a1");
    const auto backbone = MakeBackbone(options_, 99);
    checkpoint.Fill(*backbone);
    const std::vector<float> rows = checkpoint.ItemRows(*backbone);
    checkpoint.CheckAllUsed();
    const auto found = backbone->parameters(), wanted = original_->parameters();
    EXPECT_TRUE(std::equal(found.begin(), found.end(), wanted.begin(), wanted.end()));
    EXPECT_EQ(rows, rows_);
    EXPECT_EQ(Scores(*backbone, rows), Scores(*original_, rows_));
  }

  // Reading the checkpoint as it is now fails and says so.
  void ExpectRefused(ErrorCode code, const std::vector<std::string>& reasons) {
    Save();
    try {
      ForeignCheckpoint checkpoint(folder_, map_);
      const auto backbone = MakeBackbone(options_, 99);
      checkpoint.Fill(*backbone);
      checkpoint.ItemRows(*backbone);
      checkpoint.CheckAllUsed();
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      for (const std::string& reason : reasons) {
        EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
      }
    }
  }

  TensorRule& Rule(const std::string& target) {
    const auto at = std::ranges::find(map_.rules, target, &TensorRule::target);
    EXPECT_NE(at, map_.rules.end()) << target;
    return *at;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("raie_checkpoint_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
  NameMap map_;
  BackboneOptions options_;
  std::unique_ptr<Backbone> original_;
  std::vector<float> rows_;
  OwnedTensors tensors_;
};

TEST_F(CheckpointTest, ReadyMadeMapsBringTheModelBack) {
  int maps = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs/import")) {
    SCOPED_TRACE(entry.path().string());
    Export(entry.path());
    ExpectComesBack();
    ++maps;
  }
  EXPECT_GE(maps, 4);
}

TEST_F(CheckpointTest, AnOddMapBringsTheModelBack) {
  ExportOdd();
  ExpectComesBack();
}

TEST_F(CheckpointTest, NumbersOfOtherWidthsAndSeveralFilesAreRead) {
  ExportOdd();
  // Half of the tensors in a second file.
  OwnedTensors second;
  for (auto at = tensors_.begin(); at != tensors_.end();) {
    if (at->first.starts_with("net.h.1")) {
      second.insert(*at);
      at = tensors_.erase(at);
    } else {
      ++at;
    }
  }
  Save();
  SaveOwned(folder_ / "second.safetensors", second);
  map_.weights = {"model.safetensors", "second.safetensors"};
  ExpectComesBack();
  tensors_["net.h.1.up.w"] = second.at("net.h.1.up.w");
  ExpectRefused(ErrorCode::kCorruptData, {"net.h.1.up.w", "two of the files"});
}

TEST_F(CheckpointTest, MissingTensorsAreNamedWithTheRule) {
  ExportOdd();
  auto node = tensors_.extract("net.h.1.m.beta");
  node.key() = "net.h.1.m.betta";
  tensors_.insert(std::move(node));
  ExpectRefused(ErrorCode::kNotFound,
                {"model.safetensors", "no tensor 'net.h.1.m.beta'",
                 "map.toml:", "'blocks.1.norm2.bias'", "nearest name is 'net.h."});
}

TEST_F(CheckpointTest, NoBlockIsAnErrorOfItsOwn) {
  ExportOdd();
  Rule("blocks.{b}.attention.q.weight").source = "layer.{b}.qkv";
  ExpectRefused(ErrorCode::kNotFound, {"no tensor 'net.layer.0.qkv'", "map.toml:"});
}

TEST_F(CheckpointTest, WrongShapesAreRefusedWithBoth) {
  ExportOdd();
  Rule("blocks.{b}.ffn_in.weight").transpose = true;
  options_.bert4rec.ffn_width = 8;
  ExpectRefused(ErrorCode::kCorruptData, {"net.h.0.up.w is [12, 8, 1]", "transposed: [8, 12]",
                                          "blocks.0.ffn_in.weight is [8, 8]", "map.toml:"});
}

TEST_F(CheckpointTest, RowsThatAreNotThereAreRefused) {
  ExportOdd();
  Rule("mask_token").begin = 40;
  Rule("mask_token").end = 41;
  ExpectRefused(ErrorCode::kCorruptData, {"net.words is [12, 8]", "rows 40:41"});
}

TEST_F(CheckpointTest, PartsMustBeEqual) {
  ExportOdd();
  Rule("blocks.{b}.attention.q.weight").parts = 5;
  ExpectRefused(ErrorCode::kCorruptData, {"5 equal parts of its 24 rows"});
}

TEST_F(CheckpointTest, TensorsThatNobodyReadsAreRefused) {
  ExportOdd();
  tensors_["net.head.w"] = {{2, 2}, {1, 2, 3, 4}};
  ExpectRefused(ErrorCode::kCorruptData, {"1 tensors", "net.head.w [2, 2]", "ignore"});
  map_.ignored.emplace_back("head.*");
  Save();
  ExpectComesBack();
}

TEST_F(CheckpointTest, ParametersWithoutARuleAreRefused) {
  ExportOdd();
  std::erase_if(map_.rules,
                [](const TensorRule& rule) { return rule.target == "final_norm.bias"; });
  ExpectRefused(ErrorCode::kInvalidArgument, {"map.toml", "no rule for 'final_norm.bias'", "fill"});
}

TEST_F(CheckpointTest, RulesWithoutAParameterAreRefused) {
  ExportOdd();
  options_.bert4rec.final_norm = false;
  ExpectRefused(ErrorCode::kInvalidArgument, {"map.toml:", "'final_norm.", "is no parameter"});
}

TEST_F(CheckpointTest, ABiasNeedsABackboneThatHasOne) {
  ExportOdd();
  options_.bert4rec.item_bias = false;
  ExpectRefused(ErrorCode::kInvalidArgument, {"'items.bias'", "item_bias"});
}

TEST_F(CheckpointTest, WhatACheckpointLacksIsFilled) {
  ExportOdd();
  tensors_.erase("net.words_bias");
  for (int b : {0, 1}) tensors_.erase("net.h." + std::to_string(b) + ".a.gamma");
  Rule("items.bias") = {.target = "items.bias", .source = "", .fill = 0.25f, .place = "x"};
  Rule("blocks.{b}.norm1.weight").source = "";
  Rule("blocks.{b}.norm1.weight").fill = 1;
  Save();
  ForeignCheckpoint checkpoint(folder_, map_);
  const auto backbone = MakeBackbone(options_, 99);
  checkpoint.Fill(*backbone);
  const std::vector<float> rows = checkpoint.ItemRows(*backbone);
  for (std::int64_t i = 0; i < kListed; ++i) EXPECT_EQ(rows[i * 9 + 8], 0.25f);
  for (const Backbone::Parameter& p : backbone->parameter_list()) {
    if (!p.name.ends_with("norm1.weight")) continue;
    EXPECT_EQ(backbone->parameters()[p.begin + 7], 1);
  }
}

TEST_F(CheckpointTest, TheItemListMustFitTheRows) {
  ExportOdd();
  WriteFileAtomically(folder_ / "items.txt", ItemListText(kListed + 2));
  ExpectRefused(ErrorCode::kCorruptData,
                {"items.txt names 11 items", "9 item rows", "net.words", "rows 2:-1"});
  WriteFileAtomically(folder_ / "items.txt", "a\nb\nc\nb\n");
  ExpectRefused(ErrorCode::kCorruptData, {"items.txt:4", "\"b\"", "line 2"});
  WriteFileAtomically(folder_ / "items.txt", "a\n\nc\n");
  ExpectRefused(ErrorCode::kCorruptData, {"items.txt:2", "empty line"});
  WriteFileAtomically(folder_ / "items.txt", "a\n\xff\nc\n");
  ExpectRefused(ErrorCode::kCorruptData, {"items.txt:2", "UTF-8"});
  WriteFileAtomically(folder_ / "items.txt", "");
  ExpectRefused(ErrorCode::kCorruptData, {"items.txt:1", "no item ids"});
  std::filesystem::remove(folder_ / "items.txt");
  ExpectRefused(ErrorCode::kNotFound, {"items.txt"});
}

TEST(ItemList, LinesOfAnySystemAreRead) {
  const auto path = std::filesystem::temp_directory_path() / "raie_item_list.txt";
  WriteFileAtomically(path, "one two\r\n\xc3\xa9\nlast");
  EXPECT_EQ(ReadItemList(path), (std::vector<std::string>{"one two", "\xc3\xa9", "last"}));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace raie
