// How does a prepared data set grow by the next slice?
//
// Concept: new events, all later than the last slice, become one more slice. They go through the
//          rating filter and the repeats rule the data set was prepared with; there is no k-core
//          (METHOD section 2, `stream`: later slices lose no user and no event). New users and
//          items get the next dense ids, so all earlier ids, catalogues and lineage digests stay.
// Source:  METHOD section 2.
// Errors:  kCorruptData: events at or before the end of the last slice (their number and the
//          first); nothing left. kInvalidArgument: a cut that does not separate; leave-last-out
//          data. The data set on disk is then as it was.
// Threads: same bytes for any number.
// Cost:    one pass over old and new events: the columns are written anew.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/options.h"
#include "base/task_pool.h"
#include "data/interaction_log.h"
#include "data/prepare.h"

namespace raie {

enum class EarlierEvents { kRefuse, kDrop };
inline std::span<const char* const> EnumNames(EarlierEvents) {
  static constexpr const char* kNames[] = {"refuse", "drop"};
  return kNames;
}

struct AppendOptions {
  std::int64_t cut = -1;
  EarlierEvents earlier = EarlierEvents::kRefuse;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.cut, Field{.name = "cut",
                          .help = "where the new slice begins; -1: at its first event",
                          .unit = "UTC seconds"});
    visit(self.earlier,
          Field{.name = "earlier",
                .help = "events at or before the end of the last slice: refuse all, or drop and "
                        "count them"});
  }
};

struct AppendReport {
  std::int64_t events_read = 0;
  std::int64_t dropped_by_rating = 0;
  std::int64_t dropped_as_earlier = 0;
  std::int64_t dropped_as_repeats = 0;  // within the log, or of a pair the data set has
  SliceCounts counts;                   // of the new slice
  std::int64_t new_users = 0;
  std::int64_t new_items = 0;
  Timestamp cut{0};
  int slice = 0;  // its number
};

// Appends `log` as the next slice of the data set in `folder`, all or nothing.
AppendReport AppendData(const std::filesystem::path& folder, const InteractionLog& log,
                        const AppendOptions& options, TaskPool& pool,
                        const nlohmann::json& read_report = nlohmann::json::object());

nlohmann::json ToJson(const AppendReport& report);

}  // namespace raie
