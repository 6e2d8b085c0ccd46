#include "adapters/adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "adapters/peft_file.h"
#include "base/files.h"
#include "base/random.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

std::vector<LinearMapInfo> TwoBlocks(std::int64_t width = 12) {
  std::vector<LinearMapInfo> maps;
  for (int block = 0; block < 2; ++block) {
    const std::string prefix = "blocks." + std::to_string(block) + ".";
    maps.push_back({prefix + "attention.q", "q", 8, 8});
    maps.push_back({prefix + "ffn_in", "ffn_in", 8, width});
  }
  return maps;
}

LoraOptions Small() {
  LoraOptions options;
  options.rank = 3;
  options.maps = {"q", "ffn_in"};
  return options;
}

Adapter Random(std::span<const LinearMapInfo> maps, const LoraOptions& options) {
  Adapter adapter = Adapter::Make(maps, options, 5);
  RandomStream random(9, 0);
  for (float& value : adapter.values()) value = static_cast<float>(random.Normal());
  return adapter;
}

TEST(Adapter, AFreshOneIsZeroInBAndUniformInA) {
  const auto maps = TwoBlocks();
  const Adapter adapter = Adapter::Make(maps, Small(), 5);
  EXPECT_TRUE(adapter.IsZero());
  EXPECT_EQ(adapter.values().size(), 2u * (3 * 8 + 8 * 3 + 3 * 8 + 12 * 3));
  double sum = 0, squares = 0;
  int count = 0;
  for (const Adapter::Map& map : adapter.maps()) {
    const float bound = 1 / std::sqrt(static_cast<float>(map.inputs));
    for (const float value : adapter.a_RI(map)) {
      EXPECT_LE(std::fabs(value), bound);
      sum += value;
      squares += value * value;
      ++count;
    }
  }
  // Uniform on +-b has variance b^2 / 3; b^2 = 1/8 here.
  EXPECT_NEAR(sum / count, 0, 0.1);
  EXPECT_NEAR(squares / count, 1.0 / 24, 0.015);
}

TEST(Adapter, OneValueOfBMakesItNonZero) {
  const auto maps = TwoBlocks();
  Adapter adapter = Adapter::Make(maps, Small(), 5);
  adapter.values()[adapter.maps().back().b_begin] = 1e-30f;
  EXPECT_FALSE(adapter.IsZero());
}

TEST(Adapter, TheStartOfAMapDoesNotDependOnTheOthers) {
  const auto maps = TwoBlocks();
  LoraOptions only_ffn = Small();
  only_ffn.maps = {"ffn_in"};
  const Adapter both = Adapter::Make(maps, Small(), 5);
  const Adapter one = Adapter::Make(maps, only_ffn, 5);
  ASSERT_EQ(one.maps().size(), 2u);
  const auto a = both.a_RI(both.maps()[1]);
  const auto b = one.a_RI(one.maps()[0]);
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST(Adapter, WithoutAListAllKindsAreAdapted) {
  LoraOptions all = Small();
  all.maps.clear();
  const Adapter adapter = Adapter::Make(TwoBlocks(), all, 5);
  EXPECT_EQ(adapter.options().maps, Small().maps);
  const Adapter listed = Adapter::Make(TwoBlocks(), Small(), 5);
  EXPECT_TRUE(std::ranges::equal(adapter.values(), listed.values()));
}

TEST(Adapter, UnknownKindsAndRanksAreAllNamed) {
  LoraOptions options = Small();
  options.maps = {"q", "gate"};
  options.rank = 0;
  try {
    Adapter::Make(TwoBlocks(), options, 5);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "\"gate\"", error.what());
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "rank", error.what());
  }
}

class PeftFileTest : public ::testing::Test {
 protected:
  PeftFileTest() { std::filesystem::create_directories(folder_); }
  ~PeftFileTest() override { std::filesystem::remove_all(folder_); }

  void EditConfig(const std::string& key, const nlohmann::json& value) {
    auto config = nlohmann::json::parse(ReadFile(folder_ / "adapter_config.json"));
    config[key] = value;
    WriteFileAtomically(folder_ / "adapter_config.json", config.dump());
  }
  void ExpectRefused(std::span<const LinearMapInfo> maps, const std::string& reason) {
    try {
      LoadAdapter(folder_, maps);
      FAIL() << "accepted; expected " << reason;
    } catch (const Error& error) {
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
    }
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      (std::string("raie_peft_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(PeftFileTest, WhatIsSavedComesBackBitEqual) {
  const auto maps = TwoBlocks();
  LoraOptions options = Small();
  options.alpha = 7.5;
  options.dropout = 0.05;
  const Adapter adapter = Random(maps, options);
  SaveAdapter(folder_, adapter, maps, "sasrec");
  const Adapter back = LoadAdapter(folder_, maps);
  EXPECT_TRUE(SameOptions(adapter.options(), back.options()));
  ASSERT_EQ(adapter.values().size(), back.values().size());
  EXPECT_EQ(std::memcmp(adapter.values().data(), back.values().data(),
                        sizeof(float) * back.values().size()),
            0);
}

TEST_F(PeftFileTest, TheFilesAreLaidOutAsPeftDoes) {
  const auto maps = TwoBlocks();
  SaveAdapter(folder_, Random(maps, Small()), maps, "sasrec");
  const auto config = nlohmann::json::parse(ReadFile(folder_ / "adapter_config.json"));
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["r"], 3);
  EXPECT_TRUE(config["lora_alpha"].is_number_integer());
  EXPECT_EQ(config["target_modules"], (nlohmann::json{"ffn_in", "q"}));
  EXPECT_EQ(config["base_model_name_or_path"], "sasrec");
  const TensorFile file(folder_ / "adapter_model.safetensors");
  const std::int64_t a_shape[] = {3, 8}, b_shape[] = {12, 3};
  EXPECT_EQ(file.Floats("base_model.model.blocks.1.attention.q.lora_A.weight", a_shape).size(),
            24u);
  EXPECT_EQ(file.Floats("base_model.model.blocks.1.ffn_in.lora_B.weight", b_shape).size(), 36u);
}

TEST_F(PeftFileTest, LastLayersAndAnotherScaleComeBack) {
  auto maps = TwoBlocks();
  maps[2].layer = maps[3].layer = 1;
  LoraOptions options = Small();
  options.last_layers = 1;
  options.rs_lora = true;
  const Adapter adapter = Random(maps, options);
  ASSERT_EQ(adapter.maps().size(), 2u);
  EXPECT_EQ(adapter.maps()[0].map, 2);
  EXPECT_FLOAT_EQ(adapter.scale(), static_cast<float>(options.alpha / std::sqrt(3.0)));
  SaveAdapter(folder_, adapter, maps, "sasrec");
  const Adapter loaded = LoadAdapter(folder_, maps);
  EXPECT_EQ(loaded.options().last_layers, 1);
  EXPECT_EQ(loaded.scale(), adapter.scale());
  EXPECT_TRUE(std::equal(loaded.values().begin(), loaded.values().end(), adapter.values().begin()));
  const auto config = nlohmann::json::parse(ReadFile(folder_ / "adapter_config.json"));
  EXPECT_EQ(config["target_modules"], (nlohmann::json{"blocks.1.attention.q", "blocks.1.ffn_in"}));
  options.last_layers = 3;
  EXPECT_THROW(Adapter::Make(maps, options, 1), Error);
}

TEST_F(PeftFileTest, WhatChangesTheMathematicsIsRefusedByName) {
  const auto maps = TwoBlocks();
  const Adapter adapter = Random(maps, Small());
  const std::pair<const char*, nlohmann::json> settings[] = {
      {"use_dora", true},
      {"modules_to_save", {"item"}},
      {"bias", "all"},
      {"peft_type", "IA3"},
  };
  for (const auto& [key, value] : settings) {
    SCOPED_TRACE(key);
    SaveAdapter(folder_, adapter, maps, "sasrec");
    EditConfig(key, value);
    ExpectRefused(maps, key);
  }
}

// What a map adds to its weight, slowly: scale B A.
std::vector<double> UpdateOf(std::span<const float> a_RI, std::span<const float> b_OR,
                             std::int64_t rank, double scale) {
  const std::int64_t inputs = std::ssize(a_RI) / rank, outputs = std::ssize(b_OR) / rank;
  std::vector<double> update(outputs * inputs);
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int64_t r = 0; r < rank; ++r) {
        update[o * inputs + i] += scale * b_OR[o * rank + r] * a_RI[r * inputs + i];
      }
    }
  }
  return update;
}

TEST_F(PeftFileTest, MapsWithRanksAndAlphasOfTheirOwnAddTheSame) {
  const auto maps = TwoBlocks();
  for (const bool rs_lora : {false, true}) {
    SaveAdapter(folder_, Random(maps, Small()), maps, "sasrec");
    EditConfig("use_rslora", rs_lora);
    EditConfig("rank_pattern", {{"blocks.0.attention.q", 2}, {R"(blocks\.\d+\.ffn_in)", 5}});
    EditConfig("alpha_pattern", {{"q", 4}, {"1.ffn_in", 9}});
    const std::int64_t ranks[] = {2, 5, 3, 5};
    const double alphas[] = {4, 16, 4, 9};
    std::vector<std::vector<float>> values;
    std::vector<TensorView> tensors;
    RandomStream random(4, 0);
    for (std::size_t m = 0; m < maps.size(); ++m) {
      for (const auto& [suffix, rows, columns] : {std::tuple("A", ranks[m], maps[m].inputs),
                                                  std::tuple("B", maps[m].outputs, ranks[m])}) {
        auto& drawn = values.emplace_back(rows * columns);
        for (float& value : drawn) value = static_cast<float>(random.Normal());
        tensors.push_back({"base_model.model." + maps[m].name + ".lora_" + suffix + ".weight",
                           {rows, columns},
                           drawn});
      }
    }
    SaveTensors(folder_ / "adapter_model.safetensors", tensors);
    const Adapter loaded = LoadAdapter(folder_, maps);
    EXPECT_EQ(loaded.options().rank, 5);
    for (const Adapter::Map& map : loaded.maps()) {
      SCOPED_TRACE(maps[map.map].name);
      const auto rank = static_cast<double>(ranks[map.map]);
      const auto expected = UpdateOf(values[2 * map.map], values[2 * map.map + 1], ranks[map.map],
                                     alphas[map.map] / (rs_lora ? std::sqrt(rank) : rank));
      const auto found = UpdateOf(loaded.a_RI(map), loaded.b_OR(map), 5, loaded.scale());
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
    }
  }
}

TEST_F(PeftFileTest, PatternsThatCannotBeAreNamed) {
  const auto maps = TwoBlocks();
  for (const auto& [key, value, reason] :
       {std::tuple("rank_pattern", nlohmann::json{{"q", 2.5}}, "the rank of blocks.0.attention.q"),
        std::tuple("rank_pattern", nlohmann::json{{"q", 2}}, "lora_A.weight has shape [3, 8]"),
        std::tuple("alpha_pattern", nlohmann::json{{"q", 0}}, "alpha_pattern"),
        std::tuple("alpha_pattern", nlohmann::json{{"(", 1}}, "regular expression")}) {
    SCOPED_TRACE(reason);
    SaveAdapter(folder_, Random(maps, Small()), maps, "sasrec");
    EditConfig(key, value);
    ExpectRefused(maps, reason);
  }
}

TEST_F(PeftFileTest, AnAdapterOfAnotherShapeNamesTensorAndShapes) {
  const auto maps = TwoBlocks();
  SaveAdapter(folder_, Random(maps, Small()), maps, "sasrec");
  ExpectRefused(TwoBlocks(16), "ffn_in.lora_B.weight has shape [12, 3], expected [16, 3]");
  auto fewer = TwoBlocks();
  fewer.pop_back();
  ExpectRefused(fewer, "belongs to no linear map");
  auto more = TwoBlocks();
  more.push_back({"blocks.2.attention.q", "q", 8, 8});
  ExpectRefused(more, "has no tensor base_model.model.blocks.2.attention.q.lora_A.weight");
}

TEST_F(PeftFileTest, MissingFilesAreNotFound) {
  try {
    LoadAdapter(folder_, TwoBlocks());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace raie
