// Who runs the tiles of a computation, and how is the result the same for any number of threads?
//
// Concept: work is cut into tasks whose shape never depends on the number of threads; a task writes
//          only its own result; results are combined by the caller in task order.
// Errors:  the first exception of a task is rethrown to the caller once all tasks have ended.
// Threads: ForEach may be called from one thread at a time per pool; calls from inside a task, of
//          this pool or another, run in that task.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace raie {

class TaskPool {
 public:
  // `threads` >= 1; the caller is one of them.
  explicit TaskPool(int threads);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  int threads() const { return threads_; }

  // Runs body(task, worker) for task = 0 .. count - 1 and waits. `worker` < threads(); no two
  // running tasks share it, so it may index scratch memory (never results).
  void ForEach(std::int64_t count, const std::function<void(std::int64_t task, int worker)>& body);

 private:
  class Backend;
  int threads_;
  std::unique_ptr<Backend> backend_;
};

// Returns the number of processors this process may use.
int AvailableThreads();

}  // namespace raie
