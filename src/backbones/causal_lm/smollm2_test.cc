// A real checkpoint against transformers (tests/golden/make_smollm2_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "base/files.h"
#include "base/stopwatch.h"
#include "data/archive_input.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPacked = "../shared/models/smollm2-135m-instruct";

// Unpacks a file into another, piece by piece.
void Unpack(const fs::path& from, const fs::path& to) {
  const auto input = OpenInput({.path = from.string(), .member = ""});
  FileWriter file(to);
  std::vector<char> piece(1 << 20);
  while (const std::size_t size = input->Read(piece)) {
    file.Write(std::string_view(piece.data(), size));
  }
  file.Close();
}

class Smollm2Slow : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(fs::path(kPacked) / "model.safetensors.xz")) {
      GTEST_SKIP() << kPacked << " is not there: the real checkpoint is not read";
    }
    folder_ = fs::temp_directory_path() / "raie_smollm2_test";
    fs::create_directories(folder_);
    fs::copy_file(fs::path(kPacked) / "config.json", folder_ / "config.json",
                  fs::copy_options::overwrite_existing);
    fs::permissions(folder_ / "config.json", fs::perms::owner_write, fs::perm_options::add);
    Unpack(fs::path(kPacked) / "model.safetensors.xz", folder_ / "model.safetensors");
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  fs::path folder_;
};

TEST_F(Smollm2Slow, StatesAndNextTokensAreThoseOfTransformers) {
  const TensorFile golden("tests/golden/smollm2.safetensors");
  const auto bf16_errors = nlohmann::json::parse(golden.metadata().at("bf16"));
  TaskPool pool(2);
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    const Stopwatch watch;
    const auto weights = LoadDecoder(folder_, {.precision = precision}, pool);
    RecordProperty(precision == Precision::kFp32 ? "load_fp32_s" : "load_bf16_s",
                   std::to_string(watch.seconds()));
    for (const std::string text : {"capital", "prompt"}) {
      const auto stored = golden.Floats(text + ".ids");
      const TokenIds ids(stored.begin(), stored.end());
      const auto states = TextStates(weights, ids, nullptr);
      const auto expected = golden.Floats(text + ".state");
      const auto last = std::span(states).last(expected.size());
      double error = 0, largest = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        error = std::max(error, std::fabs(double{last[i]} - expected[i]));
        largest = std::max(largest, std::fabs(double{expected[i]}));
      }
      error /= largest;
      const double bound = precision == Precision::kFp32 ? 1e-5 : bf16_errors[text].get<double>();
      EXPECT_LE(error, bound) << text;
      RecordProperty(text + (precision == Precision::kFp32 ? "_fp32" : "_bf16"),
                     std::to_string(error * 1e6) + "e-6");

      std::vector<float> logits(weights->config.vocabulary);
      weights->output_rows().Score(last, logits);
      const auto top = golden.Floats(text + ".top");
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      EXPECT_EQ(best, static_cast<std::int64_t>(top[0])) << text;
      if (precision == Precision::kBf16) continue;
      const auto values = golden.Floats(text + ".logits");
      for (std::size_t i = 0; i < top.size(); ++i) {
        EXPECT_NEAR(logits[static_cast<std::size_t>(top[i])], values[i], 2e-4);
      }
    }
  }
}

}  // namespace
}  // namespace raie
