#include "compare/grid.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(grid.trained(), (std::vector<std::string>{"lora", "raie"}));
  EXPECT_EQ(CellMethod("raie_wo_all"), "lora");
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
