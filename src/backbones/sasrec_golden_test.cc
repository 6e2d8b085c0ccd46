// Sasrec against tensors made with PyTorch in float64 (tests/golden/make_sasrec_golden.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "backbones/sasrec.h"
#include "base/options_json.h"
#include "support/backbone_golden.h"

namespace raie {
namespace {

using testing_support::BackboneGolden;
using testing_support::GoldenFiles;

class SasrecGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(SasrecGolden, LossHiddenStatesAndAllGradientsAgree) {
  BackboneGolden golden(GetParam(), [](const nlohmann::json& json) {
    SasrecOptions options;
    SetFromJson(FieldsOf(options), json, GetParam());
    return MakeSasrec(options, 1);
  });
  golden.CheckAll();
}

INSTANTIATE_TEST_SUITE_P(Files, SasrecGolden, ::testing::ValuesIn(GoldenFiles("sasrec_")),
                         [](const auto& param) {
                           return std::filesystem::path(param.param).stem().string();
                         });

}  // namespace
}  // namespace raie
