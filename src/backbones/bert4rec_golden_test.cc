// Bert4rec against tensors made with PyTorch in float64 (tests/golden/make_bert4rec_golden.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "backbones/bert4rec.h"
#include "base/options_json.h"
#include "support/backbone_golden.h"

namespace raie {
namespace {

using testing_support::BackboneGolden;
using testing_support::GoldenFiles;

class Bert4recGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(Bert4recGolden, LossHiddenStatesAndAllGradientsAgree) {
  BackboneGolden golden(GetParam(), [](const nlohmann::json& json) {
    Bert4recOptions options;
    SetFromJson(FieldsOf(options), json, GetParam());
    return MakeBert4rec(options, 1);
  });
  golden.CheckAll();
}

INSTANTIATE_TEST_SUITE_P(Files, Bert4recGolden, ::testing::ValuesIn(GoldenFiles("bert4rec_")),
                         [](const auto& param) {
                           return std::filesystem::path(param.param).stem().string();
                         });

}  // namespace
}  // namespace raie
