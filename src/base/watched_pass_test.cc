#include "base/watched_pass.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "raie/error.h"

namespace raie {
namespace {

using Pieces = std::vector<std::pair<std::int64_t, std::int64_t>>;

void ExpectCovers(const Pieces& pieces, std::int64_t total, std::int64_t most) {
  std::int64_t next = 0;
  for (const auto& [begin, end] : pieces) {
    EXPECT_EQ(begin, next);
    EXPECT_GT(end, begin);
    EXPECT_LE(end - begin, most);
    next = end;
  }
  EXPECT_EQ(next, total);
}

TEST(WatchedPass, CoversEverythingOnceAndTellsHowFarItIs) {
  for (const std::int64_t total : {0, 1, 15, 16, 17, 1000, 50000}) {
    for (const std::int64_t most : {1, 40, 10000}) {
      if (total > 1000 && most == 1) continue;
      Pieces plain, watched;
      std::vector<Progress> told;
      const auto into = [](Pieces& pieces) {
        return [&pieces](std::int64_t begin, std::int64_t end) { pieces.emplace_back(begin, end); };
      };
      ForEachPiece({}, total, most, into(plain));
      EXPECT_EQ(std::ssize(plain), (total + most - 1) / most);
      ExpectCovers(plain, total, most);
      ForEachPiece({.phase = "pass", .observer = [&](const Progress& p) { told.push_back(p); }},
                   total, most, into(watched));
      ExpectCovers(watched, total, most);
      ASSERT_EQ(told.size(), watched.size());
      for (std::size_t i = 0; i < told.size(); ++i) {
        EXPECT_EQ(told[i].phase, "pass");
        EXPECT_EQ(told[i].done, watched[i].second);
        EXPECT_EQ(told[i].total, total);
        EXPECT_EQ(told[i].seconds_left > 0, told[i].done < total);
      }
    }
  }
}

TEST(WatchedPass, StopsBetweenTwoPieces) {
  CancelFlag cancel;
  Pieces pieces;
  try {
    ForEachPiece({.phase = "regions", .cancel = &cancel}, 1000, 100,
                 [&](std::int64_t begin, std::int64_t end) {
                   pieces.emplace_back(begin, end);
                   if (pieces.size() == 2) cancel.Set();
                 });
    FAIL() << "was not stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    EXPECT_EQ(
        std::string(error.what()),
        "regions: stopped after " + std::to_string(pieces.back().second) + " of 1000 windows");
  }
  EXPECT_EQ(pieces.size(), 2u);
}

// However dear a window is, the next word of it comes soon.
TEST(WatchedPass, PiecesOfDearWindowsShrinkAndOfCheapOnesGrow) {
  CancelFlag never;
  const auto second_piece = [&](std::int64_t ms_of_piece) {
    Pieces pieces;
    ForEachPiece({.cancel = &never}, 10000, 1000, [&](std::int64_t begin, std::int64_t end) {
      if (pieces.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(ms_of_piece));
      pieces.emplace_back(begin, end);
    });
    return pieces[1].second - pieces[1].first;
  };
  EXPECT_LT(second_piece(2000), 16);
  EXPECT_GT(second_piece(0), 16);
}

}  // namespace
}  // namespace raie
