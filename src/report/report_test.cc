#include "report/report.h"

#include <gtest/gtest.h>

#include "raie/error.h"
#include "report/page.h"
#include "report/run_fixture.h"
#include "report/sweep_section.h"

namespace raie {
namespace {

using testing::ErrorOf;
using testing::MadeRun;

class ReportTest : public ::testing::Test {
 protected:
  ReportJson Build() {
    return BuildReport({.run = run_.path(), .data = run_.data.get()}, run_.pool);
  }
  ReportJson BuildWithoutData() { return BuildReport({.run = run_.path()}, run_.pool); }

  static const ReportJson* Find(const ReportJson& report, const std::string& id) {
    for (const ReportJson& section : report.at("sections")) {
      for (const ReportJson& block : section.at("blocks")) {
        if (block.value("id", "") == id) return &block;
      }
    }
    return nullptr;
  }
  static const ReportJson& BlockOf(const ReportJson& report, const std::string& id) {
    const ReportJson* block = Find(report, id);
    if (block == nullptr) throw std::runtime_error("no block " + id);
    return *block;
  }
  // The cell of a row that is named in the first column.
  static ReportJson CellOf(const ReportJson& block, const ReportJson& name, const char* key) {
    for (const ReportJson& row : block.at("rows")) {
      if (row[0] != name) continue;
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (block.at("columns")[i].at("key") == key) return row[i];
      }
    }
    throw std::runtime_error(name.dump() + " has no " + key);
  }

  MadeRun run_;
};

TEST_F(ReportTest, SaysNoMoreThanTheVerdicts) {
  run_.SaveResults({{.method = "lora"},
                    {.method = "raie", .ndcg = 0.2, .verdict = "better"},
                    {.method = "frozen", .ndcg = 0.05, .verdict = "worse"},
                    {.method = "mole", .ndcg = 0.3, .verdict = "same"}});
  const ReportJson report = BuildWithoutData();
  EXPECT_EQ(report.at("summary")[0],
            "On T, raie is significantly better than lora; frozen is significantly worse; mole "
            "cannot be told apart from lora.");
  const ReportJson& table = BlockOf(report, "table-T");
  EXPECT_EQ(table.at("rows").size(), 4U);
  EXPECT_EQ(CellOf(table, "raie", "verdict"), "better");
  EXPECT_EQ(CellOf(table, "lora", "verdict"), "reference");
  EXPECT_TRUE(CellOf(table, "lora", "difference").is_null());
  EXPECT_DOUBLE_EQ(CellOf(table, "raie", "users_better").get<double>(), 0.6);
}

TEST_F(ReportTest, WhatIsMissingIsSaidWithTheCommandThatMakesIt) {
  const ReportJson report = BuildWithoutData();
  const ReportJson& last = report.at("sections").back();
  EXPECT_EQ(last.at("id"), "not-here");
  std::string text;
  for (const ReportJson& block : last.at("blocks")) text += block.at("text").get<std::string>();
  for (const char* what : {"There are no results yet", "--methods", "--data DIR", "stream"}) {
    EXPECT_NE(text.find(what), std::string::npos) << what << " is not in: " << text;
  }
  EXPECT_TRUE(BlocksWithNumbers(report).size() >= 2);  // provenance
}

TEST_F(ReportTest, AblationsSweepsAndFrontiers) {
  EXPECT_EQ(SettingsOfPoint("regions.k=3,edit.lora.maps=q,k"),
            (std::vector<std::pair<std::string, std::string>>{{"regions.k", "3"},
                                                              {"edit.lora.maps", "q,k"}}));
  EXPECT_TRUE(SettingsOfPoint("base").empty());
  run_.SaveResults({{.method = "lora", .point = "regions.k=2"},
                    {.method = "raie", .point = "regions.k=2", .verdict = "same"},
                    {.method = "lora", .point = "regions.k=10"},
                    {.method = "raie", .point = "regions.k=10", .ndcg = 0.2, .verdict = "better"}});
  const ReportJson swept = BuildWithoutData();
  const ReportJson& figure = BlockOf(swept, "sensitivity-k");
  EXPECT_EQ(figure.at("rows").size(), 8U);  // two series, two values, two parts
  EXPECT_EQ(figure.at("options").at("numbers"), true);
  EXPECT_EQ(Find(swept, "ablation"), nullptr);
  run_.SaveResults({{.method = "lora"},
                    {.method = "random_regions", .verdict = "same"},
                    {.method = "raie", .verdict = "better"}});
  const ReportJson ablation = BuildWithoutData();
  EXPECT_EQ(BlockOf(ablation, "ablation").at("rows")[0][0], "raie");
  EXPECT_EQ(Find(ablation, "sensitivity-k"), nullptr);
}

TEST_F(ReportTest, RegionsHaveTheirMovementEditsAndGain) {
  run_.SaveResults({{.method = "lora"}, {.method = "raie", .verdict = "better"}});
  run_.SaveCell("frozen", 8);
  run_.SaveCell("raie", 1);
  run_.SaveRegions("raie");
  const ReportJson report = Build();
  const ReportJson& table = BlockOf(report, "regions");
  ASSERT_EQ(table.at("rows").size(), 3U);
  EXPECT_NEAR(CellOf(table, 0, "displacement_deg").get<double>(), 90, 1e-4);
  EXPECT_TRUE(CellOf(table, 2, "displacement_deg").is_null());
  EXPECT_DOUBLE_EQ(CellOf(table, 0, "area_change").get<double>(), -0.5);
  // Nearest other centre at 90 degrees, own measured radius 20.
  EXPECT_NEAR(CellOf(table, 0, "separability").get<double>(), 4.5, 1e-4);
  EXPECT_EQ(CellOf(table, 0, "updates"), 11);
  EXPECT_EQ(CellOf(table, 0, "fate"), "trained");
  EXPECT_EQ(CellOf(table, 1, "fate"), "kept as it was");
  EXPECT_TRUE(CellOf(table, 1, "drift").is_null());
  // 1 against 1 / log2(9); the others did not change.
  EXPECT_NEAR(CellOf(table, 0, "gain").at("value").get<double>(), 1 - 1 / std::log2(9), 1e-9);
  EXPECT_EQ(CellOf(table, 0, "verdict"), "better");
  EXPECT_DOUBLE_EQ(CellOf(table, 1, "gain").at("value").get<double>(), 0);
  EXPECT_EQ(CellOf(table, 1, "verdict"), "same");

  const ReportJson& map = BlockOf(report, "region-map");
  std::map<std::string, int> kinds;
  for (const ReportJson& row : map.at("rows")) ++kinds[row[0].get<std::string>()];
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"added", 1}, {"after", 2}, {"before", 2}}));
  EXPECT_NE(map.at("note").get<std::string>().find("fits/ folder"), std::string::npos);

  const std::string items = CellOf(BlockOf(report, "region-words"), 0, "items");
  EXPECT_NE(items.find("Film "), std::string::npos) << items;
}

// Without a drift gate nothing is said of drift.
TEST_F(ReportTest, DriftThatWasNotMeasuredIsNotDenied) {
  run_.SaveCell("frozen", 8);
  run_.SaveCell("raie", 1);
  run_.SaveRegions("raie");
  EXPECT_EQ(BlockOf(Build(), "region-drift").at("takeaway"),
            "Region 0 drifted; region 0 learnt. Over frozen on T, region 0 gained significantly.");
  const auto cell = run_.path() / "cells/sasrec/base/raie/seed-0/cell.json";
  ReportJson about = ReportJson::parse(ReadFile(cell));
  about["drift"] = ReportJson::array();
  run_.Save("cells/sasrec/base/raie/seed-0/cell.json", about);
  EXPECT_EQ(BlockOf(Build(), "region-drift").at("takeaway"),
            "Region 0 learnt. Over frozen on T, region 0 gained significantly.");
}

TEST_F(ReportTest, UsersWhoseListsChangedAreShown) {
  run_.SaveCell("frozen", 8);
  run_.SaveCell("raie", 1);
  run_.SaveRegions("raie");
  const ReportJson report = Build();
  const ReportJson& users = BlockOf(report, "users");
  ASSERT_EQ(users.at("examples").size(), 3U);  // nobody lost
  const ReportJson& example = users.at("examples")[0];
  EXPECT_EQ(example.at("gained"), true);
  EXPECT_EQ(example.at("rank_before"), 8);
  EXPECT_EQ(example.at("rank_after"), 1);
  EXPECT_EQ(example.at("before").size(), 10U);
  EXPECT_NE(example.at("why").get<std::string>().find("40 new windows"), std::string::npos);
  // A title that would end a script, were it not escaped.
  EXPECT_NE(report.dump().find("</script>"), std::string::npos);
  EXPECT_EQ(ScriptJson(report).find("</script>"), std::string::npos);

  run_.SaveCell("frozen", 1);  // the same lists
  const ReportJson same = Build();
  EXPECT_EQ(Find(same, "users"), nullptr);
  EXPECT_NE(same.dump().find("nobody's recommendations changed"), std::string::npos);
}

TEST_F(ReportTest, DataIsCountedByTimeAndSlice) {
  const ReportJson report = Build();
  const ReportJson& events = BlockOf(report, "events");
  std::int64_t all = 0;
  for (const ReportJson& row : events.at("rows")) all += row[3].get<std::int64_t>();
  EXPECT_EQ(all, std::ssize(run_.data->items()));
  EXPECT_EQ(events.at("options").at("cuts").size(), 2U);
  EXPECT_EQ(BlockOf(report, "slices").at("rows").size(), 3U);
}

TEST_F(ReportTest, AStreamHasItsMatrix) {
  ReportJson row = MadeRun::RowJson({.method = "raie"});
  row["stream"]["ndcg@10"] = {{"R", {{0.1, 0.2}, {0.3, 0.4}}},
                              {"next", {0.2}},
                              {"next_accuracy", 0.2},
                              {"average_accuracy", 0.35},
                              {"backward_transfer", 0.2},
                              {"forward_transfer", nullptr},
                              {"forgetting", -0.2}};
  run_.Save("results.json", {{"reference", "lora"},
                             {"seeds", {0}},
                             {"parts", {"T"}},
                             {"rows", ReportJson::array({row})}});
  const ReportJson report = BuildWithoutData();
  EXPECT_EQ(BlockOf(report, "stream-matrix").at("rows").size(), 4U);
  EXPECT_DOUBLE_EQ(
      CellOf(BlockOf(report, "stream-metrics"), "raie", "backward_transfer").get<double>(), 0.2);
  EXPECT_TRUE(CellOf(BlockOf(report, "stream-metrics"), "raie", "forward_transfer").is_null());
}

TEST_F(ReportTest, SameRunSameBytes) {
  run_.SaveCell("frozen", 8);
  run_.SaveCell("raie", 1);
  run_.SaveRegions("raie");
  EXPECT_EQ(ReportPage(Build()), ReportPage(Build()));
}

TEST_F(ReportTest, AnotherFolderOrDataSetIsRefused) {
  const auto build_other = [&] { BuildReport({.run = run_.path() / "none"}, run_.pool); };
  EXPECT_NE(ErrorOf(ErrorCode::kNotFound, build_other).find("raie compare"), std::string::npos);
  run_.Save("run.json", {{"format", "raie-comparison"}, {"data", "other"}, {"protocol", "strict"}});
  const std::string error = ErrorOf(ErrorCode::kInvalidArgument, [&] { Build(); });
  EXPECT_NE(error.find("other"), std::string::npos);
}

}  // namespace
}  // namespace raie
