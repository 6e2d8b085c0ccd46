#include "backbones/causal_lm/decoder_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/files.h"
#include "data/log_fixture.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpoint = "tests/golden/causal_lm/llama_bias";  // of F32, in one file

// A copy of a checkpoint that tests may spoil.
class DecoderWeightsTest : public ::testing::Test {
 protected:
  struct Tensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };

  DecoderWeightsTest() {
    folder_ = fs::temp_directory_path() /
              ("raie_decoder_weights_" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    WriteFileAtomically(folder_ / "config.json",
                        ReadFile(std::string(kCheckpoint) + "/config.json"));
    const TensorFile file(std::string(kCheckpoint) + "/model.safetensors");
    for (const TensorInfo& info : file.tensors()) {
      const auto values = file.Floats(info.name);
      tensors_.push_back({info.name, info.shape, {values.begin(), values.end()}});
    }
  }
  ~DecoderWeightsTest() override { fs::remove_all(folder_); }

  Tensor& Named(const std::string& name) {
    for (Tensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    throw std::runtime_error("no tensor " + name);
  }
  void Save() const {
    std::vector<TensorView> views;
    for (const Tensor& t : tensors_) views.push_back({t.name, t.shape, t.values});
    SaveTensors(folder_ / "model.safetensors", std::move(views));
  }
  std::shared_ptr<const DecoderWeights> Load(Precision precision = Precision::kBf16) const {
    TaskPool pool(2);
    return LoadDecoder(folder_, {.precision = precision}, pool);
  }
  void ExpectRefused(ErrorCode code, const std::string& reason) const {
    for (const Precision precision : {Precision::kBf16, Precision::kFp32}) {
      try {
        Load(precision);
        ADD_FAILURE() << "loaded";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
      }
    }
  }

  fs::path folder_;
  std::vector<Tensor> tensors_;
};

TEST_F(DecoderWeightsTest, MapsAreFusedInTheirOrder) {
  Save();
  const auto weights = Load(Precision::kFp32);
  const DecoderConfig& c = weights->config;
  EXPECT_FALSE(c.tied);
  const Tensor& k = Named("model.layers.1.self_attn.k_proj.weight");
  std::vector<float> rows(c.kv_width() * c.dim);
  weights->layers[1].qkv->CopyRows(c.query_width(),
                                   kernels::MutableView(rows, c.kv_width(), c.dim));
  EXPECT_EQ(rows, k.values);
  const Tensor& up = Named("model.layers.0.mlp.up_proj.bias");
  const auto& bias = weights->layers[0].gate_up_bias;
  EXPECT_TRUE(std::equal(up.values.begin(), up.values.end(), bias.begin() + c.ffn_width));
}

TEST_F(DecoderWeightsTest, AMissingTensorIsNamedWithItsShape) {
  Named("model.layers.1.mlp.up_proj.weight").name = "model.layers.1.mlp.down_proj.weight2";
  Save();
  ExpectRefused(ErrorCode::kCorruptData, "tensor model.layers.1.mlp.down_proj.weight2 [40, 24] is");
  std::erase_if(tensors_, [](const Tensor& t) { return t.name.ends_with("weight2"); });
  Save();
  ExpectRefused(ErrorCode::kNotFound, "no tensor model.layers.1.mlp.up_proj.weight [40, 24]");
}

TEST_F(DecoderWeightsTest, AnotherShapeIsNamedWithTheExpectedOne) {
  Named("model.layers.0.self_attn.q_proj.weight").shape = {24, 40};
  Save();
  ExpectRefused(ErrorCode::kCorruptData,
                "model.layers.0.self_attn.q_proj.weight has shape [24, 40], expected [40, 24]");
}

TEST_F(DecoderWeightsTest, AValueThatIsNotFiniteIsNamed) {
  Save();
  // The last value of the file's last tensor, without the writer's check.
  const fs::path path = folder_ / "model.safetensors";
  std::string bytes = ReadFile(path);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - 4, &nan, 4);
  WriteFileAtomically(path, bytes);
  ExpectRefused(ErrorCode::kCorruptData, "tensor model.norm.weight: value 23 is not finite");
}

TEST_F(DecoderWeightsTest, AFileCutShortIsNamed) {
  Save();
  const fs::path path = folder_ / "model.safetensors";
  fs::resize_file(path, fs::file_size(path) / 2);
  ExpectRefused(ErrorCode::kCorruptData, "cut short");
}

TEST_F(DecoderWeightsTest, AFolderThatIsNoneIsNotFound) {
  fs::remove(folder_ / "config.json");
  ExpectRefused(ErrorCode::kNotFound, "config.json");
}

TEST_F(DecoderWeightsTest, OldTensorsThatNobodyReadsAreSkipped) {
  tensors_.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {2}, {1, 0.5f}});
  Save();
  EXPECT_NO_THROW(Load());
}

TEST_F(DecoderWeightsTest, TheOutputIsKeptOnlyIfAskedFor) {
  Save();
  EXPECT_TRUE(Load()->output.empty());
  TaskPool pool(1);
  const auto kept = LoadDecoder(folder_, {Precision::kFp32, OutputRows::kKeep}, pool);
  std::vector<float> row(24);
  kept->output_rows().CopyRow(1, row);
  const Tensor& head = Named("lm_head.weight");
  EXPECT_TRUE(std::equal(row.begin(), row.end(), head.values.begin() + 24));
  std::vector<float> scores(40);
  kept->output_rows().Score(row, scores);
  double expected = 0;
  for (int i = 0; i < 24; ++i) expected += double{row[i]} * head.values[5 * 24 + i];
  EXPECT_NEAR(scores[5], expected, 1e-5);
}

TEST_F(DecoderWeightsTest, AModelBiggerThanMemoryIsRefusedWithBothNumbers) {
  Save();
  const auto weights = Load();
  const DecoderConfig& c = weights->config;
  double floats = static_cast<double>(c.vocabulary * c.dim);
  for (const DecoderLayer& layer : weights->layers) {
    for (const auto* map : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      floats += static_cast<double>((*map)->outputs() * (*map)->inputs());
    }
  }
  const LoadOptions load{.precision = Precision::kFp32};
  EXPECT_EQ(WeightBytes(c, load), 4 * floats);
  const auto bytes = static_cast<std::int64_t>(4 * floats);
  EXPECT_NO_THROW(CheckFitsInMemory(c, load, bytes, "here"));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring,
                      "here: ", testing::ErrorOf(ErrorCode::kUnavailable, [&] {
                        CheckFitsInMemory(c, load, bytes - 1, "here");
                      }));
  // No memory holds this; nothing of it is asked for.
  DecoderConfig huge = c;
  huge.dim = huge.ffn_width = huge.vocabulary = 1 << 24;
  huge.layers = 1 << 20;
  const std::string message =
      testing::ErrorOf(ErrorCode::kUnavailable, [&] { RandomDecoder(huge, load, 1); });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "MB in fp32, and ", message);
}

TEST(RandomDecoderTest, ASeedIsAModel) {
  DecoderConfig config{.vocabulary = 9,
                       .dim = 8,
                       .ffn_width = 6,
                       .layers = 1,
                       .heads = 2,
                       .kv_heads = 1,
                       .head_dim = 4,
                       .tied = true,
                       .max_positions = 16};
  const auto row = [&](std::uint64_t seed) {
    const auto weights = RandomDecoder(config, {.precision = Precision::kFp32}, seed);
    std::vector<float> values(8);
    weights->layers[0].down->CopyRows(3, {values.data(), 1, 6, 6});
    weights->embedding.CopyRow(2, values);
    return values;
  };
  EXPECT_EQ(row(1), row(1));
  EXPECT_NE(row(1), row(2));
  config.heads = 0;
  EXPECT_THROW(RandomDecoder(config, {}, 1), Error);
}

}  // namespace
}  // namespace raie
