// SASRec against its slow twin (tests/reference/transformer_reference.h).
#include "backbones/sasrec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "raie/error.h"
#include "support/backbone_twin.h"

namespace raie {
namespace {

using testing_support::BackboneTwin;
using testing_support::TwinCase;

class SasrecTwin : public ::testing::TestWithParam<TwinCase> {};

TEST_P(SasrecTwin, ValuesAndGradientsAgree) {
  SasrecOptions options = testing_support::VariantOptions(GetParam().variant);
  BackboneTwin::Shrink(GetParam(), options);
  const auto run = [](const auto& model, const auto& tile, std::int64_t row, const auto& items) {
    return reference::TransformerReference(model, tile.batch.row_keys[row]).Run(items);
  };
  BackboneTwin twin(GetParam(), {.options = options,
                                 .shape = ShapeFrom(options),
                                 .backbone = MakeSasrec(options, 1),
                                 .run_row = run});
  twin.Check();
}

INSTANTIATE_TEST_SUITE_P(Cases, SasrecTwin, ::testing::ValuesIn(testing_support::TwinCases()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Libraries, SasrecTwin,
                         ::testing::ValuesIn(testing_support::LibraryTwinCases()),
                         [](const auto& param) { return param.param.name; });

TEST(Sasrec, AFreshOneIsXavierWithZeroBiases) {
  SasrecOptions options;
  options.dim = 16;
  const auto backbone = MakeSasrec(options, 4);
  for (const Backbone::Parameter& p : backbone->parameter_list()) {
    SCOPED_TRACE(p.name);
    const std::int64_t count = p.shape[0] * (p.shape.size() > 1 ? p.shape[1] : 1);
    const auto values = backbone->parameters().subspan(p.begin, count);
    double squares = 0;
    for (const float value : values) squares += double{value} * value / values.size();
    if (p.name == "position.weight") {
      EXPECT_NEAR(std::sqrt(squares), options.init_std, 0.002);
    } else if (p.shape.size() == 2) {
      const double bound = std::sqrt(6.0 / (p.shape[0] + p.shape[1]));
      EXPECT_NEAR(std::sqrt(squares), bound / std::sqrt(3), 0.1 * bound);
      EXPECT_TRUE(p.decays);
    } else {
      EXPECT_EQ(squares, p.name.ends_with("weight") ? 1.0 : 0.0);
      EXPECT_FALSE(p.decays);
    }
  }
}

// Parameters that only other libraries' variants have.
TEST(Sasrec, AFreshOneOfALibraryIsAPlainStart) {
  for (const char* const variant : {"left_post", "dense_bias"}) {
    SasrecOptions options = testing_support::VariantOptions(variant);
    options.dim = 16;
    const auto backbone = MakeSasrec(options, 4);
    std::int64_t found = 0;
    for (const Backbone::Parameter& p : backbone->parameter_list()) {
      EXPECT_EQ(p.name.starts_with("final_norm"), options.final_norm && p.name[0] == 'f');
      if (!p.name.starts_with("embedding_norm") && !p.name.starts_with("output")) continue;
      ++found;
      const auto value = backbone->parameters()[p.begin];
      if (p.shape.size() == 2) {
        EXPECT_NE(value, 0) << p.name;
      } else {
        EXPECT_EQ(value, p.name.ends_with("norm.weight") ? 1 : 0) << p.name;
      }
    }
    EXPECT_EQ(found, options.output_layer == OutputLayer::kDense ? 6 : 2);
    EXPECT_EQ(backbone->dim(), options.item_bias ? 17 : 16);
  }
}

TEST(Sasrec, HeadsThatDoNotDivideTheWidthAreRefused) {
  SasrecOptions options;
  options.dim = 10;
  options.heads = 4;
  try {
    MakeSasrec(options, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "heads = 4 does not divide dim = 10", error.what());
  }
  EXPECT_THROW(SasrecPreset("newest"), Error);
}

}  // namespace
}  // namespace raie
