// The counts of the development data, all rows of the table in shared/data/README.md.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "data/log_fixture.h"
#include "data/read_log.h"
#include "data/stats.h"

namespace raie {
namespace {

// The folder `shared` of RAIE_SHARED_DIR, or of this folder or one above it.
std::optional<std::filesystem::path> SharedFolder() {
  if (const char* named = std::getenv("RAIE_SHARED_DIR")) return named;
  for (auto folder = std::filesystem::current_path();; folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "shared" / "data")) return folder / "shared";
    if (folder == folder.parent_path()) return std::nullopt;
  }
}

struct Expected {
  Protocol protocol;
  Repeats repeats;
  const char* after;  // users/items/events of S, F, T
  std::int64_t cut1, cut2;
  std::vector<std::int64_t> windows;    // S, F, T, held-out, validation, S training
  double outside_s, outside_sf;         // per cent
  std::vector<std::int64_t> returning;  // users, of all, their windows
};

std::string Told(const std::vector<SliceCounts>& counts) {
  std::string text;
  for (const SliceCounts& slice : counts) {
    text += std::to_string(slice.users) + "/" + std::to_string(slice.items) + "/" +
            std::to_string(slice.events) + " ";
  }
  return text;
}

void ExpectCounts(const InteractionLog& log, const Expected& expected) {
  SCOPED_TRACE(std::string(EnumNames(Protocol{})[static_cast<int>(expected.protocol)]) +
               ", repeats " + EnumNames(Repeats{})[static_cast<int>(expected.repeats)]);
  TaskPool pool(2);
  const testing::TemporaryFolder folder;
  PrepareOptions options;
  options.protocol = expected.protocol;
  options.repeats = expected.repeats;
  PrepareData(log, options, folder / "d", pool);
  const DataStats stats = ComputeStats(PreparedData::Load(folder / "d"));
  EXPECT_EQ(Told(stats.after), expected.after);
  EXPECT_EQ(stats.cuts,
            (std::vector<Timestamp>{Timestamp{expected.cut1}, Timestamp{expected.cut2}}));
  EXPECT_EQ((std::vector<std::int64_t>{stats.windows[0], stats.windows[1], stats.windows[2],
                                       stats.held_out, stats.validation, stats.setup_training}),
            expected.windows);
  EXPECT_NEAR(100 * stats.targets[1].outside_first, expected.outside_s, 0.005 + 1e-9);
  EXPECT_NEAR(100 * stats.targets[1].outside_previous, expected.outside_sf, 0.005 + 1e-9);
  EXPECT_EQ((std::vector<std::int64_t>{stats.targets[1].returning_users, stats.targets[1].users,
                                       stats.targets[1].returning_windows}),
            expected.returning);
}

class RealData : public ::testing::Test {
 protected:
  InteractionLog Read(const std::string& file, const ReadOptions& options = {}) {
    TaskPool pool(2);
    return ReadLog({(*shared_ / "data" / file).string()}, options, pool).log;
  }
  void SetUp() override {
    shared_ = SharedFolder();
    if (!shared_) GTEST_SKIP() << "no folder shared/data here or above; see RAIE_SHARED_DIR";
  }
  std::optional<std::filesystem::path> shared_;
};

TEST_F(RealData, MovieLensLatestSmall) {
  const InteractionLog log = Read("ml-latest-small/ratings.csv");
  ASSERT_EQ(log.size(), 100836);
  ExpectCounts(log, {Protocol::kStrict,
                     Repeats::kByData,
                     "322/1507/20651 214/1527/12158 118/2939/9716 ",
                     1179177778,
                     1454621693,
                     {17327, 10116, 8557, 293, 292, 16742},
                     51.33,
                     33.08,
                     {4, 109, 156}});
  ExpectCounts(log, {Protocol::kPaper,
                     Repeats::kByData,
                     "321/1579/20613 205/1705/12368 127/1423/8246 ",
                     1179108929,
                     1447536892,
                     {17467, 10408, 7004, 292, 292, 16883},
                     36.04,
                     5.9,
                     {5, 119, 88}});
}

TEST_F(RealData, MovieLens1M) {
  const InteractionLog log = Read("ml-1m/ratings.dat.xz");
  ASSERT_EQ(log.size(), 1000209);
  ExpectCounts(log, {Protocol::kStrict,
                     Repeats::kByData,
                     "3189/3000/286977 2353/2978/172102 1785/3229/115058 ",
                     972698437,
                     975701311,
                     {253432, 147744, 98159, 3059, 3050, 247323},
                     0.62,
                     0.57,
                     {335, 1442, 14922}});
  ExpectCounts(log, {Protocol::kPaper,
                     Repeats::kByData,
                     "3197/3098/287188 2379/3068/172312 1784/3048/114876 ",
                     972691535,
                     975700515,
                     {255469, 149668, 98810, 3071, 3071, 249327},
                     0.16,
                     0.05,
                     {342, 1452, 15223}});
}

// The rules leave 387,875 purchases, different (InvoiceNo, StockCode); the README's text says
// 387,797, but the counts of its table follow from 387,875.
TEST_F(RealData, OnlineRetail) {
  ReadOptions options;
  options.columns = {"user=CustomerID", "item=StockCode", "time=InvoiceDate", "title=Description"};
  options.drop_missing = {"CustomerID"};
  options.drop = {"InvoiceNo^=C", "Quantity<=0"};
  options.dedupe = {"InvoiceNo", "StockCode"};
  const InteractionLog log = Read("online-retail/online_retail.csv.xz", options);
  ASSERT_EQ(log.size(), 387875);
  ExpectCounts(log, {Protocol::kStrict,
                     Repeats::kFirst,
                     "2817/2808/132171 2430/2756/79495 1993/2765/53365 ",
                     1310033040,
                     1319467620,
                     {63857, 24867, 12525, 1380, 1353, 61124},
                     20.26,
                     6.0,
                     {277, 527, 5924}});
  ExpectCounts(log, {Protocol::kPaper,
                     Repeats::kFirst,
                     "2836/2875/132539 2431/2829/79476 1942/2630/53067 ",
                     1310041920,
                     1319467620,
                     {105662, 57416, 36352, 2296, 2296, 101070},
                     19.06,
                     2.7,
                     {762, 1360, 19266}});
  ExpectCounts(log, {Protocol::kStrict,
                     Repeats::kKeep,
                     "2980/2874/192731 2442/2775/115893 1890/2768/77612 ",
                     1311947160,
                     1320155040,
                     {119675, 50370, 28555, 1554, 1532, 116589},
                     12.6,
                     2.06,
                     {370, 590, 18852}});
  ExpectCounts(log, {Protocol::kPaper,
                     Repeats::kKeep,
                     "3001/2937/193134 2449/2834/115888 1838/2646/77273 ",
                     1311959940,
                     1320155820,
                     {164528, 92965, 60265, 2491, 2491, 159546},
                     12.98,
                     1.0,
                     {949, 1474, 41261}});
}

}  // namespace
}  // namespace raie
