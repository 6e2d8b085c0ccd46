#include "backbones/causal_lm/grown_checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backbones/causal_lm/decoder_weights.h"
#include "base/files.h"
#include "base/random.h"
#include "data/log_fixture.h"
#include "tensorfile/tensor_folder.h"

namespace raie {
namespace {

std::vector<float> DrawnRows(std::int64_t rows, std::int64_t dim) {
  RandomStream random(11, 0);
  std::vector<float> values(rows * dim);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

std::vector<float> RowOf(const TokenRows& table, std::int64_t token, std::int64_t dim) {
  std::vector<float> row(dim);
  table.CopyRow(token, row);
  return row;
}

class GrownCheckpointTest : public ::testing::Test {
 protected:
  // Grows the golden checkpoint of a model type by 7 items behind all but `spare` of its rows.
  std::shared_ptr<const DecoderWeights> Grow(const std::string& model, std::int64_t spare,
                                             nn::Precision precision) {
    const std::filesystem::path golden = "tests/golden/causal_lm/" + model;
    const LoadOptions load{.precision = precision, .output = OutputRows::kKeep};
    before_ = LoadDecoder(golden, load, pool_);
    rows_ = DrawnRows(7, before_->config.dim);
    std::filesystem::create_directories(folder_ / model);
    vocabulary_ = SaveGrown(folder_ / model, {.from = golden,
                                              .rows_ND = rows_,
                                              .first = before_->config.vocabulary - spare,
                                              .precision = precision});
    return LoadDecoder(folder_ / model, load, pool_);
  }

  TaskPool pool_{1};
  testing::TemporaryFolder folder_;
  std::shared_ptr<const DecoderWeights> before_;
  std::vector<float> rows_;
  std::int64_t vocabulary_ = 0;
};

TEST_F(GrownCheckpointTest, BothTablesGetTheRowsTiedOrNot) {
  int untied = 0;
  for (const std::string model : {"llama", "llama_bias", "mistral", "qwen2", "qwen3"}) {
    SCOPED_TRACE(model);
    const auto after = Grow(model, 2, nn::Precision::kFp32);
    const std::int64_t dim = before_->config.dim, old = before_->config.vocabulary;
    EXPECT_EQ(vocabulary_, old + 5);
    EXPECT_EQ(after->config.vocabulary, vocabulary_);
    EXPECT_EQ(after->config.tied, before_->config.tied);
    untied += !after->config.tied;
    for (std::int64_t token = 0; token < vocabulary_; ++token) {
      for (const bool output : {false, true}) {
        const auto& table = output ? after->output_rows() : after->embedding;
        const auto& kept = output ? before_->output_rows() : before_->embedding;
        const std::int64_t item = token - (old - 2);
        const std::vector<float> expected =
            item >= 0 ? std::vector<float>(&rows_[item * dim], &rows_[item * dim] + dim)
                      : RowOf(kept, token, dim);
        ASSERT_EQ(RowOf(table, token, dim), expected) << token;
      }
    }
    EXPECT_EQ(after->final_norm, before_->final_norm);
  }
  EXPECT_GT(untied, 0);
}

TEST_F(GrownCheckpointTest, RowsOfTokensBehindTheItemsStay) {
  const auto after = Grow("llama", 9, nn::Precision::kFp32);
  EXPECT_EQ(vocabulary_, before_->config.vocabulary);
  const std::int64_t dim = before_->config.dim, last = vocabulary_ - 1;
  EXPECT_EQ(RowOf(after->embedding, last, dim), RowOf(before_->embedding, last, dim));
}

TEST_F(GrownCheckpointTest, Bfloat16RoundsAllTensors) {
  const auto after = Grow("llama", 0, nn::Precision::kBf16);
  const TensorFolder tensors(folder_ / "llama");
  for (const TensorInfo& info : tensors.tensors()) EXPECT_EQ(info.dtype, "BF16") << info.name;
  const std::int64_t dim = before_->config.dim;
  for (std::int64_t i = 0; i < 7 * dim; ++i) {
    const float found = RowOf(after->embedding, before_->config.vocabulary + i / dim, dim)[i % dim];
    EXPECT_NEAR(found, rows_[i], std::abs(rows_[i]) / 256);
  }
  const auto config = nlohmann::json::parse(ReadFile(folder_ / "llama" / "config.json"));
  EXPECT_TRUE(config.value("dtype", "") == "bfloat16" ||
              config.value("torch_dtype", "") == "bfloat16");
}

}  // namespace
}  // namespace raie
