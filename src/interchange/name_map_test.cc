#include "interchange/name_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "backbones/registry.h"
#include "base/files.h"
#include "base/options.h"
#include "raie/error.h"

namespace raie {
namespace {

class NameMapTest : public ::testing::Test {
 protected:
  NameMapTest() { std::filesystem::create_directories(folder_); }
  ~NameMapTest() override { std::filesystem::remove_all(folder_); }

  NameMap Load(const std::string& text) {
    WriteFileAtomically(folder_ / "map.toml", text);
    return LoadNameMap(folder_ / "map.toml");
  }

  void ExpectRefused(const std::string& text, const std::string& reason) {
    SCOPED_TRACE(text);
    try {
      Load(text);
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, "map.toml", error.what());
    }
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("raie_name_map_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(NameMapTest, EveryKeyIsRead) {
  const NameMap map = Load(R"(
about = "ours"
ignore = ["loss.*", "step"]
[files]
weights = ["a.safetensors", "b.safetensors"]
items = "ids.txt"
prefix = "net."
[backbone]
name = "bert4rec"
[backbone.bert4rec]
norm = "pre"
layer_norm_epsilon = 1e-5
final_norm = false
[tensors]
"position.weight" = "pos"
"blocks.{b}.attention.k.weight" = { from = "h.{b}.c_attn", transpose = true, part = [1, 3] }
"items" = { from = "emb", rows = "1:-2", reverse = true }
"mask_token" = { from = "emb", rows = "-1:" }
"items.bias" = { fill = 0.5 }
)");
  EXPECT_EQ(map.about, "ours");
  EXPECT_EQ(map.ignored, (std::vector<std::string>{"loss.*", "step"}));
  EXPECT_EQ(map.weights, (std::vector<std::string>{"a.safetensors", "b.safetensors"}));
  EXPECT_EQ(map.items, "ids.txt");
  EXPECT_EQ(map.prefix, "net.");
  BackboneOptions options;
  const FieldList fields = FieldsOf(options);
  for (const Setting& setting : map.settings) {
    SetField(fields, setting.key.substr(std::string("backbone.").size()), setting.value,
             setting.place);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "map.toml:", setting.place);
  }
  EXPECT_EQ(options.name, "bert4rec");
  EXPECT_EQ(options.bert4rec.norm, NormPlace::kPre);
  EXPECT_EQ(options.bert4rec.layer_norm_epsilon, 1e-5);
  EXPECT_FALSE(options.bert4rec.final_norm);
  ASSERT_EQ(map.rules.size(), 5u);
  const auto rule = [&](const std::string& target) {
    const auto at = std::ranges::find(map.rules, target, &TensorRule::target);
    EXPECT_NE(at, map.rules.end()) << target;
    return *at;
  };
  EXPECT_EQ(rule("position.weight").source, "pos");
  const TensorRule fused = rule("blocks.{b}.attention.k.weight");
  EXPECT_TRUE(fused.transpose);
  EXPECT_EQ(fused.part, 1);
  EXPECT_EQ(fused.parts, 3);
  const TensorRule items = rule("items");
  EXPECT_EQ(items.begin, 1);
  EXPECT_EQ(items.end, -2);
  EXPECT_TRUE(items.reverse);
  EXPECT_EQ(rule("mask_token").begin, -1);
  EXPECT_FALSE(rule("mask_token").end.has_value());
  EXPECT_EQ(rule("items.bias").fill, 0.5f);
  EXPECT_TRUE(rule("items.bias").source.empty());
}

TEST_F(NameMapTest, WhatCannotBeMeantIsRefusedWithItsPlace) {
  ExpectRefused("[tensors\n", "map.toml:1: not valid TOML");
  ExpectRefused("about = \"x\"\n", "no [tensors]");
  ExpectRefused("tensor = 1\n", "map.toml:1: unknown key 'tensor'; did you mean 'tensors'?");
  ExpectRefused("[files]\nweigths = \"a\"\n", "did you mean 'weights'?");
  ExpectRefused("[files]\nweights = []\n", "empty list");
  ExpectRefused("[tensors]\na = 3\n", "map.toml:2: 'a': expected a table");
  ExpectRefused("[tensors]\na = { form = \"x\" }\n", "did you mean 'from'?");
  ExpectRefused("[tensors]\na = { transpose = true }\n", "either from");
  ExpectRefused("[tensors]\na = { from = \"x\", fill = 1 }\n", "either from");
  ExpectRefused("[tensors]\na = { from = \"x\", rows = \"1\" }\n", "BEGIN:END");
  ExpectRefused("[tensors]\na = { from = \"x\", rows = \"one:\" }\n", "BEGIN:END");
  ExpectRefused("[tensors]\na = { from = \"x\", part = [3, 3] }\n", "0 <= NUMBER < PARTS");
  ExpectRefused("[tensors]\na = { from = \"x\", transpose = 1 }\n", "true or false");
  ExpectRefused("[tensors]\n\"blocks.{b}.a\" = \"x\"\n", "in both names");
  ExpectRefused("[tensors]\na = \"x.{b}\"\n", "in both names");
  ExpectRefused("ignore = 3\n[tensors]\na = \"x\"\n", "ignore: expected a text in quotes");
}

TEST(NameMapNames, BlocksAndPatterns) {
  EXPECT_EQ(WithBlock("layer.{b}.x.{b}", 12), "layer.12.x.12");
  EXPECT_EQ(WithBlock("layer", 12), "layer");
  EXPECT_TRUE(MatchesPattern("a.*.b", "a.x.y.b"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("a*", "a"));
  EXPECT_TRUE(MatchesPattern("*aa*b", "aaab"));
  EXPECT_FALSE(MatchesPattern("a", "ab"));
  EXPECT_FALSE(MatchesPattern("a.*.b", "a.b"));
}

}  // namespace
}  // namespace raie
