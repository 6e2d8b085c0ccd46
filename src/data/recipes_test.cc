// The recipes of configs/data: every key is an option, and the real data they are for give the
// known counts. Data that are not at hand are skipped (environment variable RAIE_SHARED_DIR).
#include <gtest/gtest.h>

#include <filesystem>

#include "base/options.h"
#include "data/prepare.h"
#include "data/read_log.h"
#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::SharedData;

struct Recipe {
  ReadOptions read;
  PrepareOptions prepare;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.read, Field{.name = "read", .help = "reading"});
    visit(self.prepare, Field{.name = "prepare", .help = "preparing"});
  }
};

Recipe LoadRecipe(const std::string& name) {
  Recipe recipe;
  SetFromToml(FieldsOf(recipe), "configs/data/" + name + ".toml");
  return recipe;
}

// Reads a file of the shared data by its recipe; a log without events if it is not there.
ReadResult ReadShared(const std::string& recipe, const std::string& file) {
  const auto folder = SharedData(recipe);
  if (!folder) return {};
  TaskPool pool(2);
  return ReadLog({(*folder / file).string()}, LoadRecipe(recipe).read, pool);
}

TEST(Recipes, EveryRecipeHoldsValidOptions) {
  int num_recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs/data")) {
    SCOPED_TRACE(entry.path());
    Recipe recipe = LoadRecipe(entry.path().stem());
    EXPECT_NE(static_cast<int>(recipe.read.format), static_cast<int>(LogFormat::kAuto));
    CheckRanges(FieldsOf(recipe), "recipe");
    recipe.prepare.Validate();
    ++num_recipes;
  }
  EXPECT_GE(num_recipes, 9);
}

TEST(Recipes, MovielensLatestSmall) {
  const ReadResult result = ReadShared("ml-latest-small", "ratings.csv");
  if (result.log.size() == 0) GTEST_SKIP() << "ml-latest-small is not at hand";
  EXPECT_EQ(result.report.kept, 100836);
  EXPECT_EQ(result.log.user_ids.size(), 610);
  EXPECT_EQ(result.log.item_ids.size(), 9724);
  EXPECT_EQ(result.report.titled_items, 9724);
  EXPECT_EQ(result.log.titles[0], "Toy Story (1995)");
}

TEST(Recipes, Movielens1m) {
  const ReadResult result = ReadShared("ml-1m", "ratings.dat.xz");
  if (result.log.size() == 0) GTEST_SKIP() << "ml-1m is not at hand";
  EXPECT_EQ(result.report.kept, 1000209);
  EXPECT_EQ(result.log.user_ids.size(), 6040);
  EXPECT_EQ(result.log.item_ids.size(), 3706);
  EXPECT_EQ(result.report.titled_items, 3706);
}

TEST(Recipes, OnlineRetail) {
  const ReadResult result = ReadShared("online-retail", "online_retail.csv.xz");
  if (result.log.size() == 0) GTEST_SKIP() << "online-retail is not at hand";
  EXPECT_EQ(result.report.rows, 541909);
  EXPECT_EQ(result.report.kept, 387875);
  EXPECT_EQ(result.log.user_ids.size(), 4339);
  EXPECT_EQ(result.log.item_ids.size(), 3665);
  ASSERT_EQ(result.report.rules.size(), 4U);
  EXPECT_EQ(result.report.rules[0].dropped, 135080);  // no customer
  EXPECT_EQ(result.report.rules[1].dropped, 8905);    // cancelled
  EXPECT_EQ(result.report.rules[2].dropped, 0);       // what is left of quantities <= 0
  EXPECT_EQ(result.report.rules[3].dropped, 10049);   // twice in an invoice
}

}  // namespace
}  // namespace raie
