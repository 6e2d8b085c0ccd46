#include "base/task_pool.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>

#include "raie/error.h"

#ifdef RAIE_STD_THREADS
#include <condition_variable>
#include <thread>
#include <vector>
#else
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#endif

namespace raie {
namespace {

// Debian's oneDNN is an OpenMP build: every thread that calls it must say it wants no team.
void KeepOpenMpSerial() {
  thread_local const bool done = [] {
    omp_set_num_threads(1);
    return true;
  }();
  (void)done;
}

// The tasks this thread is inside of, innermost first.
struct Frame {
  const TaskPool* pool;
  int worker;
  const Frame* outer;
};
thread_local const Frame* current_frame = nullptr;

// Returns the worker as which this thread already runs a task of `pool`, or -1.
int WorkerIn(const TaskPool* pool) {
  for (const Frame* frame = current_frame; frame != nullptr; frame = frame->outer) {
    if (frame->pool == pool) return frame->worker;
  }
  return -1;
}

// Runs tasks, keeping the first exception instead of letting it cross the scheduler.
class Run {
 public:
  Run(const TaskPool* pool, const std::function<void(std::int64_t, int)>& body)
      : pool_(pool), body_(body) {}

  void Task(std::int64_t task, int worker) {
    KeepOpenMpSerial();
    if (failed_.load(std::memory_order_relaxed)) return;
    const Frame frame{pool_, worker, current_frame};
    current_frame = &frame;
    try {
      body_(task, worker);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    current_frame = frame.outer;
  }

  void Rethrow() {
    if (failed_.load()) std::rethrow_exception(error_);
  }

 private:
  const TaskPool* pool_;
  const std::function<void(std::int64_t, int)>& body_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

#ifdef RAIE_STD_THREADS

class TaskPool::Backend {
 public:
  explicit Backend(int threads) {
    for (int worker = 1; worker < threads; ++worker) {
      threads_.emplace_back([this, worker] { Work(worker); });
    }
  }
  ~Backend() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void ForEach(std::int64_t count, Run& run) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      run_ = &run;
      count_ = count;
      next_.store(0);
      busy_ = static_cast<int>(threads_.size());
      ++generation_;
    }
    wake_.notify_all();
    Drain(run, count, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return busy_ == 0; });
    run_ = nullptr;
  }

 private:
  void Drain(Run& run, std::int64_t count, int worker) {
    for (std::int64_t task; (task = next_.fetch_add(1)) < count;) run.Task(task, worker);
  }
  void Work(int worker) {
    std::int64_t seen = 0;
    for (;;) {
      Run* run = nullptr;
      std::int64_t count = 0;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
        if (stop_) return;
        seen = generation_;
        run = run_;
        count = count_;
      }
      Drain(*run, count, worker);
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        --busy_;
      }
      idle_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::atomic<std::int64_t> next_{0};
  std::int64_t count_ = 0;
  std::int64_t generation_ = 0;
  int busy_ = 0;
  Run* run_ = nullptr;
  bool stop_ = false;
};

#else

class TaskPool::Backend {
 public:
  explicit Backend(int threads)
      : control_(
            tbb::global_control::max_allowed_parallelism,
            static_cast<std::size_t>(std::max(threads, tbb::this_task_arena::max_concurrency()))),
        arena_(threads) {}
  void ForEach(std::int64_t count, Run& run) {
    arena_.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::int64_t>(0, count, 1),
          [&](const tbb::blocked_range<std::int64_t>& range) {
            for (std::int64_t task = range.begin(); task < range.end(); ++task) {
              run.Task(task, tbb::this_task_arena::current_thread_index());
            }
          },
          tbb::simple_partitioner());
    });
  }

 private:
  tbb::global_control control_;  // more threads than processors are allowed: the tests ask for 5
  tbb::task_arena arena_;
};

#endif

TaskPool::TaskPool(int threads) : threads_(threads) {
  if (threads < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "threads = " + std::to_string(threads) + ": at least 1 is needed");
  }
  if (threads > 1) backend_ = std::make_unique<Backend>(threads);
}

TaskPool::~TaskPool() = default;

void TaskPool::ForEach(std::int64_t count, const std::function<void(std::int64_t, int)>& body) {
  if (count <= 0) return;
  Run run(this, body);
  if (!backend_ || current_frame != nullptr || count == 1) {
    // Inside a task of this pool the worker stays the same; another pool's number means nothing
    // here.
    const int worker = std::max(0, WorkerIn(this));
    for (std::int64_t task = 0; task < count; ++task) run.Task(task, worker);
  } else {
    backend_->ForEach(count, run);
  }
  run.Rethrow();
}

int AvailableThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace raie
