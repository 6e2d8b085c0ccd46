// Tisasrec against tensors made with PyTorch in float64 (tests/golden/make_tisasrec_golden.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "backbones/tisasrec.h"
#include "base/options_json.h"
#include "support/backbone_golden.h"

namespace raie {
namespace {

using testing_support::BackboneGolden;
using testing_support::GoldenFiles;

class TisasrecGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TisasrecGolden, LossHiddenStatesAndAllGradientsAgree) {
  BackboneGolden golden(GetParam(), [](const nlohmann::json& json) {
    TisasrecOptions options;
    SetFromJson(FieldsOf(options), json, GetParam());
    return MakeTisasrec(options, 1);
  });
  golden.CheckAll();
}

INSTANTIATE_TEST_SUITE_P(Files, TisasrecGolden, ::testing::ValuesIn(GoldenFiles("tisasrec_")),
                         [](const auto& param) {
                           return std::filesystem::path(param.param).stem().string();
                         });

}  // namespace
}  // namespace raie
