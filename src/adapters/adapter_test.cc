#include "adapters/adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

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
      {"use_dora", true},           {"modules_to_save", {"item"}}, {"bias", "all"},
      {"rank_pattern", {{"q", 4}}}, {"alpha_pattern", {{"q", 4}}}, {"peft_type", "IA3"},
      {"layers_to_transform", {0}},
  };
  for (const auto& [key, value] : settings) {
    SCOPED_TRACE(key);
    SaveAdapter(folder_, adapter, maps, "sasrec");
    EditConfig(key, value);
    ExpectRefused(maps, key);
  }
  SaveAdapter(folder_, adapter, maps, "sasrec");
  EditConfig("rank_pattern", {{"q", 3}});  // equal to r: changes nothing
  EXPECT_NO_THROW(LoadAdapter(folder_, maps));
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
