#include "backbones/border_store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

std::vector<float> RowStates(int row, std::size_t size = 100) {
  std::vector<float> states(size);
  for (std::size_t i = 0; i < size; ++i) states[i] = static_cast<float>(1000 * row) + i;
  return states;
}

std::string KeyOfRow(int row) { return "row " + std::to_string(row); }

bool IsKept(const BorderStore& store, int row, std::size_t size = 100) {
  std::vector<float> found(size);
  if (!store.Read(KeyOfRow(row), found)) return false;
  EXPECT_EQ(found, RowStates(row, size));
  return true;
}

TEST(BorderStore, KeepsWhatComesBack) {
  for (const BorderPlace place : {BorderPlace::kFile, BorderPlace::kMemory}) {
    BorderStore store({.place = place});
    EXPECT_FALSE(IsKept(store, 1));
    store.Offer(KeyOfRow(1), BorderStore::Row::kComesBack, RowStates(1));
    EXPECT_TRUE(IsKept(store, 1));
    // What may come back is kept when it does.
    store.Offer(KeyOfRow(2), BorderStore::Row::kMayComeBack, RowStates(2, 7));
    EXPECT_FALSE(IsKept(store, 2, 7));
    store.Offer(KeyOfRow(2), BorderStore::Row::kMayComeBack, RowStates(2, 7));
    EXPECT_TRUE(IsKept(store, 2, 7));
    EXPECT_EQ(store.counts().rows, 2);
    EXPECT_EQ(store.counts().bytes, 107 * 4);
    EXPECT_EQ(store.counts().reads, 2);
    std::vector<float> wrong(6);
    EXPECT_THROW(store.Read(KeyOfRow(2), wrong), Error);
  }
}

TEST(BorderStore, KeepsNoMoreThanItMay) {
  BorderStore store({.place = BorderPlace::kMemory, .gigabytes = 1000e-9});  // two rows and a half
  for (int round = 0; round < 2; ++round) {
    for (int row = 0; row < 4; ++row) {
      store.Offer(KeyOfRow(row), BorderStore::Row::kComesBack, RowStates(row));
    }
  }
  EXPECT_TRUE(IsKept(store, 0) && IsKept(store, 1));
  EXPECT_FALSE(IsKept(store, 2) || IsKept(store, 3));
  EXPECT_EQ(store.counts().no_room, 4);
  store.Offer("small", BorderStore::Row::kComesBack, RowStates(9, 50));
  std::vector<float> found(50);
  EXPECT_TRUE(store.Read("small", found));
}

TEST(BorderStore, LeavesNothingInItsFolder) {
  std::string folder = (fs::temp_directory_path() / "raie_border_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  BorderStore store({.folder = folder});
  store.Offer(KeyOfRow(1), BorderStore::Row::kComesBack, RowStates(1));
  EXPECT_TRUE(IsKept(store, 1));
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
  try {
    const BorderStore nowhere({.folder = folder});
    FAIL() << "no error for a folder that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("border.folder"), std::string::npos) << error.what();
  }
}

// A limit on the size of files stands for a disk that is full.
TEST(BorderStore, AFullDiskIsAnErrorThatSaysWhatToDo) {
  BorderStore store({.place = BorderPlace::kFile});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  ErrorCode code = ErrorCode::kInternal;
  try {
    for (int row = 0; row < 4; ++row) {
      store.Offer(KeyOfRow(row), BorderStore::Row::kComesBack, RowStates(row));
    }
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_NE(message.find("border.gigabytes"), std::string::npos) << message;
  EXPECT_TRUE(IsKept(store, 0));
  EXPECT_FALSE(IsKept(store, 3));
}

TEST(BorderStoreThreads, RowsOfManyThreadsStayWhole) {
  BorderStore store({.place = BorderPlace::kMemory});
  TaskPool pool(4);
  pool.ForEach(400, [&](std::int64_t task, int) {
    const int row = static_cast<int>(task % 50);
    if (!IsKept(store, row)) {
      store.Offer(KeyOfRow(row), BorderStore::Row::kComesBack, RowStates(row));
    }
  });
  EXPECT_EQ(store.counts().rows, 50);
  for (int row = 0; row < 50; ++row) EXPECT_TRUE(IsKept(store, row));
}

}  // namespace
}  // namespace raie
