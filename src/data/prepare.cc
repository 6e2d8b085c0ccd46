#include "data/prepare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/number_text.h"
#include "base/options_json.h"
#include "base/output_folder.h"
#include "data/event_table.h"
#include "data/k_core.h"
#include "data/prepared_writer.h"
#include "data/slicing.h"
#include "raie/error.h"

namespace raie {
namespace {

// as-released: sequences of S with fewer events are not trained on (the code's min_user_len).
constexpr std::int64_t kShortestSequence = 5;
constexpr std::int64_t kReleasedStride = 5;

std::string SliceName(const PrepareOptions& options, int slice) {
  static constexpr const char* kPhases[] = {"S", "F", "T"};
  static constexpr const char* kParts[] = {"training", "validation", "test"};
  if (options.protocol == Protocol::kLeaveLastOut) return std::string("part ") + kParts[slice];
  if (options.protocol == Protocol::kStream) return "slice " + std::to_string(slice);
  return std::string("slice ") + kPhases[slice];
}

bool Ascending(const auto& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

void CheckShares(const char* name, const std::vector<double>& shares,
                 std::vector<std::string>& problems) {
  for (const double share : shares) {
    if (!(share > 0 && share < 1)) {
      problems.push_back(std::string(name) + " holds " + Shortest(share) +
                         ": a share of the events must lie between 0 and 1");
    }
  }
  if (!Ascending(shares)) problems.push_back(std::string(name) + " must be ascending");
}

class PhaseClock {
 public:
  explicit PhaseClock(PrepareReport& report) : report_(report) {}
  void End(const char* phase) {
    const auto now = std::chrono::steady_clock::now();
    report_.phase_ms.emplace_back(phase,
                                  std::chrono::duration<double, std::milli>(now - start_).count());
    start_ = now;
  }

 private:
  PrepareReport& report_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// One preparation, step by step in the order of METHOD section 2.
class Preparation {
 public:
  Preparation(const InteractionLog& log, PrepareOptions options, TaskPool& pool)
      : log_(log), options_(std::move(options)), pool_(pool), clock_(report_) {}

  PrepareReport Run(const std::filesystem::path& output, const nlohmann::json& read_report) {
    report_.events_read = log_.size();
    FilterAndSort();
    if (options_.protocol == Protocol::kAsReleased) {
      FindCuts();
      DropOutsideWindows();
    } else if (options_.protocol == Protocol::kPaper) {
      FindCuts();
      report_.before = CountSlices(table_, rule_, pool_);
      clock_.End("count before k-core");
      ApplyKCore();
      DropOutsideCore();
      FindCuts();
    } else {
      FindCuts();
      ApplyKCore();
    }
    MakeSlices();
    CheckSlices();
    Write(output, read_report);
    return std::move(report_);
  }

 private:
  void FilterAndSort() {
    if (log_.size() == 0) {
      throw Error(ErrorCode::kCorruptData, "the log has no events: nothing to prepare");
    }
    table_ = GroupByUser(log_, options_.min_rating, pool_);
    const std::int64_t rated = table_.num_events();
    report_.dropped_by_rating = log_.size() - rated;
    clock_.End("group by user");
    if (rated == 0) {
      throw Error(ErrorCode::kCorruptData,
                  "the rating filter (min_rating = " + Shortest(options_.min_rating) +
                      ") drops all " + std::to_string(log_.size()) +
                      " events: lower min_rating, or check the rating column");
    }
    SortRuns(table_, options_.repeats == Repeats::kFirst ? KeepPairs::kFirst : KeepPairs::kAll,
             pool_);
    report_.dropped_as_repeats = rated - table_.num_events();
    clock_.End("sort by time");
  }

  void FindCuts() {
    rule_.leave_last_out = options_.protocol == Protocol::kLeaveLastOut;
    if (rule_.leave_last_out) return;
    rule_.cuts = options_.cuts;
    if (rule_.cuts.empty()) {
      const bool stream = options_.protocol == Protocol::kStream;
      rule_.cuts = TimeQuantiles(table_, stream ? options_.slices : options_.quantiles, pool_);
    }
    for (std::size_t i = 1; i < rule_.cuts.size(); ++i) {
      if (rule_.cuts[i] > rule_.cuts[i - 1]) continue;
      CheckEnoughEvents();
      CheckEventsBetween(i);
      throw Error(ErrorCode::kCorruptData,
                  "cuts " + std::to_string(i) + " and " + std::to_string(i + 1) +
                      " fall on the same time, " + std::to_string(rule_.cuts[i]) + ", so " +
                      SliceName(options_, static_cast<int>(i)) +
                      " is empty: too many events share a time stamp; choose other shares or cuts");
    }
    clock_.End("cuts");
  }

  // Says so if no log of this size could fill the slices, whatever its times are. Called when
  // something has failed already: a reason that is true but not the cause misleads.
  void CheckEnoughEvents() const {
    const std::int64_t window = options_.min_context + 1;
    const std::int64_t slices = rule_.num_slices();
    const std::int64_t needed = rule_.leave_last_out ? window + 2 : window * slices;
    if (table_.num_events() >= needed) return;
    throw Error(ErrorCode::kCorruptData,
                "too few events: " + std::to_string(table_.num_events()) + " (of " +
                    std::to_string(log_.size()) + " in the log), at least " +
                    std::to_string(needed) + " needed: a window takes a target and min_context = " +
                    std::to_string(options_.min_context) + " events before it" +
                    (rule_.leave_last_out ? ", and two more events of its user are held out"
                                          : ", and each of the " + std::to_string(slices) +
                                                " slices must give one") +
                    "; use a larger log, or lower context or min_context");
  }

  // The same for two shares that are too close for so few events; `second` is the later cut.
  void CheckEventsBetween(std::size_t second) const {
    if (!options_.cuts.empty()) return;
    const std::vector<double>& shares =
        options_.protocol == Protocol::kStream ? options_.slices : options_.quantiles;
    const double share = shares[second] - shares[second - 1];
    const auto events = static_cast<double>(table_.num_events());
    if (share * events >= 1) return;
    throw Error(ErrorCode::kCorruptData,
                "too few events: " + std::to_string(table_.num_events()) + " (of " +
                    std::to_string(log_.size()) + " in the log), at least " +
                    std::to_string(static_cast<std::int64_t>(std::ceil(1 / share))) +
                    " needed for one in " + SliceName(options_, static_cast<int>(second)) +
                    ", which is to hold a share of " + Shortest(share) +
                    "; use a larger log, or shares further apart");
  }

  // The rows of each run the k-core looks at: all, S and F, or slice 0.
  std::vector<std::int64_t> CoreEnds() const {
    if (options_.protocol == Protocol::kPaper) return table_.ends;
    const std::int64_t end_time =
        options_.protocol == Protocol::kStream ? rule_.cuts.front() : rule_.cuts.back();
    std::vector<std::int64_t> ends(table_.ends.size());
    for (std::size_t u = 0; u < ends.size(); ++u) {
      const std::int64_t* times = table_.times.data();
      ends[u] =
          std::lower_bound(times + table_.begins[u], times + table_.ends[u], end_time) - times;
    }
    return ends;
  }

  void ApplyKCore() {
    if (options_.k_core <= 1) return;
    core_.ends = CoreEnds();
    const KCoreInput input{table_.begins, core_.ends, table_.items.data(), table_.num_items};
    core_.core = FindKCore(input, options_.k_core, pool_);
    CountLost();
    clock_.End("k-core");
  }

  void CountLost() {
    for (std::int64_t u = 0; u < table_.num_users(); ++u) {
      if (core_.ends[u] > table_.begins[u] && core_.core.users[u] == 0) {
        ++report_.users_lost_in_k_core;
      }
    }
    for (std::int32_t i = 0; i < table_.num_items; ++i) {
      if (core_.core.item_events[i] > 0 && core_.core.items[i] == 0) ++report_.items_lost_in_k_core;
    }
  }

  // Closes the gaps the k-core leaves, so that cuts are taken over what stays (`paper`).
  void DropOutsideCore() {
    if (core_.ends.empty()) return;
    for (std::int64_t u = 0; u < table_.num_users(); ++u) {
      std::int64_t kept = table_.begins[u];
      if (core_.core.users[u] != 0) {
        for (std::int64_t e = table_.begins[u]; e < table_.ends[u]; ++e) {
          if (core_.core.items[table_.items[e]] == 0) continue;
          table_.items[kept] = table_.items[e];
          table_.times[kept++] = table_.times[e];
        }
      }
      table_.ends[u] = kept;
    }
    core_ = CoreRule{};
    table_.time_counts.clear();
    if (table_.num_events() == 0) FailEmptyCore();
  }

  // as-released. A slice of a user gives windows if it has more than `context` events; in F and T
  // the events before the first window (the stride counts from the end) are in none. What is in a
  // window is known; shorter sequences of S are trained on too, as far as their items are known.
  void DropOutsideWindows() {
    report_.before = CountSlices(table_, rule_, pool_);
    std::vector<std::uint8_t> known(table_.num_items);
    ForEachSlice([&](std::int64_t, int slice, std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = FirstWindow(slice, begin, end); row < end; ++row) {
        known[table_.items[row]] = 1;
      }
    });
    std::vector<std::int64_t> kept_ends = table_.begins;
    ForEachSlice([&](std::int64_t user, int slice, std::int64_t begin, std::int64_t end) {
      std::int64_t from = FirstWindow(slice, begin, end);
      const auto is_known = [&](std::int64_t row) { return known[table_.items[row]] != 0; };
      if (from == end && slice == 0) {
        std::int64_t count = 0;
        for (std::int64_t row = begin; row < end; ++row) count += is_known(row);
        if (count >= kShortestSequence) from = begin;
      }
      for (std::int64_t row = from; row < end; ++row) {
        if (!is_known(row)) continue;
        table_.items[kept_ends[user]] = table_.items[row];
        table_.times[kept_ends[user]++] = table_.times[row];
      }
    });
    table_.ends = std::move(kept_ends);
    table_.time_counts.clear();
    clock_.End("windows");
  }

  // body(user, slice, begin, end) for every slice of every run that is not empty, in order.
  template <class Body>
  void ForEachSlice(const Body& body) const {
    std::vector<std::int64_t> borders;
    for (std::int64_t u = 0; u < table_.num_users(); ++u) {
      CutRun(table_, table_.begins[u], table_.ends[u], rule_, borders);
      for (int slice = 0; slice < rule_.num_slices(); ++slice) {
        if (borders[slice] < borders[slice + 1]) body(u, slice, borders[slice], borders[slice + 1]);
      }
    }
  }

  // The first row of a slice's first window, `end` if it has none. S is cut at every event, too.
  std::int64_t FirstWindow(int slice, std::int64_t begin, std::int64_t end) const {
    const std::int64_t spare = end - begin - (options_.context + 1);
    if (spare < 0) return end;
    return slice == 0 ? begin : begin + spare % options_.stride;
  }

  [[noreturn]] void FailEmptyCore() const {
    throw Error(ErrorCode::kCorruptData,
                "the k-core (k_core = " + std::to_string(options_.k_core) +
                    ") leaves no event: lower it (--k-core) or switch it off with --k-core 0");
  }

  void MakeSlices() {
    const SameTime same_time =
        options_.same_time == SameTimeRule::kStrict ? SameTime::kStrict : SameTime::kOrder;
    slicing_ = SliceTable(table_, rule_, core_, same_time, pool_);
    report_.after = slicing_.counts;
    if (report_.before.empty()) report_.before = slicing_.before;
    std::int64_t before = 0;
    std::int64_t after = 0;
    for (const SliceCounts& counts : report_.before) before += counts.events;
    for (const SliceCounts& counts : report_.after) after += counts.events;
    (options_.protocol == Protocol::kAsReleased ? report_.dropped_outside_windows
                                                : report_.dropped_by_k_core) = before - after;
    for (const std::int64_t cut : rule_.cuts) report_.cuts.push_back(Timestamp{cut});
    if (rule_.leave_last_out) {
      report_.short_users = report_.after[0].users - report_.after[2].users;
    }
    clock_.End("slices");
  }

  void CheckSlices() const {
    for (int slice = 0; slice < rule_.num_slices(); ++slice) {
      const std::string name = SliceName(options_, slice);
      if (slicing_.counts[slice].events == 0) {
        CheckLongEnough(name, slice);
        if (slice == 0 && report_.before[0].events > 0) FailEmptyCore();
        CheckEnoughEvents();
        throw Error(ErrorCode::kCorruptData, name + " holds no event (of " +
                                                 std::to_string(report_.before[slice].events) +
                                                 " before the k-core): move the cuts");
      }
      if (slicing_.longest[slice] < options_.min_context) {
        throw Error(ErrorCode::kCorruptData,
                    name + " gives 0 windows: a target needs min_context = " +
                        std::to_string(options_.min_context) +
                        " eligible earlier events of its user there, the best has " +
                        std::to_string(slicing_.longest[slice]) + " (" +
                        std::to_string(slicing_.counts[slice].events) + " events of " +
                        std::to_string(slicing_.counts[slice].users) +
                        " users): lower context or min_context, or move the cuts");
      }
    }
  }

  // as-released drops what gives no window, so an empty slice may have held events.
  void CheckLongEnough(const std::string& name, int slice) const {
    if (options_.protocol != Protocol::kAsReleased || report_.before[slice].events == 0) return;
    throw Error(ErrorCode::kCorruptData,
                name + " gives 0 windows: none of its " +
                    std::to_string(report_.before[slice].users) +
                    " users has more than context = " + std::to_string(options_.context) +
                    " events there, and as-released drops the others: lower context, or move the "
                    "cuts");
  }

  StringTable Pick(const StringTable& table, const std::vector<std::int32_t>& rows) const {
    StringTable result;
    if (table.size() == 0) return result;
    for (const std::int32_t row : rows) result.Add(table[row]);
    return result;
  }

  void Write(const std::filesystem::path& output, const nlohmann::json& read_report) {
    PreparedContent content;
    content.num_slices = rule_.num_slices();
    content.starts = std::move(slicing_.starts);
    content.users_after = slicing_.users_after;
    content.items_after = slicing_.items_after;
    content.item_times = slicing_.item_times;
    content.user_ids = Pick(log_.user_ids, slicing_.users);
    content.item_ids = Pick(log_.item_ids, slicing_.items);
    content.titles = Pick(log_.titles, slicing_.items);
    content.categories = Pick(log_.categories, slicing_.items);
    content.copy_events = [this](std::int64_t user, std::int32_t* items, std::int64_t* times) {
      CopyEvents(slicing_.users[user], items, times);
    };
    content.manifest = {{"protocol", EnumNames(Protocol{})[static_cast<int>(options_.protocol)]},
                        {"contexts_cross_slices", rule_.leave_last_out},
                        {"options", OptionsToJson(options_)},
                        {"has_ratings", !log_.ratings.empty()},
                        {"cuts", rule_.cuts},
                        {"report", ToJson(report_)},
                        {"read", read_report},
                        {"appended", nlohmann::json::array()}};
    AtomicDirectory folder(output);
    WritePrepared(content, folder.path(), pool_);
    clock_.End("write");
    folder.Commit();
    clock_.End("commit");
  }

  void CopyEvents(std::int32_t user, std::int32_t* items, std::int64_t* times) const {
    const std::int64_t core_end = core_.ends.empty() ? table_.begins[user] : core_.ends[user];
    if (!core_.ends.empty() && core_.core.users[user] != 0) {
      for (std::int64_t row = table_.begins[user]; row < core_end; ++row) {
        if (core_.core.items[table_.items[row]] == 0) continue;
        *items++ = slicing_.item_numbers[table_.items[row]];
        *times++ = table_.times[row];
      }
    }
    for (std::int64_t row = core_end; row < table_.ends[user]; ++row) {
      *items++ = slicing_.item_numbers[table_.items[row]];
      *times++ = table_.times[row];
    }
  }

  const InteractionLog& log_;
  const PrepareOptions options_;
  TaskPool& pool_;
  PrepareReport report_;
  PhaseClock clock_;
  EventTable table_;
  SliceRule rule_;
  CoreRule core_;
  Slicing slicing_;
};

}  // namespace

void PrepareOptions::Validate() const {
  std::vector<std::string> problems;
  const bool three = protocol == Protocol::kStrict || protocol == Protocol::kPaper ||
                     protocol == Protocol::kAsReleased;
  CheckShares("quantiles", quantiles, problems);
  CheckShares("slices", slices, problems);
  if (!Ascending(cuts)) problems.push_back("cuts must be ascending");
  const PrepareOptions defaults;
  if (protocol != Protocol::kStream && slices != defaults.slices) {
    problems.push_back(
        "slices are the cuts of protocol stream and would be ignored: give --protocol stream, or "
        "quantiles for S, F and T");
  }
  if (!three && quantiles != defaults.quantiles) {
    problems.push_back(
        "quantiles cut S, F and T and would be ignored: give slices (protocol stream), or leave "
        "them out (leave-last-out)");
  }
  if (three && quantiles.size() != 2) {
    problems.push_back("quantiles holds " + std::to_string(quantiles.size()) +
                       " shares; S, F and T need 2");
  }
  if (three && !cuts.empty() && cuts.size() != 2) {
    problems.push_back("cuts holds " + std::to_string(cuts.size()) + " times; S, F and T need 2");
  }
  if (protocol == Protocol::kStream && slices.empty() && cuts.empty()) {
    problems.push_back("protocol stream needs at least one share in slices, or cuts");
  }
  if (protocol == Protocol::kLeaveLastOut && !cuts.empty()) {
    problems.push_back("protocol leave-last-out has no cuts");
  }
  if (protocol == Protocol::kLeaveLastOut && k_core > 0) {
    problems.push_back("protocol leave-last-out has no k-core: leave k_core out");
  }
  if (protocol == Protocol::kAsReleased) {
    if (k_core > 0) {
      problems.push_back(
          "protocol as-released has no k-core (the published loader has none): leave "
          "k_core out");
    }
    if (repeats == Repeats::kFirst) {
      problems.push_back("protocol as-released keeps repeats: leave repeats out");
    }
    if (same_time == SameTimeRule::kStrict) {
      problems.push_back(
          "protocol as-released takes events in the file's order: leave same_time "
          "out");
    }
    if (min_context >= 0 && min_context != context) {
      problems.push_back("protocol as-released has full contexts only: leave min_context out");
    }
    const std::int64_t step = stride < 0 ? kReleasedStride : stride;
    if (step > context + 1) {
      problems.push_back("protocol as-released with context = " + std::to_string(context) +
                         " and stride = " + std::to_string(step) +
                         " leaves events between the windows, whose items it would not know: "
                         "context must be at least stride - 1");
    }
  }
  if (stride == 0)
    problems.push_back("stride is 0; it must be at least 1, or -1 for the protocol's");
  if (!std::isfinite(min_rating)) problems.push_back("min_rating is not a finite number");
  if (min_context > context) {
    problems.push_back("min_context = " + std::to_string(min_context) +
                       " is more than the context of " + std::to_string(context));
  }
  CheckRanges(FieldsOf(const_cast<PrepareOptions&>(*this)), "prepare options", problems);
}

PrepareOptions PrepareOptions::Resolve(bool log_has_ratings) const {
  PrepareOptions result = *this;
  const bool strict = protocol == Protocol::kStrict || protocol == Protocol::kStream;
  const bool released = protocol == Protocol::kAsReleased;
  if (repeats == Repeats::kByData) {
    result.repeats = log_has_ratings && !released ? Repeats::kFirst : Repeats::kKeep;
  }
  if (k_core < 0) result.k_core = released || protocol == Protocol::kLeaveLastOut ? 0 : 5;
  if (stride < 0) result.stride = released ? kReleasedStride : 1;
  if (min_context < 0) result.min_context = context;
  if (same_time == SameTimeRule::kByProtocol) {
    result.same_time = strict ? SameTimeRule::kStrict : SameTimeRule::kOrder;
  }
  return result;
}

void CheckMayPrepare(const std::filesystem::path& output) {
  CheckMayReplace(output, kManifestFile);
  if (!std::filesystem::exists(output / kManifestFile)) return;
  const auto manifest = nlohmann::json::parse(ReadFile(output / kManifestFile));
  const std::size_t appended = manifest.contains("appended") ? manifest.at("appended").size() : 0;
  if (appended == 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              output.string() + " holds " + std::to_string(appended) +
                  " appended slices, which would be lost, and with them what models have learnt "
                  "from; give another --output, or remove the folder first");
}

PrepareReport PrepareData(const InteractionLog& log, const PrepareOptions& options,
                          const std::filesystem::path& output, TaskPool& pool,
                          const nlohmann::json& read_report) {
  options.Validate();
  return Preparation(log, options.Resolve(!log.ratings.empty()), pool).Run(output, read_report);
}

PrepareOptions OptionsOf(const PreparedData& data) {
  PrepareOptions options;
  SetFromJson(FieldsOf(options), data.manifest().at("options"), "manifest.json");
  return options;
}

WindowOptions WindowOptionsOf(const PreparedData& data) {
  const PrepareOptions options = OptionsOf(data);
  return {
      .context = options.context,
      .stride = options.stride,
      .min_context = options.min_context,
      .same_time =
          options.same_time == SameTimeRule::kStrict ? SameTime::kStrict : SameTime::kOrder,
      .held_out = options.protocol == Protocol::kAsReleased ? HeldOut::kNone : HeldOut::kLastTwo};
}

WindowOptions MemoryWindowOptionsOf(const PreparedData& data) {
  WindowOptions options = WindowOptionsOf(data);
  if (OptionsOf(data).protocol == Protocol::kAsReleased) options.stride = 1;
  return options;
}

std::int64_t FittedCatalogue(const PreparedData& data) {
  const bool all =
      data.contexts_cross_slices() || OptionsOf(data).protocol == Protocol::kAsReleased;
  return all ? data.num_items() : data.catalogue_size(0);
}

std::int64_t RankedCatalogue(const PreparedData& data, int slice) {
  const Protocol protocol = OptionsOf(data).protocol;
  if (protocol == Protocol::kAsReleased) return data.num_items();
  const bool future = protocol == Protocol::kPaper;
  return data.catalogue_size(future ? std::min(slice + 1, data.num_slices() - 1) : slice);
}

std::int64_t LossCatalogue(const PreparedData& data, int slice) {
  if (OptionsOf(data).protocol == Protocol::kAsReleased) return data.num_items();
  return data.catalogue_size(slice);
}

bool MasksContext(const PreparedData& data) {
  const PrepareOptions options = OptionsOf(data);
  return options.repeats == Repeats::kFirst || options.protocol == Protocol::kAsReleased;
}

nlohmann::json ToJson(const SliceCounts& counts) {
  return {{"users", counts.users}, {"items", counts.items}, {"events", counts.events}};
}

nlohmann::json ToJson(const PrepareReport& report) {
  nlohmann::json json = {{"events_read", report.events_read},
                         {"dropped_by_rating", report.dropped_by_rating},
                         {"dropped_as_repeats", report.dropped_as_repeats},
                         {"dropped_by_k_core", report.dropped_by_k_core},
                         {"dropped_outside_windows", report.dropped_outside_windows},
                         {"users_lost_in_k_core", report.users_lost_in_k_core},
                         {"items_lost_in_k_core", report.items_lost_in_k_core},
                         {"short_users", report.short_users}};
  for (const SliceCounts& counts : report.before) json["before"].push_back(ToJson(counts));
  for (const SliceCounts& counts : report.after) json["after"].push_back(ToJson(counts));
  return json;
}

}  // namespace raie
