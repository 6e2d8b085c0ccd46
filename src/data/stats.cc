#include "data/stats.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <iterator>

#include "base/number_text.h"

namespace raie {
namespace {

SliceCounts CountsFromJson(const nlohmann::json& json) {
  return {json.at("users"), json.at("items"), json.at("events")};
}

std::vector<SliceCounts> CountsFromJson(const nlohmann::json& report, const char* key) {
  std::vector<SliceCounts> counts;
  for (const auto& slice : report.at(key)) counts.push_back(CountsFromJson(slice));
  return counts;
}

double Share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

SliceTargets CountTargets(const PreparedData& data, int slice, const WindowSet& windows) {
  const std::int64_t first_items = data.catalogue_size(0);
  const std::int64_t previous_items = data.catalogue_size(slice - 1);
  const std::int64_t length = OptionsOf(data).context;
  std::int64_t outside_first = 0;
  std::int64_t outside_previous = 0;
  std::int64_t context_events = 0;
  std::int64_t unknown_events = 0;
  SliceTargets targets;
  for (const Window& window : windows.windows) {
    const std::int32_t target = Index(data.items()[window.target]);
    outside_first += target >= first_items;
    outside_previous += target >= previous_items;
    bool known = false;
    for (std::int64_t row = window.context_end; row-- > window.context_begin;) {
      const bool is_known = Index(data.items()[row]) < previous_items;
      known |= is_known;
      if (window.context_end - row > length) {
        if (known) break;
        continue;
      }
      ++context_events;
      unknown_events += !is_known;
    }
    targets.empty_contexts += !known;
  }
  targets.outside_first = Share(outside_first, windows.size());
  targets.outside_previous = Share(outside_previous, windows.size());
  targets.context_events_unknown = Share(unknown_events, context_events);
  return targets;
}

std::vector<std::int64_t> WindowsByUser(const PreparedData& data, const WindowSet& windows) {
  std::vector<std::int64_t> counts(data.num_users());
  for (const Window& window : windows.windows) ++counts[Index(window.user)];
  return counts;
}

void CountReturning(const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& now,
                    SliceTargets& targets) {
  for (std::size_t user = 0; user < now.size(); ++user) {
    if (now[user] == 0) continue;
    ++targets.users;
    if (before[user] == 0) continue;
    ++targets.returning_users;
    targets.returning_windows += now[user];
  }
}

constexpr const char* kNames[] = {"S", "F", "T"};
constexpr const char* kCatalogues[] = {"S", "SF", "SFT"};
constexpr std::size_t kTest = 2;  // T

std::string SliceKey(std::size_t slice) {
  return slice < std::size(kNames) ? kNames[slice] : std::to_string(slice);
}

std::string SliceName(std::size_t slice) {
  return slice < std::size(kNames) ? kNames[slice] : "slice " + std::to_string(slice);
}

nlohmann::ordered_json NamedCounts(const std::vector<SliceCounts>& counts) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    json[SliceKey(i)] = {
        {"users", counts[i].users}, {"items", counts[i].items}, {"events", counts[i].events}};
  }
  return json;
}

nlohmann::ordered_json NamedCatalogues(const std::vector<std::int64_t>& sizes) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (i == kTest && sizes.size() == kTest + 1) break;  // nothing is ranked over it yet
    json[i < std::size(kCatalogues) ? kCatalogues[i] : std::to_string(i)] = sizes[i];
  }
  return json;
}

nlohmann::ordered_json OutsideToJson(const SliceTargets& targets, const char* previous) {
  return {{"S", targets.outside_first}, {previous, targets.outside_previous}};
}

nlohmann::ordered_json ReturningToJson(const SliceTargets& targets) {
  return {{"users", targets.returning_users}, {"windows", targets.returning_windows}};
}

template <class... Values>
std::string Line(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  return std::string(text) + "\n";
}

std::string FormatTargets(std::size_t slice, const SliceTargets& targets) {
  const std::string name = SliceName(slice);
  std::string text =
      Line("%s targets outside the catalogue: of S %.2f %%, of all slices before %s %.2f %%",
           name.c_str(), 100 * targets.outside_first, name.c_str(), 100 * targets.outside_previous);
  text += Line("%s context events outside it: %.2f %%; contexts left empty: %" PRId64, name.c_str(),
               100 * targets.context_events_unknown, targets.empty_contexts);
  text += Line("%s returning users: %" PRId64 " of the %" PRId64
               " with windows have windows in S too (%" PRId64 " windows)",
               name.c_str(), targets.returning_users, targets.users, targets.returning_windows);
  return text;
}

}  // namespace

DataStats ComputeStats(const PreparedData& data) {
  DataStats stats;
  const nlohmann::json& report = data.manifest().at("report");
  stats.before = CountsFromJson(report, "before");
  stats.after = CountsFromJson(report, "after");
  for (const auto& appended : data.manifest().at("appended")) {
    stats.before.push_back(CountsFromJson(appended.at("counts")));
    stats.after.push_back(stats.before.back());
  }
  stats.cuts = data.cuts();
  const WindowOptions options = WindowOptionsOf(data);
  std::vector<std::int64_t> setup_users;
  for (int slice = 0; slice < data.num_slices(); ++slice) {
    stats.catalogue.push_back(data.catalogue_size(slice));
    const WindowSet windows = MakeWindows(data, slice, options);
    stats.windows.push_back(windows.size());
    if (slice == 0) {
      setup_users = WindowsByUser(data, windows);
      continue;
    }
    stats.targets.push_back(CountTargets(data, slice, windows));
    CountReturning(setup_users, WindowsByUser(data, windows), stats.targets.back());
  }
  const SetupWindows setup = MakeSetupWindows(data, 0, options);
  stats.held_out = setup.held_out.size();
  stats.validation = setup.validation.size();
  stats.setup_training = setup.training.size();
  return stats;
}

nlohmann::ordered_json ToJson(const DataStats& stats) {
  nlohmann::ordered_json json;
  json["before"] = NamedCounts(stats.before);
  json["after"] = NamedCounts(stats.after);
  json["cuts"] = nlohmann::json::array();
  for (const Timestamp cut : stats.cuts) json["cuts"].push_back(Seconds(cut));
  for (std::size_t i = 0; i < stats.windows.size(); ++i) {
    json["windows"][SliceKey(i)] = stats.windows[i];
  }
  json["windows"]["held_out"] = stats.held_out;
  json["windows"]["validation"] = stats.validation;
  json["windows"]["S_training"] = stats.setup_training;
  json["catalogue"] = NamedCatalogues(stats.catalogue);
  json["T_targets_outside"] = nullptr;
  json["returning"] = nullptr;
  for (std::size_t i = kTest; i < stats.windows.size(); ++i) {
    const SliceTargets& targets = stats.targets[i - 1];
    if (i == kTest) {
      json["T_targets_outside"] = OutsideToJson(targets, "SF");
      json["returning"] = ReturningToJson(targets);
    } else {
      json["later"][SliceKey(i)] = {{"targets_outside", OutsideToJson(targets, "before")},
                                    {"returning", ReturningToJson(targets)}};
    }
  }
  return json;
}

std::string FormatStats(const DataStats& stats) {
  const std::size_t slices = stats.after.size();
  std::string text =
      Line("%-8s %25s   %27s   %9s  %9s  %s", "", "before k-core: users/items/events",
           "after: users/items/events", "windows", "catalogue", "from");
  for (std::size_t i = 0; i < slices; ++i) {
    const SliceCounts& b = stats.before[i];
    const SliceCounts& a = stats.after[i];
    text +=
        Line("%-8s %9" PRId64 " %9" PRId64 " %13" PRId64 "   %9" PRId64 " %9" PRId64 " %7" PRId64
             "   %9" PRId64 "  %9" PRId64 "  %s",
             SliceName(i).c_str(), b.users, b.items, b.events, a.users, a.items, a.events,
             stats.windows[i], stats.catalogue[i],
             i == 0 || i > stats.cuts.size() ? "-" : Moment(Seconds(stats.cuts[i - 1])).c_str());
  }
  text += Line("S windows: training %" PRId64 ", validation %" PRId64 ", held-out %" PRId64,
               stats.setup_training, stats.validation, stats.held_out);
  // T and the newest slice; --json has those between.
  if (slices > kTest) text += FormatTargets(kTest, stats.targets[kTest - 1]);
  if (slices != kTest + 1 && slices > 1) text += FormatTargets(slices - 1, stats.targets.back());
  return text;
}

}  // namespace raie
