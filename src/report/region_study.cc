#include "report/region_study.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <span>
#include <string_view>
#include <tuple>

#include "base/number_text.h"
#include "compare/loaded_row.h"
#include "evaluation/significance.h"
#include "regions/sphere.h"
#include "store/regions_file.h"

namespace raie {
namespace {

constexpr double kDegrees = 180 / std::numbers::pi;
constexpr std::size_t kItems = 3;
constexpr std::size_t kCategories = 3;
constexpr double kMatters = 0.1;  // least share of a category that is named
constexpr double kMore = 1.05;    // and how many times its share of all

bool HasRegions(const RunFiles& run, const RunCell& cell) {
  return run.Has(cell.folder / "regions_before" / "regions.json") &&
         run.Has(cell.folder / "regions_after" / "regions.json");
}

const Region* RegionOf(const RegionSet& regions, RegionId id) {
  const std::int32_t slot = SlotOf(regions, id);
  return slot < 0 ? nullptr : &regions.regions[slot];
}

// The entry of a list of cell.json that is of this region; null if there is none.
ReportJson EntryOf(const ReportJson& list, RegionId id) {
  for (const ReportJson& entry : list) {
    if (entry.at("region") == Index(id)) return entry;
  }
  return nullptr;
}

// What cell.json says of the edits, one object a slice that was learnt.
std::vector<const ReportJson*> LearntSlices(const ReportJson& about) {
  std::vector<const ReportJson*> slices;
  if (!about.contains("slices")) return {&about};
  for (const ReportJson& slice : about.at("slices")) slices.push_back(&slice);
  return slices;
}

ReportJson ListIn(const ReportJson& object, const char* key) {
  if (!object.contains(key)) return ReportJson::array();
  const ReportJson& value = object.at(key);
  return value.is_array() ? value : value.value("regions", ReportJson::array());
}

void AddEdits(const ReportJson& about, RegionOutcome& outcome) {
  for (const ReportJson* slice : LearntSlices(about)) {
    const ReportJson edits = EntryOf(ListIn(*slice, "edits"), outcome.region);
    if (edits.is_null()) continue;
    outcome.updated += edits.value("updated", 0);
    outcome.expanded += edits.value("expanded", 0);
    outcome.added_near += edits.value("added_near", 0);
  }
}

std::optional<double> NearestOtherDeg(const RegionSet& regions, const Region& region) {
  std::optional<double> nearest;
  for (const Region& other : regions.regions) {
    if (other.id == region.id) continue;
    const double angle = kDegrees * AngleRad(region.centre, other.centre);
    nearest = std::min(nearest.value_or(angle), angle);
  }
  return nearest;
}

// NDCG@10 gained over frozen on the windows of one region.
struct Gains {
  std::vector<UserId> users;
  std::vector<double> differences;
};

std::map<RegionId, Gains> GainsByRegion(const RegionStudy& study) {
  std::map<RegionId, Gains> gains;
  if (!study.results.has_value() || !study.frozen.has_value()) return gains;
  const std::vector<double> mine = Ndcg10(*study.results);
  const std::vector<double> frozen = Ndcg10(*study.frozen);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    Gains& of_region = gains[study.results->regions[i]];
    of_region.users.push_back(study.results->users[i]);
    of_region.differences.push_back(mine[i] - frozen[i]);
  }
  return gains;
}

// Their mean with its interval and p-value; null with fewer than two users.
ReportJson GainJson(const Gains& gains, TaskPool& pool) {
  const std::set<UserId> distinct(gains.users.begin(), gains.users.end());
  if (distinct.size() < 2) return nullptr;
  const CrossedValues values = SumByUser(gains.users, std::span(&gains.differences, 1));
  ReportJson gain = IntervalJson(WindowMean(values), CrossedBootstrap(values, {}, pool));
  const WilcoxonResult test = WilcoxonSignedRank(UserMeans(values));
  gain["test_side"] = (test.plus > test.minus) - (test.plus < test.minus);
  gain["p_value"] = test.p_value;
  return gain;
}

// Counts of category words of the targets of some windows.
using WordCounts = std::map<std::string, std::int64_t, std::less<>>;

template <class Visit>
void ForEachCategory(std::string_view categories, const Visit& visit) {
  for (std::size_t at = 0; at < categories.size();) {
    const std::size_t bar = std::min(categories.find('|', at), categories.size());
    if (bar > at) visit(categories.substr(at, bar - at));
    at = bar + 1;
  }
}

struct Asked {
  std::int64_t windows = 0;
  WordCounts categories;
  std::map<ItemId, std::int64_t> items;
};

// The categories that are most over-represented among those that matter.
std::string CategoryText(const Asked& region, const Asked& all) {
  struct Entry {
    std::string name;
    double share = 0;
    double lift = 0;
  };
  std::vector<Entry> entries;
  for (const auto& [name, count] : region.categories) {
    const double share = static_cast<double>(count) / static_cast<double>(region.windows);
    const double everywhere =
        static_cast<double>(all.categories.at(name)) / static_cast<double>(all.windows);
    if (share >= kMatters && share >= kMore * everywhere)
      entries.push_back({name, share, share / everywhere});
  }
  std::ranges::stable_sort(entries, std::ranges::greater(), &Entry::lift);
  std::string text;
  for (std::size_t i = 0; i < entries.size() && i < kCategories; ++i) {
    text += (i == 0 ? "" : ", ") + entries[i].name + " " + Fixed(100 * entries[i].share, 0) +
            " % (" + Fixed(entries[i].lift, 1) + " x)";
  }
  return text;
}

std::string ItemsText(const Asked& region, const PreparedData& data) {
  std::vector<std::pair<std::int64_t, ItemId>> counts;
  for (const auto& [item, count] : region.items) counts.emplace_back(-count, item);
  std::ranges::sort(counts);
  std::string text;
  for (std::size_t i = 0; i < counts.size() && i < kItems; ++i) {
    text += (i == 0 ? "" : ", ") + Shorten(ItemName(data, counts[i].second), 40);
  }
  return text;
}

}  // namespace

std::vector<RegionId> RegionStudy::ids() const {
  std::set<RegionId> all;
  for (const Region& region : before.regions) all.insert(region.id);
  for (const Region& region : after.regions) all.insert(region.id);
  return {all.begin(), all.end()};
}

std::string RegionStudy::name() const {
  return cell.method + ", " + cell.backbone + (cell.point == "base" ? "" : ", " + cell.point) +
         ", seed " + std::to_string(cell.seed);
}

std::optional<RegionStudy> StudyRegions(const RunFiles& run) {
  const RunCell* chosen = nullptr;
  const auto order = [](const RunCell& cell) {
    return std::tuple(cell.method != "raie", cell.point != "base", cell.backbone != "sasrec",
                      cell.seed);
  };
  for (const RunCell& cell : run.cells()) {
    if (!HasRegions(run, cell)) continue;
    if (chosen == nullptr || order(cell) < order(*chosen)) chosen = &cell;
  }
  if (chosen == nullptr) return std::nullopt;
  RegionStudy study;
  study.cell = *chosen;
  study.about = run.LoadJson(chosen->folder / "cell.json");
  study.before = LoadEditorState(run.path() / chosen->folder / "regions_before").regions;
  study.after = LoadEditorState(run.path() / chosen->folder / "regions_after").regions;
  study.part = run.judged_part();
  study.results = run.LoadWindows(*chosen, study.part);
  const auto frozen = run.Beside(*chosen, "frozen");
  if (frozen.has_value() && study.results.has_value()) {
    study.frozen = run.LoadWindows(*frozen, study.part);
    if (study.frozen.has_value() && study.frozen->targets != study.results->targets) {
      study.frozen.reset();  // of other windows
    }
  }
  return study;
}

std::vector<RegionOutcome> OutcomesOf(const RegionStudy& study, TaskPool& pool) {
  const ReportJson& last = *LearntSlices(study.about).back();
  const ReportJson comparison = ListIn(last, "comparison");
  const ReportJson drift = ListIn(last, "drift");
  const ReportJson training =
      last.contains("budget") ? ListIn(last.at("budget"), "regions") : ReportJson::array();
  std::map<RegionId, Gains> gains = GainsByRegion(study);
  std::vector<RegionOutcome> outcomes;
  for (const RegionId id : study.ids()) {
    RegionOutcome outcome{
        .region = id, .before = RegionOf(study.before, id), .after = RegionOf(study.after, id)};
    outcome.change = EntryOf(comparison, id);
    outcome.drift = EntryOf(drift, id);
    outcome.training = EntryOf(training, id);
    AddEdits(study.about, outcome);
    if (outcome.before != nullptr && outcome.after != nullptr) {
      outcome.displacement_deg = kDegrees * AngleRad(outcome.before->centre, outcome.after->centre);
    }
    if (outcome.after != nullptr && !outcome.change.is_null()) {
      const auto nearest = NearestOtherDeg(study.after, *outcome.after);
      const ReportJson radius = outcome.change.value("radius_after_deg", ReportJson());
      if (nearest.has_value() && radius.is_number() && radius.get<double>() > 0) {
        outcome.separability = *nearest / radius.get<double>();
      }
    }
    if (study.results.has_value()) {
      outcome.windows = std::ranges::count(study.results->regions, id);
    }
    outcome.gain = GainJson(gains[id], pool);
    outcomes.push_back(std::move(outcome));
  }
  std::vector<ReportJson*> tested;
  for (RegionOutcome& outcome : outcomes) {
    if (!outcome.gain.is_null()) tested.push_back(&outcome.gain);
  }
  AddVerdicts(tested, [](const ReportJson& gain) { return gain; });
  return outcomes;
}

std::map<RegionId, RegionWords> DescribeRegions(const RegionStudy& study,
                                                const PreparedData& data) {
  std::map<RegionId, RegionWords> words;
  if (!study.results.has_value()) return words;
  std::map<RegionId, Asked> asked;
  for (std::int64_t i = 0; i < study.results->size(); ++i) {
    const ItemId target = study.results->targets[i];
    const RegionId region = study.results->regions[i];
    for (Asked* one : {&asked[region], &asked[kNoRegion]}) {
      ++one->windows;
      ++one->items[target];
      ForEachCategory(data.category(target),
                      [&](std::string_view word) { ++one->categories[std::string(word)]; });
      if (region == kNoRegion) break;
    }
  }
  const Asked& all = asked[kNoRegion];
  for (const auto& [region, one] : asked) {
    if (region != kNoRegion) words[region] = {CategoryText(one, all), ItemsText(one, data)};
  }
  return words;
}

std::string ItemName(const PreparedData& data, ItemId item) {
  const std::string_view title = data.title(item);
  const std::size_t end = title.find_last_not_of(' ');  // some logs pad them
  return std::string(end == std::string_view::npos ? data.item_id(item) : title.substr(0, end + 1));
}

}  // namespace raie
