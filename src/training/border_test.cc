#include "training/border.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "backbones/causal_lm/tiny_checkpoint.h"
#include "backbones/pretrained.h"
#include "backbones/registry.h"
#include "data/log_fixture.h"
#include "raie/error.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

// A language model of two layers.
class BorderTest : public ::testing::Test {
 protected:
  BorderTest() {
    testing::WriteTinyCheckpoint(folder_ / "checkpoint");
    options_.name = "causal_lm";
    options_.causal_lm.checkpoint = (folder_ / "checkpoint").string();
    options_.causal_lm.prompt = "b{user_id}a{history}c";
    options_.causal_lm.max_tokens = 32;
    texts_.items.Add("abc");
    texts_.users.Add("u1");
    last_.last_layers = 1;
  }

  std::unique_ptr<Backbone> Make(HistoryKind history = HistoryKind::kItems) {
    options_.causal_lm.history = history;
    return MakeBackbone(options_, 1, {.saved = {}, .texts = [&] { return texts_; }});
  }

  static BorderRequest RequestOf(const LoraOptions& adapter, bool trains_rows) {
    return {.adapter = adapter,
            .layers_key = "edit.lora.last_layers",
            .trains_rows = trains_rows,
            .rows_advice = "freeze them"};
  }

  // The layer with `on` and with `auto`; -1 and the reason where it is refused.
  static std::int64_t LayerOf(const Backbone& backbone, const BorderRequest& request,
                              const std::string& reason = "") {
    const std::int64_t quiet = BorderLayer(backbone, {.use = BorderUse::kAuto}, request);
    EXPECT_EQ(BorderLayer(backbone, {.use = BorderUse::kOff}, request), 0);
    EXPECT_EQ(WithBorder(backbone, {.place = BorderPlace::kMemory}, request) != nullptr, quiet > 0);
    try {
      EXPECT_EQ(BorderLayer(backbone, {.use = BorderUse::kOn}, request), quiet);
      return quiet;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
      EXPECT_EQ(quiet, 0);
      return -1;
    }
  }

  testing::TemporaryFolder folder_;
  BackboneOptions options_;
  Texts texts_;
  LoraOptions all_, last_;
};

TEST_F(BorderTest, LiesBelowTheAdaptersWhereNothingThatIsReadIsTrained) {
  EXPECT_EQ(LayerOf(*Make(), RequestOf(last_, false)), 1);
  EXPECT_EQ(LayerOf(*Make(HistoryKind::kTitles), RequestOf(last_, true)), 1);
  EXPECT_EQ(LayerOf(*Make(), RequestOf(last_, true), "trained"), -1);
  EXPECT_EQ(LayerOf(*Make(), RequestOf(last_, true), "freeze them"), -1);
  EXPECT_EQ(LayerOf(*Make(), RequestOf(all_, false), "edit.lora.last_layers"), -1);
  all_.last_layers = 2;
  EXPECT_EQ(LayerOf(*Make(), RequestOf(all_, false), "N from 1 to 1"), -1);
  EXPECT_EQ(LayerOf(testing::ToyBackbone(4, 0, 1), RequestOf(last_, false), "causal_lm"), -1);
}

TEST_F(BorderTest, SaysHowMuchRoomItTakes) {
  // "b", two letters of the user, "a", an item each, "c": 9 tokens of 16 floats.
  EXPECT_EQ(BorderText(*Make(), {.place = BorderPlace::kMemory, .gigabytes = 2.5}, 1000000, 4),
            "states of the frozen layers: about 0.6 GB for 1000000 windows, at most 2.5 GB are "
            "kept in memory");
  const std::string text = BorderText(*Make(), {.folder = "/here"}, 1000, 4);
  EXPECT_NE(text.find("about 0.001 GB"), std::string::npos) << text;
  EXPECT_NE(text.find("in /here"), std::string::npos) << text;
}

}  // namespace
}  // namespace raie
