// Which edit does a report look into, region by region, and what was its outcome?
//
// Concept: one cell of a method with regions (raie at the base point on the lowest seed, or else
// the
//          first there is), beside the frozen model of the same seed: the regions before and after,
//          both models' results on the windows they are judged on.
// Units:   degrees.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "data/prepared_data.h"
#include "regions/region_set.h"
#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

struct RegionStudy {
  RunCell cell;
  ReportJson about;  // cell.json
  RegionSet before;
  RegionSet after;
  std::string part;                      // T, next
  std::optional<WindowResults> results;  // on `part`
  std::optional<WindowResults> frozen;   // the same windows; nullopt: not in the run

  // Before or after (or both) by id, ascending.
  std::vector<RegionId> ids() const;
  // "raie, seed 0, sasrec"
  std::string name() const;
};

// nullopt: no cell has regions.
std::optional<RegionStudy> StudyRegions(const RunFiles& run);

// How a region fared.
struct RegionOutcome {
  RegionId region = kNoRegion;
  const Region* before = nullptr;
  const Region* after = nullptr;
  std::optional<double> displacement_deg;
  std::optional<double> separability;  // angle to the nearest other centre / own measured radius
  ReportJson change = nullptr;         // radii and area as cell.json has them
  ReportJson drift = nullptr;
  ReportJson training = nullptr;  // gate, trained, windows
  std::int64_t updated = 0;
  std::int64_t expanded = 0;
  std::int64_t added_near = 0;
  std::int64_t windows = 0;   // of the part routed to it
  ReportJson gain = nullptr;  // {"value", "low", "high", "p_value", "p_adjusted", "verdict"}
};

// In the order of ids().
std::vector<RegionOutcome> OutcomesOf(const RegionStudy& study, TaskPool& pool);

// What the windows of each region (and of all: kNoRegion) ask for, in words.
struct RegionWords {
  std::string categories;  // "Drama 45 % (1.3 x), War 12 % (2.1 x)"; "" if the data has none
  std::string items;       // most frequent targets
};
std::map<RegionId, RegionWords> DescribeRegions(const RegionStudy& study, const PreparedData& data);

// Title, or else raw id.
std::string ItemName(const PreparedData& data, ItemId item);

}  // namespace raie
