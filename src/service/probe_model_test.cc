#include "service/probe_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "backbones/causal_lm/causal_lm.h"
#include "backbones/causal_lm/tiny_checkpoint.h"
#include "data/log_fixture.h"

namespace raie {
namespace {

constexpr const char* kCheckpoint = "tests/golden/causal_lm/llama";  // 40 tokens

// The checkpoint with a tokenizer of single letters: "a" is 3, "b" is 4, anything else 0.
class ProbeModelTest : public ::testing::Test {
 protected:
  ProbeModelTest() {
    for (const auto& entry : std::filesystem::directory_iterator(kCheckpoint)) {
      std::filesystem::copy(entry.path(), folder_ / entry.path().filename());
    }
    WriteTokenizer(5);
  }

  void WriteTokenizer(int id_of_c) {
    testing::WriteTinyTokenizer(folder_.path(), {{"?", 0}, {"a", 3}, {"b", 4}, {"c", id_of_c}});
  }

  nlohmann::ordered_json Probe(const std::string& text) const {
    const PhaseControl control{settings_, pool_, nullptr, nullptr, nullptr};
    return ProbeModel({.backbone = folder_ / "",
                       .adapter = {},
                       .text = text,
                       .top = 3,
                       .precision = nn::Precision::kFp32},
                      control);
  }

  testing::TemporaryFolder folder_;
  Settings settings_;
  mutable TaskPool pool_{2};
};

TEST_F(ProbeModelTest, SaysWhatTheCheckpointReads) {
  const auto probe = Probe("abca");
  EXPECT_EQ(probe["ids"], (nlohmann::json{3, 4, 5, 3}));
  EXPECT_EQ(probe["pieces"], (nlohmann::json{"a", "b", "c", "a"}));
  const auto weights = LoadDecoder(kCheckpoint, {.precision = nn::Precision::kFp32}, pool_);
  const std::vector<float> states =
      TextStates(weights, std::vector<std::int32_t>{3, 4, 5, 3}, nullptr);
  const std::vector<float> last(states.end() - weights->config.dim, states.end());
  EXPECT_EQ(probe["hidden"].get<std::vector<float>>(), last);
  std::vector<float> logits(weights->config.vocabulary);
  weights->embedding.Score(last, logits);  // tied
  ASSERT_EQ(probe["top"].size(), 3u);
  float above = std::numeric_limits<float>::infinity();
  for (const auto& next : probe["top"]) {
    const float logit = next["logit"];
    EXPECT_NEAR(logit, logits[next["id"].get<int>()], 1e-4);
    EXPECT_LE(logit, above);
    above = logit;
  }
  EXPECT_EQ(std::ranges::count_if(logits, [&](float logit) { return logit > above + 1e-4F; }), 2);
  EXPECT_GT(probe["nll"].get<double>(), 0);
}

TEST_F(ProbeModelTest, ASingleTokenHasNoLikelihoodAndNoTextIsAnError) {
  EXPECT_TRUE(Probe("a")["nll"].is_null());
  testing::ErrorOf(ErrorCode::kInvalidArgument, [&] { Probe(""); });
}

TEST_F(ProbeModelTest, TheTokenizerOfAnotherModelIsRefused) {
  WriteTokenizer(40);
  const std::string message = testing::ErrorOf(ErrorCode::kInvalidArgument, [&] { Probe("ab"); });
  EXPECT_NE(message.find("vocabulary mismatch"), std::string::npos) << message;
}

}  // namespace
}  // namespace raie
