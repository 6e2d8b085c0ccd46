#include "report/users_section.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/number_text.h"
#include "data/prepare.h"
#include "data/windows.h"
#include "report/comparison_section.h"

namespace raie {
namespace {

constexpr std::int64_t kListed = 10;  // items of a list
constexpr std::int64_t kHistory = 5;  // items of a context
constexpr std::size_t kExamples = 3;  // of gains, and of losses
constexpr int kFewRegions = 1;        // first pass: one example a region

struct Change {
  std::int64_t window = 0;
  double gain = 0;        // of NDCG@10
  std::int64_t kept = 0;  // items in both lists
  bool changed = false;   // other items than before
};

std::int64_t ListLength(const WindowResults& results, std::int64_t window) {
  std::int64_t length = 0;
  while (length < kListed && length < results.num_top &&
         results.top[window * results.num_top + length] != kNoItem) {
    ++length;
  }
  return length;
}

std::int64_t KeptItems(const WindowResults& a, const WindowResults& b, std::int64_t window) {
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < kListed && i < a.num_top; ++i) {
    const ItemId item = a.top[window * a.num_top + i];
    if (item == kNoItem) continue;
    for (std::int64_t j = 0; j < kListed && j < b.num_top; ++j) {
      kept += b.top[window * b.num_top + j] == item;
    }
  }
  return kept;
}

std::vector<Change> ChangesOf(const RegionStudy& study) {
  const std::vector<double> mine = Ndcg10(*study.results);
  const std::vector<double> frozen = Ndcg10(*study.frozen);
  std::vector<Change> changes;
  for (std::int64_t i = 0; i < study.results->size(); ++i) {
    const std::int64_t kept = KeptItems(*study.frozen, *study.results, i);
    const std::int64_t length =
        std::max(ListLength(*study.frozen, i), ListLength(*study.results, i));
    changes.push_back({i, mine[i] - frozen[i], kept, kept < length});
  }
  return changes;
}

// The first examples of `sorted`: other users, other regions as far as there are.
std::vector<Change> Pick(const std::vector<Change>& sorted, const WindowResults& results,
                         std::set<UserId>& users) {
  std::vector<Change> picked;
  std::map<RegionId, int> of_region;
  for (const bool any_region : {false, true}) {
    for (const Change& change : sorted) {
      if (picked.size() == kExamples) return picked;
      if (users.contains(results.users[change.window])) continue;
      const RegionId region = results.regions[change.window];
      if (!any_region && of_region[region] >= kFewRegions) continue;
      ++of_region[region];
      users.insert(results.users[change.window]);
      picked.push_back(change);
    }
  }
  return picked;
}

ReportJson ListOf(const WindowResults& results, std::int64_t window, const PreparedData& data) {
  ReportJson list = ReportJson::array();
  for (std::int64_t i = 0; i < kListed && i < results.num_top; ++i) {
    const ItemId item = results.top[window * results.num_top + i];
    if (item == kNoItem) break;
    list.push_back(
        {{"item", ItemName(data, item)}, {"is_target", item == results.targets[window]}});
  }
  return list;
}

ReportJson ContextOf(const PreparedData& data, const Window& window) {
  std::vector<ItemId> items;
  std::vector<Timestamp> times;
  AppendContext(data, window, kHistory, data.num_items(), items, times);
  ReportJson list = ReportJson::array();
  for (const ItemId item : items) list.push_back(ItemName(data, item));
  return list;
}

// Why its answer may have changed: what became of the region's adapter.
std::string WhyOf(const RegionStudy& study, RegionId region) {
  if (region == kNoRegion) return "Nothing of its context was known to the model.";
  const ReportJson budget = study.about.value("budget", ReportJson::object());
  for (const ReportJson& entry : budget.value("regions", ReportJson::array())) {
    if (entry.at("region") != Index(region)) continue;
    if (!entry.value("trained", false)) {
      return "The gate left this region's adapter as it was.";
    }
    return "This region's adapter learnt from " +
           CountOf(entry.value("new_windows", std::int64_t{0}), "new window") + " and " +
           CountOf(entry.value("memory_windows", std::int64_t{0}), "remembered one") + ".";
  }
  return "";
}

ReportJson ExampleOf(const RegionStudy& study, const PreparedData& data, const WindowSet& windows,
                     const Change& change) {
  const WindowResults& mine = *study.results;
  const std::int64_t i = change.window;
  const Window& window = windows.windows[i];
  const RegionId region = mine.regions[i];
  return {{"user", data.user_id(mine.users[i])},
          {"time", Seconds(data.times()[window.target])},
          {"gained", change.gain > 0},
          {"region", Index(region)},
          {"margin", FiniteOrNull(mine.margins[i])},
          {"why", WhyOf(study, region)},
          {"history", ContextOf(data, window)},
          {"target", ItemName(data, mine.targets[i])},
          {"rank_before", study.frozen->ranks[i]},
          {"rank_after", mine.ranks[i]},
          {"kept", change.kept},
          {"before", ListOf(*study.frozen, i, data)},
          {"after", ListOf(mine, i, data)}};
}

ReportJson Missing(const std::string& text) {
  return SectionOf("users", "Users", {MissingBlock(text)});
}

}  // namespace

ReportJson UsersSection(const RegionStudy& study, const PreparedData& data) {
  if (!study.results.has_value() || !study.frozen.has_value()) {
    return Missing("Examples of users need the method frozen beside " + study.cell.method +
                   " in the same run: add it to --methods.");
  }
  if (study.results->num_top == 0 || study.frozen->num_top == 0) {
    return Missing("Lists of single windows are not kept in protocol " +
                   std::string(EnumNames(Protocol{})[static_cast<int>(OptionsOf(data).protocol)]) +
                   ": no examples of users.");
  }
  const WindowSet windows = MakeWindows(data, 2, WindowOptionsOf(data));
  if (windows.size() != study.results->size()) {
    return Missing("The windows of the data set are not those of the run: no examples of users.");
  }
  std::vector<Change> changes = ChangesOf(study);
  std::int64_t changed = 0;
  std::int64_t better = 0;
  std::int64_t worse = 0;
  for (const Change& change : changes) {
    changed += change.changed;
    better += change.gain > 0;
    worse += change.gain < 0;
  }
  ReportJson examples = ReportJson::array();
  std::set<UserId> users;
  for (const int sign : {1, -1}) {
    std::vector<Change> sorted;
    for (const Change& change : changes) {
      if (sign * change.gain > 0) sorted.push_back(change);
    }
    std::ranges::stable_sort(sorted, [&](const Change& a, const Change& b) {
      return std::tuple(-sign * a.gain, a.kept) < std::tuple(-sign * b.gain, b.kept);
    });
    for (const Change& change : Pick(sorted, *study.results, users)) {
      examples.push_back(ExampleOf(study, data, windows, change));
    }
  }
  const double all = std::max<double>(1, static_cast<double>(changes.size()));
  const std::string takeaway =
      "The ten best items changed in " + Percent(static_cast<double>(changed) / all) + " of " +
      CountOf(std::ssize(changes), "window") + " of " + PartLabel(study.part) +
      "; NDCG@10 rose in " + Percent(static_cast<double>(better) / all) + " and fell in " +
      Percent(static_cast<double>(worse) / all) + ".";
  if (changed == 0) {
    return SectionOf(
        "users", "Users",
        {TextBlock("The ten best items of every window of " + PartLabel(study.part) +
                   " are those of the frozen model: nobody's recommendations changed.")});
  }
  ReportJson block = {{"type", "users"},
                      {"id", "users"},
                      {"title", "Whose recommendations changed"},
                      {"takeaway", takeaway},
                      {"note", "Of " + study.name() +
                                   ", against the frozen model of the same seed. Shown are the "
                                   "largest gains and the largest losses, one a user: they are "
                                   "chosen for being extreme and are not typical."},
                      {"examples", examples}};
  return SectionOf("users", "Users", {std::move(block)});
}

}  // namespace raie
