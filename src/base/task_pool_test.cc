#include "base/task_pool.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

TEST(TaskPool, RefusesFewerThanOneThread) {
  for (const int threads : {0, -1}) {
    try {
      TaskPool pool(threads);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("at least 1"), std::string::npos);
    }
  }
  EXPECT_GE(AvailableThreads(), 1);
}

TEST(TaskPoolThreads, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(count);
      pool.ForEach(count, [&](std::int64_t task, int) { ++runs[task]; });
      for (const std::atomic<int>& run : runs) EXPECT_EQ(run, 1);
    }
  }
}

TEST(TaskPoolThreads, NoTwoRunningTasksShareAWorker) {
  TaskPool pool(5);
  std::vector<std::atomic<int>> busy(5);
  std::atomic<int> clashes{0};
  pool.ForEach(2000, [&](std::int64_t, int worker) {
    if (worker < 0 || worker >= 5) {
      ++clashes;
      return;
    }
    if (busy[worker].fetch_add(1) != 0) ++clashes;
    busy[worker].fetch_sub(1);
  });
  EXPECT_EQ(clashes, 0);
}

TEST(TaskPoolThreads, SameBytesForAnyNumberOfThreads) {
  const auto sums = [](int threads) {
    TaskPool pool(threads);
    std::vector<double> parts(64);
    pool.ForEach(64, [&](std::int64_t task, int) {
      RandomStream random(1, task);
      for (int i = 0; i < 1000; ++i) parts[task] += random.Normal();
    });
    return std::accumulate(parts.begin(), parts.end(), 0.0);
  };
  const double expected = sums(1);
  EXPECT_EQ(sums(2), expected);
  EXPECT_EQ(sums(5), expected);
}

TEST(TaskPoolThreads, RethrowsAndStaysUsable) {
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      EXPECT_THROW(pool.ForEach(100,
                                [&](std::int64_t task, int) {
                                  if (task % 10 == 3) throw std::runtime_error("task");
                                }),
                   std::runtime_error);
      std::atomic<int> done{0};
      pool.ForEach(100, [&](std::int64_t, int) { ++done; });
      EXPECT_EQ(done, 100);
    }
  }
}

TEST(TaskPoolThreads, CallsInsideATaskRunInThatTask) {
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    std::atomic<int> inner{0};
    std::atomic<int> foreign{0};
    pool.ForEach(20, [&](std::int64_t, int worker) {
      pool.ForEach(10, [&](std::int64_t, int inner_worker) {
        ++inner;
        if (inner_worker != worker) ++foreign;
      });
    });
    EXPECT_EQ(inner, 200);
    EXPECT_EQ(foreign, 0);
  }
}

TEST(TaskPoolThreads, AnotherPoolInsideATaskNumbersItsOwnWorkers) {
  TaskPool outer(5);
  std::atomic<int> bad{0};
  std::atomic<int> done{0};
  outer.ForEach(200, [&](std::int64_t, int outer_worker) {
    TaskPool inner(2);
    inner.ForEach(3, [&](std::int64_t, int worker) {
      if (worker < 0 || worker >= 2) ++bad;
      // Back in the outer pool: still the same worker of it.
      outer.ForEach(2, [&](std::int64_t, int again) {
        ++done;
        if (again != outer_worker) ++bad;
      });
    });
  });
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(done, 1200);
}

TEST(TaskPoolThreads, AnInnerExceptionReachesTheOuterCaller) {
  TaskPool pool(2);
  EXPECT_THROW(pool.ForEach(4,
                            [&](std::int64_t, int) {
                              pool.ForEach(4, [](std::int64_t task, int) {
                                if (task == 2) throw Error(ErrorCode::kIo, "inner");
                              });
                            }),
               Error);
}

TEST(TaskPoolThreads, EveryWorkerKeepsOpenMpSerial) {
  TaskPool pool(5);
  std::atomic<int> teams{0};
  pool.ForEach(500, [&](std::int64_t, int) { teams += omp_get_max_threads() == 1 ? 0 : 1; });
  EXPECT_EQ(teams, 0);
}

}  // namespace
}  // namespace raie
