#include "data/stats.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

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

void CountTargets(const PreparedData& data, const WindowSet& windows, DataStats& stats) {
  const int last = data.num_slices() - 1;
  const std::int64_t first_items = data.catalogue_size(0);
  const std::int64_t previous_items = data.catalogue_size(std::max(0, last - 1));
  const std::int64_t length = OptionsOf(data).context;
  std::int64_t outside_first = 0;
  std::int64_t outside_previous = 0;
  std::int64_t context_events = 0;
  std::int64_t unknown_events = 0;
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
    stats.empty_contexts += !known;
  }
  stats.targets_outside_first = Share(outside_first, windows.size());
  stats.targets_outside_previous = Share(outside_previous, windows.size());
  stats.context_events_unknown = Share(unknown_events, context_events);
}

std::vector<std::int64_t> WindowsByUser(const PreparedData& data, const WindowSet& windows) {
  std::vector<std::int64_t> counts(data.num_users());
  for (const Window& window : windows.windows) ++counts[Index(window.user)];
  return counts;
}

void CountReturning(const PreparedData& data, const WindowSet& first, const WindowSet& last,
                    DataStats& stats) {
  const std::vector<std::int64_t> before = WindowsByUser(data, first);
  const std::vector<std::int64_t> now = WindowsByUser(data, last);
  for (std::size_t user = 0; user < now.size(); ++user) {
    if (now[user] == 0) continue;
    ++stats.users;
    if (before[user] == 0) continue;
    ++stats.returning_users;
    stats.returning_windows += now[user];
  }
}

std::string SliceName(std::size_t slice, std::size_t count) {
  static constexpr const char* kNames[] = {"S", "F", "T"};
  return count == 3 ? kNames[slice] : std::to_string(slice);
}

nlohmann::ordered_json NamedCounts(const std::vector<SliceCounts>& counts) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    json[SliceName(i, counts.size())] = {
        {"users", counts[i].users}, {"items", counts[i].items}, {"events", counts[i].events}};
  }
  return json;
}

template <class... Values>
std::string Line(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  return std::string(text) + "\n";
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
  WindowSet first;
  WindowSet last;
  for (int slice = 0; slice < data.num_slices(); ++slice) {
    stats.catalogue.push_back(data.catalogue_size(slice));
    last = MakeWindows(data, slice, options);
    stats.windows.push_back(last.size());
    if (slice == 0) first = last;
  }
  const SetupWindows setup = MakeSetupWindows(data, 0, options);
  stats.held_out = setup.held_out.size();
  stats.validation = setup.validation.size();
  stats.setup_training = setup.training.size();
  CountTargets(data, last, stats);
  CountReturning(data, first, last, stats);
  return stats;
}

nlohmann::ordered_json ToJson(const DataStats& stats) {
  const std::size_t slices = stats.after.size();
  nlohmann::ordered_json json;
  json["before"] = NamedCounts(stats.before);
  json["after"] = NamedCounts(stats.after);
  json["cuts"] = nlohmann::json::array();
  for (const Timestamp cut : stats.cuts) json["cuts"].push_back(Seconds(cut));
  for (std::size_t i = 0; i < slices; ++i) {
    json["windows"][SliceName(i, slices)] = stats.windows[i];
  }
  json["windows"]["held_out"] = stats.held_out;
  json["windows"]["validation"] = stats.validation;
  json["windows"]["S_training"] = stats.setup_training;
  if (slices == 3) {
    json["catalogue"] = {{"S", stats.catalogue[0]}, {"SF", stats.catalogue[1]}};
  } else {
    for (std::size_t i = 0; i < slices; ++i) {
      json["catalogue"][std::to_string(i)] = stats.catalogue[i];
    }
  }
  json["T_targets_outside"] = {{slices == 3 ? "S" : "first", stats.targets_outside_first},
                               {slices == 3 ? "SF" : "previous", stats.targets_outside_previous}};
  json["returning"] = {{"users", stats.returning_users}, {"windows", stats.returning_windows}};
  return json;
}

std::string FormatStats(const DataStats& stats) {
  const std::size_t slices = stats.after.size();
  std::string text =
      Line("%-6s %27s   %27s   %9s  %9s  %s", "", "before k-core: users/items/events",
           "after: users/items/events", "windows", "catalogue", "from (UTC s)");
  for (std::size_t i = 0; i < slices; ++i) {
    const SliceCounts& b = stats.before[i];
    const SliceCounts& a = stats.after[i];
    text += Line(
        "%-6s %9" PRId64 " %9" PRId64 " %13" PRId64 "   %9" PRId64 " %9" PRId64 " %7" PRId64
        "   %9" PRId64 "  %9" PRId64 "  %s",
        SliceName(i, slices).c_str(), b.users, b.items, b.events, a.users, a.items, a.events,
        stats.windows[i], stats.catalogue[i],
        i == 0 || i > stats.cuts.size() ? "-" : std::to_string(Seconds(stats.cuts[i - 1])).c_str());
  }
  const std::string first = SliceName(0, slices);
  const std::string last = SliceName(slices - 1, slices);
  text += Line("%s windows: training %" PRId64 ", validation %" PRId64 ", held-out %" PRId64,
               first.c_str(), stats.setup_training, stats.validation, stats.held_out);
  text += Line("%s targets outside the catalogue: of %s %.2f %%, of all slices before %s %.2f %%",
               last.c_str(), first.c_str(), 100 * stats.targets_outside_first, last.c_str(),
               100 * stats.targets_outside_previous);
  text += Line("%s context events outside it: %.2f %%; contexts left empty: %" PRId64, last.c_str(),
               100 * stats.context_events_unknown, stats.empty_contexts);
  text += Line("returning: %" PRId64 " of %" PRId64
               " users with %s windows have %s windows too (%" PRId64 " windows)",
               stats.returning_users, stats.users, last.c_str(), first.c_str(),
               stats.returning_windows);
  return text;
}

}  // namespace raie
