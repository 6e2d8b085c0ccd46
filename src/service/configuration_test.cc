#include "service/configuration.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "data/log_fixture.h"
#include "service/demo.h"

namespace raie {
namespace {

TEST(ConfigurationTest, KnowsWhatWasGivenByWhomever) {
  const testing::TemporaryFolder folder;
  // Some with the very value they have without being given.
  WriteFileAtomically(folder / "some.toml",
                      "[edit]\nlearning_rate = 5e-4\ngate = \"gain\"\nrho = 0.3\n"
                      "[edit.popularity_prior]\nweights = [0.5]\n[fit]\nmax_epochs = 7\n");
  Settings settings;
  settings.files = {(folder / "some.toml").string()};
  settings.values = {{"edit.sharing", "shared", "--set"}};
  settings.defaults = {{"edit.epochs", "1", "demo"}};
  for (const char* key : {"edit.learning_rate", "edit.gate", "edit.rho", "fit.max_epochs",
                          "edit.popularity_prior.weights", "edit.sharing", "edit.epochs"}) {
    EXPECT_TRUE(IsGiven(settings, key)) << key;
  }
  for (const char* key : {"edit.replay.weight", "edit.keep_gate", "fit.batch_size",
                          "edit.popularity_prior.half_lives", "edit.popularity_prior.use",
                          "backbone.name", "regions.k", "no.such.key"}) {
    EXPECT_FALSE(IsGiven(settings, key)) << key;
  }
}

TEST(ConfigurationTest, ALanguageModelHasItsOwnRatesUnlessTheyAreGiven) {
  Settings settings;
  settings.values = {{"backbone.name", "causal_lm", "--set"}, {"edit.batch_size", "7", "--set"}};
  const Configuration configuration = Configure(settings);
  EXPECT_EQ(configuration.fit.on, FitOn::kWindows);
  EXPECT_EQ(configuration.fit.batch_size, 32);
  EXPECT_EQ(configuration.fit.adam.learning_rate, 2e-4);
  EXPECT_EQ(configuration.edit.learning_rate, 2e-4);
  EXPECT_EQ(configuration.edit.batch_size, 7);
  // Another editor keeps them.
  Settings later;
  later.values = {{"editor", "paper", "--set"}};
  const auto saved = SectionsToJson(configuration, {"", "edit"});
  const Configuration again = ConfigureAgain(later, Protocol::kStrict, "causal_lm", saved);
  EXPECT_EQ(again.edit.learning_rate, 2e-4);
  EXPECT_EQ(again.edit.batch_size, 32);
  EXPECT_NE(ConfigureAgain(later, Protocol::kStrict, "sasrec", saved).edit.batch_size, 32);
}

TEST(ConfigurationTest, TheSimulatedExperimentIsTheDemo) {
  Settings file;
  file.files = {"configs/experiments/simulated.toml"};
  Settings demo;
  demo.defaults = DemoDefaults();
  const std::vector<std::string> sections = {"", "backbone", "fit", "regions", "edit"};
  EXPECT_EQ(SectionsToJson(Configure(file), sections), SectionsToJson(Configure(demo), sections));
}

}  // namespace
}  // namespace raie
