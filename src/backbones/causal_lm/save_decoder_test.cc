#include "backbones/causal_lm/save_decoder.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "data/log_fixture.h"
#include "tensorfile/tensor_folder.h"

namespace raie {
namespace {

// What is written is, tensor by tensor, what was read.
TEST(SaveDecoderTest, EveryKindOfModelComesBackByteForByte) {
  TaskPool pool(1);
  for (const std::string model : {"llama", "llama_bias", "mistral", "qwen2", "qwen3"}) {
    SCOPED_TRACE(model);
    const std::filesystem::path golden = "tests/golden/causal_lm/" + model;
    const TensorFolder before(golden);
    const bool is_bf16 = before.Find("model.embed_tokens.weight")->dtype == "BF16";
    const auto precision = is_bf16 ? Precision::kBf16 : Precision::kFp32;
    const auto weights =
        LoadDecoder(golden, {.precision = precision, .output = OutputRows::kKeep}, pool);
    const testing::TemporaryFolder folder;
    SaveDecoder(folder.path(), *weights);
    const TensorFolder after(folder.path());
    ASSERT_EQ(after.tensors().size(), before.tensors().size());
    for (const TensorInfo& tensor : before.tensors()) {
      SCOPED_TRACE(tensor.name);
      const TensorInfo* const written = after.Find(tensor.name);
      ASSERT_NE(written, nullptr);
      EXPECT_EQ(written->shape, tensor.shape);
      EXPECT_EQ(written->dtype, tensor.dtype);
      if (written->dtype != tensor.dtype) continue;
      EXPECT_TRUE(std::ranges::equal(after.Bytes(tensor.name), before.Bytes(tensor.name)));
    }
  }
}

TEST(SaveDecoderTest, AnUntiedOneWithoutItsOutputRowsIsRefused) {
  TaskPool pool(1);
  for (const std::string model : {"llama_bias", "mistral", "qwen2", "qwen3"}) {
    const auto weights = LoadDecoder("tests/golden/causal_lm/" + model, {}, pool);
    if (weights->config.tied) continue;
    const testing::TemporaryFolder folder;
    testing::ErrorOf(ErrorCode::kInvalidArgument, [&] { SaveDecoder(folder.path(), *weights); });
    return;
  }
  FAIL() << "no untied model among the goldens";
}

}  // namespace
}  // namespace raie
