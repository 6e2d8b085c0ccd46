// A run folder made by hand, for tests of reports: no model was fitted.
//
// Concept: two methods beside lora on T and S held-out, with verdicts; a cell of raie with three
//          regions, one of which is added, and windows of T whose answers differ from frozen's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "evaluation/window_results.h"
#include "report/blocks.h"
#include "store/regions_file.h"

namespace raie::testing {

inline ReportJson MadeInterval(double value) {
  return {{"value", value}, {"low", value - 0.01}, {"high", value + 0.01}};
}

struct MadeRow {
  std::string method;
  std::string point = "base";
  double ndcg = 0.1;
  std::string verdict = "";  // "": the reference
};

class MadeRun {
 public:
  MadeRun() {
    std::vector<LogEvent> events = RandomEvents(3, {.users = 30, .items = 25, .events = 1500});
    InteractionLog log = MakeLog(events, Ratings::kNone);
    for (std::int64_t item = 0; item < log.item_ids.size(); ++item) {
      log.titles.Add(item == 0 ? "</script>" : "Film " + std::to_string(item));
      log.categories.Add(item % 2 == 0 ? "Drama|War" : "Comedy");
    }
    PrepareOptions options;
    options.context = 3;
    options.k_core = 0;
    PrepareData(log, options, folder_ / "data", pool);
    data = std::make_unique<PreparedData>(PreparedData::Load(folder_ / "data"));
    Save("run.json", {{"format", "raie-comparison"},
                      {"version", 1},
                      {"data", data->digest()},
                      {"protocol", "strict"},
                      {"tune", 2},
                      {"configuration", {{"seed", 0}, {"regions", {{"k", 2}}}}}});
  }

  std::filesystem::path path() const { return folder_ / "run"; }

  void Save(const std::filesystem::path& file, const ReportJson& json) const {
    SaveText(file, json.dump());
  }
  void SaveText(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories((path() / file).parent_path());
    WriteFileAtomically(path() / file, text);
  }

  static ReportJson RowJson(const MadeRow& row) {
    ReportJson json = {
        {"backbone", "sasrec"}, {"point", row.point}, {"method", row.method}, {"seeds", 2}};
    for (const char* part : {"S_held_out", "T"}) {
      json[part] = {{"windows", 10},
                    {"users", 5},
                    {"ndcg@10", MadeInterval(row.ndcg)},
                    {"recall@10", MadeInterval(2 * row.ndcg)}};
      if (row.verdict.empty()) continue;
      json[part]["against"] = {{"ndcg@10", MadeInterval(row.ndcg - 0.1)},
                               {"users_better", 3},
                               {"p_value", 0.01},
                               {"p_adjusted", 0.02},
                               {"verdict", row.verdict}};
    }
    json["tuned"] = {{"edit.rho", "0.3"}};
    json["budget"] = {{"samples", 100}, {"steps", 4}, {"trained_parameters", 7}};
    return json;
  }

  void SaveResults(const std::vector<MadeRow>& rows) const {
    ReportJson results = {{"format", "raie-results"},     {"protocol", "strict"},
                          {"reference", "lora"},          {"seeds", {0, 1}},
                          {"parts", {"S_held_out", "T"}}, {"missing", 0},
                          {"rows", ReportJson::array()}};
    for (const MadeRow& row : rows) results["rows"].push_back(RowJson(row));
    Save("results.json", results);
  }

  // A cell with windows of T; `rank` is that of every window routed to region 0, 3 of others.
  void SaveCell(const std::string& method, std::int32_t rank) const {
    const std::string folder = "cells/sasrec/base/" + method + "/seed-0/";
    const WindowSet windows = MakeWindows(*data, 2, WindowOptionsOf(*data));
    WindowResults results;
    results.num_top = 10;
    for (std::int64_t i = 0; i < windows.size(); ++i) {
      const bool first = i % 2 == 0;
      results.users.push_back(windows.windows[i].user);
      results.targets.push_back(data->items()[windows.windows[i].target]);
      results.ranks.push_back(first ? rank : 3);
      results.regions.push_back(RegionId{first ? 0 : 1});
      results.margins.push_back(0.25F);
      for (std::int32_t k = 0; k < 10; ++k) {
        results.top.push_back(ItemId{first ? (k + rank) % 20 : k});
      }
    }
    SaveText(folder + "T.windows", EncodeWindowResults(results));
    Save(folder + "times.json", {{"learn_seconds", 2.5}, {"seconds", 3.0}});
    Save(folder + "cell.json",
         {{"format", "raie-cell"},
          {"raie", "0.1.0"},
          {"method", method},
          {"fit", "fits/none"},
          {"budget",
           {{"regions",
             {{{"region", 0},
               {"gate", "drift"},
               {"trained", true},
               {"kept", true},
               {"new_windows", 40},
               {"memory_windows", 10}},
              {{"region", 1}, {"gate", "shut"}, {"trained", false}, {"kept", true}}}}}},
          {"edits",
           {{"regions", {{{"region", 0}, {"updated", 11}, {"expanded", 2}, {"added_near", 1}}}}}},
          {"comparison",
           {{"regions",
             {{{"region", 0},
               {"displacement_deg", 9.0},
               {"radius_before_deg", 30.0},
               {"radius_after_deg", 20.0},
               {"area_change_percent", -50.0}}}}}},
          {"drift",
           {{{"region", 0},
             {"drifts", true},
             {"drift", 0.5},
             {"low", 0.4},
             {"high", 0.6},
             {"share", 0.6}},
            {{"region", 1},
             {"drifts", false},
             {"drift", nullptr},
             {"low", nullptr},
             {"high", nullptr},
             {"share", 0.4}}}}});
  }

  static Region MadeRegion(std::int32_t id, float x, float y, double radius) {
    Region region;
    region.id = RegionId{id};
    region.centre = {x, y, 0};
    region.radius_rad = radius;
    region.initial_radius_rad = radius;
    region.num_members = 50;
    return region;
  }

  // Regions 0 and 1 at right angles; 0 moves by 90 degrees, region 2 is added.
  void SaveRegions(const std::string& method) const {
    EditorState state;
    state.regions.dim = 3;
    state.regions.starting_count = 2;
    state.regions.next_id = 3;
    state.regions.regions = {MadeRegion(0, 1, 0, 0.5), MadeRegion(1, 0, 1, 0.5)};
    const auto cell = path() / ("cells/sasrec/base/" + method + "/seed-0");
    for (const char* when : {"regions_before", "regions_after"}) {
      std::filesystem::create_directories(cell / when);
      SaveEditorState(cell / when, state);
      state.regions.regions = {MadeRegion(0, 0, -1, 0.4), MadeRegion(1, 0, 1, 0.5),
                               MadeRegion(2, -1, 0, 0.3)};
    }
  }

  TaskPool pool{2};
  std::unique_ptr<PreparedData> data;

 private:
  TemporaryFolder folder_;
};

}  // namespace raie::testing
