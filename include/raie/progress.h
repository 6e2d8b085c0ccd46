// How does a long computation tell how far it is, and how is it asked to stop?
//
// Concept: the library never prints. It calls an observer at most a few times a second, and polls
//          a flag that a signal handler may set.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace raie {

struct Progress {
  std::string phase;        // "fit", "edit: train region 3", ...
  std::int64_t done = 0;    // in `unit`
  std::int64_t total = 0;   // 0: unknown
  std::string unit;         // "windows", "events", ...
  double per_second = 0;    // recent rate in units a second
  double seconds_left = 0;  // estimate; 0: unknown
  std::string detail;       // "epoch 3/200, loss 6.12, validation NDCG@10 .141"
};

using ProgressObserver = std::function<void(const Progress&)>;

// Told, in a sentence, what a person should know of a run. It may be told the same twice.
using NoteObserver = std::function<void(const std::string&)>;

// May be set from a signal handler; work stops at the next safe point.
class CancelFlag {
 public:
  void Set() { set_.store(true, std::memory_order_relaxed); }
  bool IsSet() const { return set_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> set_{false};
};

}  // namespace raie
