#include "compare/results.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/random.h"
#include "base/statistics.h"
#include "compare/tables.h"
#include "data/log_fixture.h"
#include "evaluation/significance.h"
#include "evaluation/window_results.h"

namespace raie {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kUsers = 80;
constexpr int kWindowsOfUser = 3;

// Ranks of a method: `rank` of (random stream, window).
struct Fake {
  std::string method;
  std::function<std::int32_t(RandomStream&, int)> rank;
};

class ResultsTest : public ::testing::Test {
 protected:
  ResultsTest() : run_(folder_ / "run", Json{{"a", 1}}) {
    grid_.variants = {{"sasrec", "base", {}}};
    grid_.seeds = {0, 1, 2};
  }

  void Write(const Fake& fake, std::uint64_t seed) {
    RandomStream random(seed, std::hash<std::string>()(fake.method));
    WindowResults results;
    for (int i = 0; i < kUsers * kWindowsOfUser; ++i) {
      results.users.push_back(UserId{i / kWindowsOfUser});
      results.targets.push_back(ItemId{i});
      results.ranks.push_back(fake.rank(random, i));
      results.regions.push_back(kNoRegion);
      results.margins.push_back(0);
    }
    const auto cell = CellFolder(grid_.variants[0], fake.method, seed);
    run_.SaveJson(cell / "cell.json",
                  {{"tuned", Json::object()}, {"budget", {{"samples", 10 * (seed + 1)}}}});
    run_.SaveText(cell / "T.windows", EncodeWindowResults(results));
  }

  Json Collect() {
    for (const Fake& fake : fakes_) {
      grid_.methods.push_back(fake.method);
      for (const std::uint64_t seed : grid_.seeds) Write(fake, seed);
    }
    return CollectResults({.run = run_, .grid = grid_, .reference = "lora", .parts = {"T"}}, pool_);
  }

  const Json& RowOf(const Json& results, const std::string& method) {
    for (const Json& row : results.at("rows")) {
      if (row.at("method") == method) return row;
    }
    throw std::runtime_error("no row " + method);
  }

  testing::TemporaryFolder folder_;
  RunFolder run_;
  Grid grid_;
  std::vector<Fake> fakes_;
  TaskPool pool_{2};
};

std::int32_t Ordinary(RandomStream& random, int) {
  return static_cast<std::int32_t>(random.Below(25));
}

TEST_F(ResultsTest, OnlyWhatIsSignificantHasAVerdictAndIsBold) {
  fakes_ = {
      {"lora", Ordinary},
      {"frozen",  // the same distribution, other luck
       Ordinary},
      {"raie",  // clearly better
       [](RandomStream& random, int) { return static_cast<std::int32_t>(1 + random.Below(8)); }},
      {"lora_big",  // clearly worse
       [](RandomStream& random, int) { return static_cast<std::int32_t>(random.Below(100)); }}};
  const Json results = Collect();
  EXPECT_EQ(results.at("missing"), 0);
  EXPECT_FALSE(RowOf(results, "lora").at("T").contains("against"));
  EXPECT_EQ(RowOf(results, "frozen").at("T").at("against").at("verdict"), "same");
  EXPECT_EQ(RowOf(results, "raie").at("T").at("against").at("verdict"), "better");
  EXPECT_EQ(RowOf(results, "lora_big").at("T").at("against").at("verdict"), "worse");
  EXPECT_EQ(RowOf(results, "raie").at("budget").at("samples"), 20);

  int bold = 0;
  for (const auto& row : MainTable(results).rows) {
    for (const TableEntry& entry : row) bold += entry.bold;
  }
  EXPECT_EQ(bold, 1);
  const std::string markdown = ToMarkdown(MainTable(results));
  const std::size_t begin = markdown.find("| raie |");
  EXPECT_GT(markdown.find("**"), begin);
  EXPECT_LT(markdown.rfind("**"), markdown.find('\n', begin));
  EXPECT_NE(ToLatex(MainTable(results)).find("lora\\_big"), std::string::npos);
  EXPECT_NE(ToLatex(MainTable(results)).find("\\textbf{"), std::string::npos);
}

TEST_F(ResultsTest, ARowOfOtherCellsIsNoTestOfItsOwn) {
  fakes_ = {{"lora", Ordinary}, {"frozen", Ordinary}, {"raie", Ordinary}};
  grid_.methods = {"raie_wo_all"};
  Collect();
  const Json results =
      CollectResults({.run = run_, .grid = grid_, .reference = "frozen", .parts = {"T"}}, pool_);
  const Json& lora = RowOf(results, "lora").at("T").at("against");
  EXPECT_EQ(lora.at("tests"), 2);
  EXPECT_EQ(RowOf(results, "raie_wo_all").at("T").at("against"), lora);
}

// A fifth of the users gain much, the others lose a little: on the whole more is gained, and the
// test leans to worse. Nothing is claimed.
TEST_F(ResultsTest, AMeanAndATestThatDisagreeGiveNoVerdict) {
  fakes_ = {{"lora", [](RandomStream&, int) { return 4; }}, {"raie", [](RandomStream&, int window) {
                                                               const int user =
                                                                   window / kWindowsOfUser;
                                                               return user % 5 == 0 ? 1 : 5;
                                                             }}};
  const Json results = Collect();
  const Json& against = RowOf(results, "raie").at("T").at("against");
  EXPECT_LT(against.at("p_adjusted").get<double>(), 0.05);
  EXPECT_GT(against.at("ndcg@10").at("low").get<double>(), 0);
  EXPECT_EQ(against.at("test_side"), -1);
  EXPECT_EQ(against.at("verdict"), "same");
}

// The numbers are those of the statistics, Holm over the rows.
TEST_F(ResultsTest, NumbersAreThoseOfTheStatistics) {
  fakes_ = {{"lora", Ordinary}, {"frozen", Ordinary}, {"raie", [](RandomStream& random, int) {
                                                         return static_cast<std::int32_t>(
                                                             random.Below(22));
                                                       }}};
  const Json results = Collect();
  std::vector<double> p_values;
  for (const char* method : {"frozen", "raie"}) {
    std::vector<std::vector<double>> mine;
    std::vector<std::vector<double>> reference;
    std::vector<UserId> users;
    for (const std::uint64_t seed : grid_.seeds) {
      const auto load = [&](const char* name) {
        return LoadWindowResults(run_.path() / CellFolder(grid_.variants[0], name, seed) /
                                 "T.windows");
      };
      users = load(method).users;
      mine.push_back(Ndcg10(load(method)));
      reference.push_back(Ndcg10(load("lora")));
    }
    const CrossedValues difference =
        Difference(SumByUser(users, mine), SumByUser(users, reference));
    const Json& against = RowOf(results, method).at("T").at("against");
    EXPECT_NEAR(against.at("ndcg@10").at("value").get<double>(), WindowMean(difference), 1e-12);
    EXPECT_NEAR(against.at("ndcg@10").at("low").get<double>(),
                CrossedBootstrap(difference, {}, pool_).low, 1e-12);
    p_values.push_back(WilcoxonSignedRank(UserMeans(difference)).p_value);
    EXPECT_NEAR(against.at("p_value").get<double>(), p_values.back(), 1e-12);
  }
  const auto adjusted = HolmAdjust(p_values);
  EXPECT_NEAR(RowOf(results, "frozen").at("T").at("against").at("p_adjusted").get<double>(),
              adjusted[0], 1e-12);
  EXPECT_NEAR(RowOf(results, "raie").at("T").at("against").at("p_adjusted").get<double>(),
              adjusted[1], 1e-12);
  const std::string csv = ResultsCsv(results);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

TEST_F(ResultsTest, UnfinishedCellsAreCountedAndSharedSeedsCompared) {
  fakes_ = {{"lora", Ordinary}, {"raie", Ordinary}};
  Collect();
  std::filesystem::remove_all(run_.path() / CellFolder(grid_.variants[0], "raie", 1));
  std::filesystem::remove_all(run_.path() / CellFolder(grid_.variants[0], "lora", 2));
  const Json results =
      CollectResults({.run = run_, .grid = grid_, .reference = "lora", .parts = {"T"}}, pool_);
  EXPECT_EQ(results.at("missing"), 2);
  EXPECT_EQ(RowOf(results, "raie").at("seeds"), 2);
  EXPECT_EQ(RowOf(results, "raie").at("T").at("against").at("seeds"), 1);
}

TEST_F(ResultsTest, ADamagedCellIsNamed) {
  fakes_ = {{"lora", Ordinary}};
  Collect();
  const auto path = CellFolder(grid_.variants[0], "lora", 1) / "T.windows";
  run_.SaveText(path, "nonsense");
  const std::string message = testing::ErrorOf(ErrorCode::kCorruptData, [&] {
    CollectResults({.run = run_, .grid = grid_, .reference = "lora", .parts = {"T"}}, pool_);
  });
  EXPECT_NE(message.find("seed-1"), std::string::npos);
}

TEST(RunFolderTest, IsGoneOnWithByTheSameRunOnly) {
  const testing::TemporaryFolder folder;
  const Json identity = {{"configuration", {{"edit", {{"rho", 0.3}}}}}};
  {
    const RunFolder run(folder / "run", identity);
    run.SaveText("cells/x", "kept");
    run.SaveText("cells/y.partial.12.3", "cut short");
    testing::ErrorOf(ErrorCode::kUnavailable,
                     [&] { const RunFolder second(folder / "run", identity); });
  }
  const RunFolder again(folder / "run", identity);
  EXPECT_TRUE(again.Has("cells/x"));
  EXPECT_FALSE(again.Has("cells/y.partial.12.3"));
}

TEST(RunFolderTest, AnotherRunIsRefusedByWhatDiffers) {
  const testing::TemporaryFolder folder;
  {
    const RunFolder run(folder / "run", {{"configuration", {{"edit", {{"rho", 0.3}}}}}});
    run.SaveText("cells/x", "kept");
  }
  const std::string message = testing::ErrorOf(ErrorCode::kInvalidArgument, [&] {
    const RunFolder other(folder / "run",
                          {{"tune", 2}, {"configuration", {{"edit", {{"rho", 0.5}}}}}});
  });
  EXPECT_NE(message.find("settings: edit.rho (0.3, now 0.5), tune (nothing, now 2);"),
            std::string::npos)
      << message;
}

TEST(RunFolderTest, WhatWasOnlyPlannedMayBePlannedAnew) {
  const testing::TemporaryFolder folder;
  const Json smaller = {{"tune", 1}};
  {
    const RunFolder run(folder / "run", {{"tune", 6}});
    run.SaveText("times.json", "[]");  // of the larger plan
  }
  {
    const RunFolder run(folder / "run", smaller);
    EXPECT_FALSE(run.Has("times.json"));
    EXPECT_EQ(run.LoadJson("run.json"), smaller);
    run.SaveText("fits/x", "kept");
  }
  testing::ErrorOf(ErrorCode::kInvalidArgument, [&] {
    const RunFolder run(folder / "run", {{"tune", 6}});
  });
}

}  // namespace
}  // namespace raie
