#include "data/audit.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "data/prepare.h"
#include "data/stats.h"
#include "data/windows.h"

namespace raie {
namespace {

constexpr const char* kVerdictNames[] = {"ok", "note", "leak"};

class Audit {
 public:
  explicit Audit(const PreparedData& data)
      : data_(data),
        options_(OptionsOf(data)),
        window_options_(WindowOptionsOf(data)),
        stats_(ComputeStats(data)) {}

  std::vector<AuditFinding> Run() {
    CheckSplit();
    CheckVocabulary();
    CheckKCore();
    CheckWindows();
    CheckStatistics();
    CheckHeldOut();
    CheckDuplicates();
    CheckSameTime();
    return std::move(findings_);
  }

 private:
  void Find(const char* check, AuditVerdict verdict, std::int64_t count, std::string message) {
    findings_.push_back({check, verdict, count, std::move(message)});
  }

  // A leak if `count` is not 0; returns whether it was.
  bool LeakIf(const char* check, std::int64_t count, const std::string& message) {
    if (count > 0) Find(check, AuditVerdict::kLeak, count, message);
    return count > 0;
  }

  // Runs body(user, slice, row) for every event.
  template <class Body>
  void ForEachEvent(const Body& body) const {
    for (std::int32_t user = 0; user < data_.num_users(); ++user) {
      for (int slice = 0; slice < data_.num_slices(); ++slice) {
        const EventRange range = data_.SliceEvents(UserId{user}, slice);
        for (std::int64_t row = range.begin; row < range.end; ++row) body(user, slice, row);
      }
    }
  }

  std::int32_t ItemAt(std::int64_t row) const { return Index(data_.items()[row]); }

  void CheckSplit() {
    if (data_.contexts_cross_slices()) {
      Timestamp first_test{std::numeric_limits<std::int64_t>::max()};
      ForEachEvent([&](std::int32_t, int slice, std::int64_t row) {
        if (slice == data_.num_slices() - 1) first_test = std::min(first_test, data_.times()[row]);
      });
      std::int64_t later = 0;
      ForEachEvent([&](std::int32_t, int slice, std::int64_t row) {
        later += slice == 0 && data_.times()[row] >= first_test;
      });
      if (!LeakIf("split", later,
                  "slices are cut by position, not in time: so many training events are as late as "
                  "the first test event or later (leave-last-out: for the sanity of backbones)")) {
        Find("split", AuditVerdict::kNote, 0, "slices are cut by position, not in time");
      }
      return;
    }
    const std::vector<Timestamp> cuts = data_.cuts();
    std::int64_t outside = 0;
    ForEachEvent([&](std::int32_t, int slice, std::int64_t row) {
      const Timestamp time = data_.times()[row];
      outside += (slice > 0 && time < cuts[slice - 1]) ||
                 (slice < std::ssize(cuts) && time >= cuts[slice]);
    });
    if (LeakIf("split", outside, "events lie outside the time of their slice") |
        LeakIf("split", !std::ranges::is_sorted(cuts), "the cuts are not in order")) {
      return;
    }
    Find("split", AuditVerdict::kOk, 0,
         "every event lies in the half-open time of its slice" +
             std::string(options_.cuts.empty()
                             ? " (cut at shares of all kept events: of T only their number counts)"
                             : ""));
  }

  void CheckVocabulary() {
    std::vector<int> first_item(data_.num_items(), data_.num_slices());
    std::vector<int> first_user(data_.num_users(), data_.num_slices());
    ForEachEvent([&](std::int32_t user, int slice, std::int64_t row) {
      first_item[ItemAt(row)] = std::min(first_item[ItemAt(row)], slice);
      first_user[user] = std::min(first_user[user], slice);
    });
    std::int64_t early_items = 0;  // in a catalogue before their first event
    std::int64_t late_items = 0;
    for (int slice = 0; slice < data_.num_slices(); ++slice) {
      for (std::int64_t item = 0; item < data_.num_items(); ++item) {
        const bool known = item < data_.catalogue_size(slice);
        early_items += known && first_item[item] > slice;
        late_items += !known && first_item[item] <= slice;
      }
    }
    std::int64_t users = 0;
    for (int slice = 0; slice < data_.num_slices(); ++slice) {
      for (std::int64_t user = 0; user < data_.num_users(); ++user) {
        users += (user < data_.user_count(slice)) != (first_user[user] <= slice);
      }
    }
    bool leaks = LeakIf("vocabulary", early_items,
                        "items are in the catalogue of a slice before their first event");
    leaks |= LeakIf("vocabulary", late_items, "items of a slice are missing in its catalogue");
    leaks |= LeakIf("vocabulary", users, "users are not numbered by the first slice they are in");
    if (options_.protocol == Protocol::kPaper) {
      const int test = data_.num_slices() - 1;
      leaks = true;
      Find("vocabulary", AuditVerdict::kLeak,
           data_.catalogue_size(test) - data_.catalogue_size(test - 1),
           "protocol paper ranks T over the items of S, F and T: so many are known from T only");
    }
    if (options_.protocol == Protocol::kAsReleased) {
      leaks = true;
      Find(
          "vocabulary", AuditVerdict::kLeak, data_.num_items() - data_.catalogue_size(0),
          "protocol as-released fits and ranks over the items of S, F and T from the beginning: so "
          "many occur after S only");
    }
    if (!leaks) {
      Find("vocabulary", AuditVerdict::kOk, 0,
           "the catalogue after each slice holds the items of the slices up to it, no others");
    }
  }

  // Users and items of slices 0..last with fewer than k events there.
  std::int64_t BelowCore(int last) const {
    std::vector<std::int64_t> of_item(data_.num_items());
    std::vector<std::int64_t> of_user(data_.num_users());
    ForEachEvent([&](std::int32_t user, int slice, std::int64_t row) {
      if (slice > last) return;
      ++of_item[ItemAt(row)];
      ++of_user[user];
    });
    const auto below = [&](std::int64_t count) { return count > 0 && count < options_.k_core; };
    return std::ranges::count_if(of_item, below) + std::ranges::count_if(of_user, below);
  }

  // Events of slices after `last` that the k-core dropped.
  std::int64_t LostAfter(int last) const {
    std::int64_t lost = 0;
    for (std::size_t slice = last + 1; slice < stats_.after.size(); ++slice) {
      lost += stats_.before[slice].events - stats_.after[slice].events;
    }
    return lost;
  }

  std::int64_t DroppedEvents() const {
    std::int64_t dropped = 0;
    for (std::size_t slice = 0; slice < stats_.after.size(); ++slice) {
      dropped += stats_.before[slice].events - stats_.after[slice].events;
    }
    return dropped;
  }

  void CheckKCore() {
    if (options_.k_core <= 1) {
      Find("k_core", AuditVerdict::kOk, 0, "no k-core was taken");
      if (options_.protocol == Protocol::kAsReleased) {
        Find(
            "k_core", AuditVerdict::kNote, DroppedEvents(),
            "protocol as-released keeps of F and T only users with more than " +
                std::to_string(options_.context) +
                " events in the slice, and of S the items that some window has: so many events are "
                "gone");
      }
      return;
    }
    const int last = options_.protocol == Protocol::kStream ? 0 : 1;  // slices it may look at
    const std::string where = last == 0 ? "slice 0" : "S and F";
    bool leaks = false;
    if (options_.protocol == Protocol::kPaper) {
      leaks = true;
      Find("k_core", AuditVerdict::kLeak, BelowCore(last),
           "the k-core was taken over all events, T included: so many users and items have fewer "
           "than " +
               std::to_string(options_.k_core) + " events in " + where);
    } else {
      leaks = LeakIf("k_core", BelowCore(last),
                     "users and items have fewer than " + std::to_string(options_.k_core) +
                         " events in " + where + ": they stayed because of later ones");
    }
    leaks |= LeakIf("k_core", LostAfter(last),
                    "events after " + where +
                        " were dropped by the k-core: what is tested was "
                        "chosen");
    if (leaks) return;
    Find("k_core", AuditVerdict::kOk, 0,
         "taken over " + where + " alone; later slices lost no event");
    if (last == 1) {
      Find(
          "k_core", AuditVerdict::kNote, 0,
          "S was filtered together with F: which users S numbers are about depends on F, not on T");
    }
  }

  template <class Body>
  void ForEachWindow(const Body& body) const {
    for (int slice = 0; slice < data_.num_slices(); ++slice) {
      for (const Window& window : MakeWindows(data_, slice, window_options_).windows) {
        body(slice, window);
      }
    }
  }

  void CheckWindows() {
    std::int64_t crossing = 0;
    std::int64_t later = 0;
    std::int64_t windows = 0;
    ForEachWindow([&](int slice, const Window& window) {
      ++windows;
      const EventRange range = data_.SliceEvents(window.user, slice);
      crossing += window.context_begin < range.begin || window.target >= range.end;
      later += window.context_end > window.target;
    });
    bool leaks =
        LeakIf("windows", crossing,
               "windows reach over the border of their slice (whole histories are context)");
    leaks |= LeakIf("windows", later, "windows hold their target or later events");
    if (!leaks) {
      Find("windows", AuditVerdict::kOk, windows,
           "every window lies in one slice of one user, its context before its target");
    }
  }

  void CheckStatistics() {
    std::vector<Timestamp> first(data_.num_items(),
                                 Timestamp{std::numeric_limits<std::int64_t>::max()});
    ForEachEvent([&](std::int32_t, int, std::int64_t row) {
      first[ItemAt(row)] = std::min(first[ItemAt(row)], data_.times()[row]);
    });
    std::int64_t wrong = 0;
    std::int64_t unordered = 0;
    for (std::int32_t item = 0; item < data_.num_items(); ++item) {
      wrong += data_.FirstTime(ItemId{item}) != first[item];
      const bool follows = item > 0 && !data_.contexts_cross_slices();
      unordered += follows && first[item] < first[item - 1];
    }
    bool leaks = LeakIf("statistics", wrong,
                        "items have a first time that is not that of their first event: catalogues "
                        "within a slice would know too much or too little");
    leaks |= LeakIf("statistics", unordered,
                    "items are not numbered by their first event: the numbers tell of later ones");
    if (!leaks) {
      Find("statistics", AuditVerdict::kOk, 0,
           "first times and numbers of items follow from the events up to then; nothing else is "
           "fitted before training");
    }
  }

  void CheckHeldOut() {
    const SetupWindows setup = MakeSetupWindows(data_, 0, window_options_);
    std::int64_t seen = 0;
    for (const Window& window : setup.training.windows) {
      const auto holds = [&](std::int64_t row) {
        return std::ranges::binary_search(setup.removed_events, row);
      };
      bool touched = holds(window.target);
      const std::int64_t begin =
          std::max(window.context_begin, window.context_end - window_options_.context);
      for (std::int64_t row = begin; row < window.context_end && !touched; ++row) {
        touched = holds(row);
      }
      seen += touched;
    }
    bool leaks = LeakIf("held_out", seen, "training windows of S hold held-out events");
    if (options_.protocol == Protocol::kPaper) {
      leaks = true;
      Find("held_out", AuditVerdict::kLeak, setup.training.size(),
           "protocol paper measures S in-sample, on windows that training saw; read S held-out "
           "instead");
    }
    if (options_.protocol == Protocol::kAsReleased) {
      leaks = true;
      Find(
          "held_out", AuditVerdict::kLeak, setup.training.size(),
          "protocol as-released holds nothing out: S is measured on windows that the regions train "
          "on");
    } else if (setup.held_out.size() == 0) {
      leaks = true;
      Find("held_out", AuditVerdict::kLeak, 0,
           "S has no held-out windows, so S could be measured in-sample only");
    }
    if (!leaks) {
      Find("held_out", AuditVerdict::kOk, setup.held_out.size(),
           "so many windows of S are held out; their events are in no training window");
    }
  }

  void CheckDuplicates() {
    std::int64_t across = 0;  // events whose pair an earlier slice has
    std::int64_t within = 0;
    for (std::int32_t user = 0; user < data_.num_users(); ++user) {
      std::unordered_set<std::int32_t> before;
      std::unordered_set<std::int32_t> here;
      for (int slice = 0; slice < data_.num_slices(); ++slice) {
        const EventRange range = data_.SliceEvents(UserId{user}, slice);
        for (std::int64_t row = range.begin; row < range.end; ++row) {
          across += before.contains(ItemAt(row));
          within += !here.insert(ItemAt(row)).second;
        }
        before.insert(here.begin(), here.end());
        here.clear();
      }
    }
    std::int64_t own = 0;
    ForEachWindow([&](int, const Window& window) {
      for (std::int64_t row = window.context_end; row-- > window.context_begin;) {
        if (data_.times()[row] != data_.times()[window.target]) break;
        if (ItemAt(row) != ItemAt(window.target)) continue;
        ++own;
        break;
      }
    });
    bool leaks = LeakIf("duplicates", own,
                        "windows hold their own target: the same event twice at one time");
    if (options_.repeats == Repeats::kFirst) {
      leaks |= LeakIf("duplicates", across,
                      "events repeat a pair of user and item that an earlier slice has, though "
                      "repeats were to be removed");
      leaks |=
          LeakIf("duplicates", within,
                 "events repeat a pair of user and item of their slice, though repeats were to "
                 "be removed");
      if (!leaks) {
        Find("duplicates", AuditVerdict::kOk, 0, "no pair of user and item occurs twice");
      }
      return;
    }
    if (leaks) return;
    Find("duplicates", across > 0 ? AuditVerdict::kNote : AuditVerdict::kOk, across,
         "repeats are kept: so many events repeat a pair of an earlier slice");
  }

  void CheckSameTime() {
    std::int64_t same = 0;
    std::int64_t windows = 0;
    ForEachWindow([&](int, const Window& window) {
      ++windows;
      same += window.context_end > window.context_begin &&
              data_.times()[window.context_end - 1] >= data_.times()[window.target];
    });
    const bool strict =
        options_.protocol == Protocol::kStrict || options_.protocol == Protocol::kStream;
    if (same == 0) {
      Find("same_time", AuditVerdict::kOk, windows,
           "no context holds an event of its target's time");
    } else {
      Find("same_time", strict ? AuditVerdict::kLeak : AuditVerdict::kNote, same,
           "contexts hold events of their target's own time (one invoice, one page): completing it "
           "is measured, not the next one");
    }
  }

  const PreparedData& data_;
  PrepareOptions options_;
  WindowOptions window_options_;
  DataStats stats_;
  std::vector<AuditFinding> findings_;
};

}  // namespace

std::vector<AuditFinding> AuditData(const PreparedData& data) { return Audit(data).Run(); }

std::int64_t CountLeaks(const std::vector<AuditFinding>& findings) {
  return std::ranges::count(findings, AuditVerdict::kLeak, &AuditFinding::verdict);
}

nlohmann::ordered_json ToJson(const std::vector<AuditFinding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const AuditFinding& finding : findings) {
    list.push_back({{"check", finding.check},
                    {"verdict", kVerdictNames[static_cast<int>(finding.verdict)]},
                    {"count", finding.count},
                    {"message", finding.message}});
  }
  return {{"leaks", CountLeaks(findings)}, {"findings", list}};
}

}  // namespace raie
