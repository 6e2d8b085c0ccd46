// How does an interaction log become a prepared data set?
//
// Concept: the fixed order of METHOD section 2: rating -> repeats -> cuts -> k-core -> windows
//          (`paper`: k-core before the cuts). Everything dropped is counted. The result is written
//          as one folder (docs/formats.md) that appears whole or not at all.
// Source:  METHOD section 2. quantile_p = sorted[min(floor(p n), n - 1)]. In `strict` the k-core is
//          iterated over the events of S and F together and T loses nothing; in `stream` it is
//          taken on slice 0 alone; in `paper` over all events.
//          `leave-last-out` has no cuts: slice 0 = training events, slice 1 = each user's last
//          event but one (validation), slice 2 = the last one (test); users with fewer than 3
//          events are training only. There the contexts of slices 1 and 2 are the user's whole
//          history and so cross the slice border, on purpose.
//          `as-released` keeps what the published loader keeps (docs/decisions/010): the events of
//          its windows, and of S the shorter sequences too, as far as some window has their items.
// Units:   times in UTC seconds.
// Errors:  kInvalidArgument: options out of range. kCorruptData: nothing left (names the filter
//          that emptied it), a slice without events or windows. Nothing is written then.
// Threads: work runs on the pool; the files are the same for any number of threads.
// Cost:    O(E) beside the sort of each user's events; about 16 bytes an event over the log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"
#include "data/interaction_log.h"
#include "data/prepared_data.h"
#include "data/windows.h"

namespace raie {

enum class Protocol { kStrict, kPaper, kAsReleased, kStream, kLeaveLastOut };
inline std::span<const char* const> EnumNames(Protocol) {
  static constexpr const char* kNames[] = {"strict", "paper", "as-released", "stream",
                                           "leave-last-out"};
  return kNames;
}

enum class Repeats { kByData, kKeep, kFirst };
inline std::span<const char* const> EnumNames(Repeats) {
  static constexpr const char* kNames[] = {"by-data", "keep", "first"};
  return kNames;
}

enum class SameTimeRule { kByProtocol, kStrict, kOrder };
inline std::span<const char* const> EnumNames(SameTimeRule) {
  static constexpr const char* kNames[] = {"by-protocol", "strict", "order"};
  return kNames;
}

struct PrepareOptions {
  Protocol protocol = Protocol::kStrict;
  double min_rating = 4;
  Repeats repeats = Repeats::kByData;
  std::int64_t k_core = -1;
  std::vector<double> quantiles = {0.5, 0.8};
  std::vector<std::int64_t> cuts;
  std::vector<double> slices = {0.5, 0.6, 0.7, 0.8, 0.9};
  std::int64_t context = 10;
  std::int64_t stride = -1;
  std::int64_t min_context = -1;
  SameTimeRule same_time = SameTimeRule::kByProtocol;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.protocol, Field{.name = "protocol",
                               .help = "strict | paper | as-released | stream | leave-last-out"});
    visit(self.min_rating,
          Field{.name = "min_rating",
                .help = "events rated lower are dropped; ignored where the log has no ratings",
                .paper = "4"});
    visit(self.repeats,
          Field{.name = "repeats",
                .help = "keep all events of a user-item pair or the first; by-data: first for "
                        "rated data, else keep (as-released: keep)"});
    visit(self.k_core, Field{.name = "k_core",
                             .help = "least events of every user and item; 0: off; -1: 5, and 0 "
                                     "for as-released and leave-last-out",
                             .unit = "events",
                             .minimum = -1,
                             .maximum = 1e6,
                             .paper = "5 (Yelp 10)"});
    visit(self.quantiles,
          Field{.name = "quantiles",
                .help = "cuts t1, t2 between S, F and T, as shares of the events (strict, paper, "
                        "as-released)",
                .paper = "0.5,0.8"});
    visit(self.cuts, Field{.name = "cuts",
                           .help = "explicit cut times instead of shares; two for S, F and T",
                           .unit = "UTC seconds"});
    visit(self.slices, Field{.name = "slices",
                             .help = "cuts between the slices of protocol stream, as shares of the "
                                     "events"});
    visit(self.context, Field{.name = "context",
                              .help = "L, the longest context of a window",
                              .unit = "events",
                              .minimum = 1,
                              .maximum = 100000,
                              .paper = "50 (ML-10M), 10 (Yelp)"});
    visit(self.stride, Field{.name = "stride",
                             .help = "a user's last event of a slice is a target, then every "
                                     "stride-th backwards; -1: 1, and 5 for as-released",
                             .unit = "events",
                             .minimum = -1,
                             .maximum = 100000,
                             .paper = "5 (ML-10M), 1 (Yelp)"});
    visit(self.min_context, Field{.name = "min_context",
                                  .help = "eligible earlier events a target needs; -1: the context "
                                          "(full contexts only; 1 for leave-last-out runs that "
                                          "rank for every user)",
                                  .unit = "events",
                                  .minimum = -1,
                                  .maximum = 100000});
    visit(self.same_time,
          Field{.name = "same_time",
                .help = "strict: only strictly earlier events are context; order: the file's "
                        "order; by-protocol: strict for strict and stream, else order",
                .paper = "order"});
  }

  // Throws one error that lists every problem.
  void Validate() const;

  // Returns these options with every "by ..." and -1 replaced by what it stands for.
  PrepareOptions Resolve(bool log_has_ratings) const;
};

struct SliceCounts {
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::int64_t events = 0;
};

// What was kept and dropped, and where the time went.
struct PrepareReport {
  std::int64_t events_read = 0;
  std::int64_t dropped_by_rating = 0;
  std::int64_t dropped_as_repeats = 0;
  std::int64_t dropped_by_k_core = 0;
  std::int64_t dropped_outside_windows = 0;  // as-released: what the published loader leaves out
  std::int64_t users_lost_in_k_core = 0;  // of the users (items) with events the k-core looked at
  std::int64_t items_lost_in_k_core = 0;
  std::int64_t short_users = 0;     // leave-last-out: fewer than 3 events, training only
  std::vector<SliceCounts> before;  // cut before the k-core (or before what takes its place)
  std::vector<SliceCounts> after;   // as written
  std::vector<Timestamp> cuts;      // those in force; empty for leave-last-out
  std::vector<std::pair<std::string, double>> phase_ms;  // never written to disk
};

// Throws kInvalidArgument if something else lies at this place, or a data set that slices were
// appended to: these would be lost.
void CheckMayPrepare(const std::filesystem::path& output);

// Prepares `log` and writes the folder `output`, replacing one that is there. `read_report` (what
// the reader dropped) is kept in the manifest.
PrepareReport PrepareData(const InteractionLog& log, const PrepareOptions& options,
                          const std::filesystem::path& output, TaskPool& pool,
                          const nlohmann::json& read_report = nlohmann::json::object());

// Returns the resolved options a data set was prepared with.
PrepareOptions OptionsOf(const PreparedData& data);

// Returns the window rules a data set was prepared for.
WindowOptions WindowOptionsOf(const PreparedData& data);

// Returns the rules that cut S into what regions are found on and memory is drawn from: the same,
// but every target for as-released, whose windows of stride 5 are for ranking.
WindowOptions MemoryWindowOptionsOf(const PreparedData& data);

// Returns how many items the model of S knows: C_S, or all where the protocol has one vocabulary.
std::int64_t FittedCatalogue(const PreparedData& data);

// Returns over how many items is ranked after learning from `slice`: C_S and those of the slices up
// to it (paper: and of the next one; as-released: all).
std::int64_t RankedCatalogue(const PreparedData& data, int slice);

// Returns how many items are in a loss on windows of `slice`: those of the slices up to it
// (as-released: all).
std::int64_t LossCatalogue(const PreparedData& data, int slice);

// Whether the items of a context never compete with its target.
bool MasksContext(const PreparedData& data);

nlohmann::json ToJson(const PrepareReport& report);  // without the timings
nlohmann::json ToJson(const SliceCounts& counts);

}  // namespace raie
