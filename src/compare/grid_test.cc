#include "compare/grid.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/log_fixture.h"

namespace raie {
namespace {

using testing::ErrorOf;

CompareOptions Options() {
  return {.backbones = {"sasrec"}, .methods = {"frozen", "lora", "raie"}, .seeds = 2};
}

TEST(GridTest, CellsAreEveryVariantMethodAndSeedOnce) {
  CompareOptions options = Options();
  options.first_seed = 4;
  options.sweeps = {{"regions.k", {"2", "3"}}, {"edit.rho", {"0", "0.5", "0.7"}}};
  const Grid grid = PlanGrid(options);
  ASSERT_EQ(grid.variants.size(), 6u);
  EXPECT_EQ(grid.variants[1].point, "regions.k=2,edit.rho=0.5");
  EXPECT_EQ(grid.variants[5].settings.back().value, "0.7");
  EXPECT_EQ(grid.cells.size(), 6u * 3 * 2);
  std::set<std::filesystem::path> folders;
  for (const Cell& cell : grid.cells) {
    folders.insert(CellFolder(grid.variants[cell.variant], cell.method, cell.seed));
    EXPECT_GE(cell.seed, 4u);
    EXPECT_LE(cell.seed, 5u);
  }
  EXPECT_EQ(folders.size(), grid.cells.size());
  // A seed's methods follow each other, so that its checkpoint is fitted once.
  EXPECT_EQ(grid.cells[0].seed, grid.cells[2].seed);
  EXPECT_NE(grid.cells[2].seed, grid.cells[3].seed);
}

TEST(GridTest, TheReferenceIsAlwaysThereAndARowOfAnotherIsNoCell) {
  CompareOptions options = Options();
  options.methods = {"raie", "raie_wo_all"};
  const Grid grid = PlanGrid(options);
  EXPECT_EQ(grid.methods, (std::vector<std::string>{"lora", "raie", "raie_wo_all"}));
  EXPECT_EQ(grid.trained(grid.variants[0]), (std::vector<std::string>{"lora", "raie"}));
  EXPECT_EQ(CellMethod("raie_wo_all"), "lora");
}

TEST(GridTest, AFrontierAgainstARowOfAnotherHasTheOthersCurve) {
  CompareOptions options = Options();
  options.methods = {"raie"};
  options.reference = "raie_wo_all";
  options.frontier = true;
  const Grid grid = PlanGrid(options);
  EXPECT_TRUE(std::ranges::count(grid.frontiers, "lora", &FrontierCells::method) == 1);
}

TEST(GridTest, AFrontierSweepsEachMethodsOwnKnob) {
  CompareOptions options = Options();
  options.methods = {"lora_replay", "raie", "random_regions"};
  options.frontier = true;
  const Grid grid = PlanGrid(options);
  EXPECT_EQ(grid.methods,
            (std::vector<std::string>{"frozen", "lora", "lora_replay", "raie", "random_regions"}));
  std::map<std::string, std::set<std::string>> methods_at;
  for (const Cell& cell : grid.cells) {
    methods_at[grid.variants[cell.variant].point].insert(cell.method);
  }
  EXPECT_EQ(methods_at.at("base").size(), 5u);
  EXPECT_EQ(methods_at.at("edit.replay.weight=0.1"), (std::set<std::string>{"lora_replay"}));
  EXPECT_EQ(methods_at.at("edit.rho=0.9"), (std::set<std::string>{"raie", "random_regions"}));
  EXPECT_EQ(methods_at.at("editor=paper"), (std::set<std::string>{"raie"}));
  EXPECT_EQ(methods_at.at("editor=paper,edit.rho=0"), (std::set<std::string>{"raie"}));
  EXPECT_EQ(methods_at.size(), 1u + 5 + 5 + 1 + 5);
  EXPECT_EQ(grid.cells.size(), 2u * (5 + 5 + 2 * 5 + 1 + 5));
  // A curve begins at what was tuned; its other points take over all of it but the knob.
  ASSERT_EQ(grid.frontiers.size(), 6u);
  std::map<std::string, int> curves;
  for (const FrontierCells& curve : grid.frontiers) {
    ++curves[curve.method];
    const Variant& start = grid.variants[curve.variants.front()];
    EXPECT_EQ(&grid.tuned(start), &start);
    for (std::size_t i = 1; i < curve.variants.size(); ++i) {
      EXPECT_EQ(&grid.tuned(grid.variants[curve.variants[i]]), &start);
    }
    const bool has_knob = curve.method != "lora" && curve.method != "frozen";
    EXPECT_EQ(curve.variants.size(), has_knob ? 6u : 1u);
  }
  EXPECT_EQ(curves.at("raie"), 2);
  options.sweeps = {{"edit.rho", {"0"}}};
  ErrorOf(ErrorCode::kInvalidArgument, [&] { PlanGrid(options); });
}

TEST(GridTest, WhatCannotBeIsRefusedWithTheReason) {
  const auto refused = [](const auto& change) {
    CompareOptions options = Options();
    change(options);
    return ErrorOf(ErrorCode::kInvalidArgument, [&] { PlanGrid(options); });
  };
  EXPECT_NE(refused([](auto& o) { o.methods = {"frozn"}; }).find("frozen"), std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.methods = {}; }).find("no method"), std::string::npos);
  EXPECT_NE(refused([](auto& o) {
              o.methods = {"lora", "lora"};
            }).find("twice"),
            std::string::npos);
  EXPECT_NE(refused([](auto& o) {
              o.sweeps = {{"seed", {"1"}}};
            }).find("nothing"),
            std::string::npos);
  EXPECT_NE(refused([](auto& o) {
              o.sweeps = {{"edit.rho", {"x"}}};
            }).find("x"),
            std::string::npos);
}

TEST(GridTest, SweepsAreReadFromText) {
  const SweepAxis axis = ParseSweep("regions.k=1,2,20");
  EXPECT_EQ(axis.key, "regions.k");
  EXPECT_EQ(axis.values, (std::vector<std::string>{"1", "2", "20"}));
  EXPECT_EQ(ParseSweep("a=[1;2],[3]").values, (std::vector<std::string>{"[1,2]", "[3]"}));
  for (const char* text :
       {"regions.k", "=1", "regions.k=", "regions.k=1,,2", "regions.k=1,1", "edit.rho=../x"}) {
    ErrorOf(ErrorCode::kInvalidArgument, [&] { ParseSweep(text); });
  }
}

}  // namespace
}  // namespace raie
