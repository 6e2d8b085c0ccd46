#include "compare/tuning.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/log_fixture.h"
#include "methods/method.h"
#include "service/configuration.h"

namespace raie {
namespace {

std::string TextOf(const TunedSettings& settings) {
  std::string text;
  for (const Setting& setting : settings) text += setting.key + "=" + setting.value + " ";
  return text;
}

TuningRequest RequestOf(const std::string& method, EditorPreset editor = EditorPreset::kRaie,
                        std::int64_t count = 6) {
  return {.method = method,
          .editor = editor,
          .options = AdaptOptions::Preset(editor, Protocol::kStrict),
          .count = count};
}

TuningRequest WithGiven(TuningRequest request, const std::set<std::string>& keys) {
  request.is_given = [keys](const std::string& key) { return keys.contains(key); };
  return request;
}

// How often each value of a key is tried.
std::map<std::string, int> Tries(const TuningGrid& grid, const std::string& key) {
  std::map<std::string, int> tries;
  for (const TunedSettings& candidate : grid.candidates) {
    for (const Setting& setting : candidate) {
      if (setting.key == key) ++tries[setting.value];
    }
  }
  return tries;
}

TEST(TuningTest, EveryMethodGetsTheSameNumberOfConfigurationsThatWork) {
  const std::set<std::string> nothing = {"frozen", "recent_popularity", "full_retrain"};
  for (const MethodInfo& method : Methods()) {
    for (const EditorPreset editor : {EditorPreset::kRaie, EditorPreset::kPaper}) {
      for (const std::int64_t count : {2, 6, 7, 12}) {
        SCOPED_TRACE(method.name);
        const TuningGrid grid = MakeTuningGrid(RequestOf(method.name, editor, count));
        EXPECT_EQ(std::ssize(grid.candidates), nothing.contains(method.name) ? 1 : count);
        EXPECT_TRUE(grid.given.empty());
        std::set<std::string> different;
        for (const TunedSettings& candidate : grid.candidates) {
          different.insert(TextOf(candidate));
          Settings settings;
          settings.values = candidate;
          settings.values.push_back({"editor", editor == EditorPreset::kPaper ? "paper" : "raie"});
          EXPECT_NO_THROW(Configure(settings).edit.Validate());
        }
        EXPECT_EQ(different.size(), grid.candidates.size());
      }
    }
  }
}

TEST(TuningTest, TheFirstConfigurationIsWhatUntunedRunsUse) {
  for (const MethodInfo& method : Methods()) {
    for (const char* backbone : {"sasrec", "causal_lm"}) {
      for (const EditorPreset editor : {EditorPreset::kRaie, EditorPreset::kPaper}) {
        SCOPED_TRACE(std::string(method.name) + " " + backbone);
        Settings plain;
        plain.values = {{"editor", editor == EditorPreset::kPaper ? "paper" : "raie"},
                        {"backbone.name", backbone}};
        Settings first = plain;
        TuningRequest request = RequestOf(method.name, editor);
        request.options = Configure(plain).edit;
        const TuningGrid grid = MakeTuningGrid(request);
        const TunedSettings& settings = grid.candidates[0];
        first.values.insert(first.values.end(), settings.begin(), settings.end());
        EXPECT_TRUE(SameOptions(Configure(plain).edit, Configure(first).edit));
      }
    }
  }
}

TEST(TuningTest, SixConfigurationsOfRaieTryEveryValueOfEveryKnob) {
  const TuningGrid grid = MakeTuningGrid(RequestOf("raie"));
  using Counts = std::map<std::string, int>;
  EXPECT_EQ(Tries(grid, "edit.gate"),
            (Counts{{"drift", 2}, {"drift-or-gain", 2}, {"gain", 1}, {"off", 1}}));
  EXPECT_EQ(Tries(grid, "edit.rho"), (Counts{{"0", 2}, {"0.3", 2}, {"0.7", 2}}));
  EXPECT_EQ(Tries(grid, "edit.sharing"), (Counts{{"regional", 3}, {"shared", 3}}));
  const Counts rates = Tries(grid, "edit.learning_rate");
  EXPECT_EQ(rates.size(), 4u);
  for (const auto& [rate, tries] : rates) EXPECT_LE(tries, 2);
  // Among the first it tries is one adapter for all that learns from nothing but the slice.
  EXPECT_EQ(TextOf(MakeTuningGrid(RequestOf("raie", EditorPreset::kRaie, 2)).candidates[1]),
            "edit.learning_rate=0.0005 edit.rho=0 edit.gate=off edit.sharing=shared ");
  // The paper's editor keeps its gate and its sharing.
  const TuningGrid paper = MakeTuningGrid(RequestOf("raie", EditorPreset::kPaper));
  EXPECT_TRUE(Tries(paper, "edit.gate").empty());
  EXPECT_TRUE(Tries(paper, "edit.sharing").empty());
  EXPECT_EQ(Tries(paper, "edit.rho").size(), 3u);
  EXPECT_EQ(Tries(paper, "edit.learning_rate").size(), 4u);
}

TEST(TuningTest, WhatCannotWorkIsNotTried) {
  TuningRequest request = RequestOf("raie");
  request.options.overlap_penalty = 0.1;
  EXPECT_TRUE(Tries(MakeTuningGrid(request), "edit.sharing").empty());
  EXPECT_EQ(Tries(MakeTuningGrid(request), "edit.gate").size(), 4u);
}

TEST(TuningTest, WhatIsGivenIsLeftAlone) {
  const TuningGrid grid = MakeTuningGrid(WithGiven(RequestOf("raie"), {"edit.rho", "edit.gate"}));
  EXPECT_EQ(grid.candidates.size(), 6u);
  EXPECT_EQ(grid.given, (std::vector<std::string>{"edit.rho", "edit.gate"}));
  EXPECT_TRUE(Tries(grid, "edit.rho").empty());
  EXPECT_TRUE(Tries(grid, "edit.gate").empty());
  EXPECT_EQ(Tries(grid, "edit.sharing").size(), 2u);
  const TuningGrid few = MakeTuningGrid(WithGiven(RequestOf("lsat"), {"edit.learning_rate"}));
  EXPECT_EQ(few.candidates.size(), 3u);
  const TuningGrid none = MakeTuningGrid(WithGiven(RequestOf("lora"), {"edit.learning_rate"}));
  ASSERT_EQ(none.candidates.size(), 1u);
  EXPECT_TRUE(none.candidates[0].empty());
  EXPECT_TRUE(MakeTuningGrid(RequestOf("lora", EditorPreset::kRaie, 1)).candidates[0].empty());
}

TEST(TuningTest, AChoiceKnowsAmongWhatItWasMade) {
  const auto all = MakeTuningGrid(RequestOf("raie")).candidates;
  const auto given = MakeTuningGrid(WithGiven(RequestOf("raie"), {"edit.gate"})).candidates;
  const auto choice = ToJson(ChooseBest(all, [](const TunedSettings&) { return 0.5; }));
  EXPECT_TRUE(SameCandidates(choice, all));
  EXPECT_FALSE(SameCandidates(choice, given));
  const auto nothing = MakeTuningGrid(RequestOf("frozen")).candidates;
  EXPECT_TRUE(SameCandidates(ToJson(ChooseBest(nothing, [](const TunedSettings&) { return 0.5; })),
                             nothing));
}

TEST(TuningTest, MoreThanAMethodHasIsRefused) {
  const std::string error = testing::ErrorOf(ErrorCode::kInvalidArgument, [] {
    MakeTuningGrid(RequestOf("lora_lwf", EditorPreset::kRaie, 13));
  });
  EXPECT_NE(error.find("--tune 13: method lora_lwf has 12"), std::string::npos) << error;
}

TEST(TuningTest, TheBestIsTakenTheEarlierOneOfEquals) {
  const auto candidates = MakeTuningGrid(RequestOf("lora", EditorPreset::kRaie, 4)).candidates;
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
