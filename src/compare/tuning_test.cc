#include "compare/tuning.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "methods/method.h"
#include "service/configuration.h"

namespace raie {
namespace {

std::string TextOf(const TunedSettings& settings) {
  std::string text;
  for (const Setting& setting : settings) text += setting.key + "=" + setting.value + " ";
  return text;
}

TEST(TuningTest, EveryMethodGetsTheSameNumberOfConfigurationsThatWork) {
  for (const MethodInfo& method : Methods()) {
    for (const EditorPreset editor : {EditorPreset::kRaie, EditorPreset::kPaper}) {
      SCOPED_TRACE(method.name);
      const auto candidates = TuningCandidates(method.name, editor, 6, {});
      EXPECT_TRUE(candidates.size() == 6 || candidates.size() == 1) << candidates.size();
      std::set<std::string> different;
      for (const TunedSettings& candidate : candidates) {
        different.insert(TextOf(candidate));
        Settings settings;
        settings.values = candidate;
        EXPECT_NO_THROW(Configure(settings).edit.Validate());
      }
      EXPECT_EQ(different.size(), candidates.size());
    }
  }
}

TEST(TuningTest, RaieTriesRhoAndSharing) {
  std::set<std::string> texts;
  for (const TunedSettings& candidate : TuningCandidates("raie", EditorPreset::kRaie, 6, {})) {
    texts.insert(TextOf(candidate));
  }
  EXPECT_TRUE(texts.contains("edit.sharing=regional edit.rho=0.3 "));
  EXPECT_TRUE(texts.contains("edit.sharing=shared edit.rho=0 "));
  EXPECT_TRUE(texts.contains("edit.sharing=regional edit.rho=0.7 "));
}

TEST(TuningTest, WhatIsGivenIsLeftAlone) {
  const auto candidates = TuningCandidates("raie", EditorPreset::kRaie, 6, {"edit.rho"});
  EXPECT_EQ(candidates.size(), 2u);
  for (const TunedSettings& candidate : candidates) {
    EXPECT_EQ(TextOf(candidate).find("rho"), std::string::npos);
  }
  const auto none = TuningCandidates("lora", EditorPreset::kRaie, 6, {"edit.learning_rate"});
  ASSERT_EQ(none.size(), 1u);
  EXPECT_TRUE(none[0].empty());
  EXPECT_TRUE(TuningCandidates("lora", EditorPreset::kRaie, 1, {})[0].empty());
}

TEST(TuningTest, TheBestIsTakenTheEarlierOneOfEquals) {
  const auto candidates = TuningCandidates("lora", EditorPreset::kRaie, 4, {});
  const std::vector<double> values = {.1, .3, .3, .2};
  std::size_t asked = 0;
  const TuningChoice choice =
      ChooseBest(candidates, [&](const TunedSettings&) { return values[asked++]; });
  EXPECT_EQ(choice.chosen, 1u);
  EXPECT_EQ(asked, 4u);
  EXPECT_EQ(TextOf(ChosenSettings(ToJson(choice))), TextOf(candidates[1]));
  // One candidate is taken without a look.
  const TuningChoice only = ChooseBest({{}}, [&](const TunedSettings&) -> double {
    ADD_FAILURE();
    return 0;
  });
  EXPECT_TRUE(ChosenSettings(ToJson(only)).empty());
}

}  // namespace
}  // namespace raie
