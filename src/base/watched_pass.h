// How is a long pass over many windows run so that it tells how far it is and can be stopped?
//
// Concept: in pieces that take about a second each, whatever a window costs: between two of them
//          the observer is told, with the rate and the time left, and the flag is asked. Who is not
//          watched runs in large pieces. What a window gives must not depend on its piece.
// Errors:  kCancelled between two pieces if the flag is set.
// Threads: called from one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/task_pool.h"
#include "raie/progress.h"

namespace raie {

struct PassWatch {
  std::string phase;  // "regions"
  ProgressObserver observer = nullptr;
  const CancelFlag* cancel = nullptr;

  bool is_watched() const { return observer != nullptr || cancel != nullptr; }
};

// Where a pass runs, and who watches it: nobody, unless he is named.
struct PassRun {
  PassRun(TaskPool& on, PassWatch watched = {}) : pool(on), watch(std::move(watched)) {}
  // The same for one of several passes.
  PassRun Named(std::string phase) const {
    return {pool, {std::move(phase), watch.observer, watch.cancel}};
  }

  TaskPool& pool;
  PassWatch watch;
};

// Calls body(begin, end) for pieces of 0 .. total - 1, in order, none larger than `most`.
void ForEachPiece(const PassWatch& watch, std::int64_t total, std::int64_t most,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace raie
