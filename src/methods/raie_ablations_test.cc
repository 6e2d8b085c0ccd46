#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "methods/group_trainer.h"
#include "methods/shop_fixture.h"
#include "methods/user_hash_router.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::FirstContexts;
using testing::PlainOptions;
using testing::RunMethod;
using testing::ScoresOf;
using testing::Shop;
using testing::TinyShop;

bool SameCentres(const RegionSet& a, const RegionSet& b) {
  return std::ranges::equal(a.regions, b.regions, [](const Region& x, const Region& y) {
    return x.id == y.id && x.centre == y.centre && x.radius_rad == y.radius_rad;
  });
}

TEST(RaieWithoutEditingTest, TheRegionsOfSetUpStayAndAreTrained) {
  const Adapted run = RunMethod("raie_wo_ke", PlainOptions());
  const RegionSet& setup = TinyShop().snapshot.editor.regions;
  EXPECT_TRUE(SameCentres(run.snapshot.editor.regions, setup));
  EXPECT_FALSE(SameCentres(RunMethod("raie", PlainOptions()).snapshot.editor.regions, setup));
  EXPECT_TRUE(run.report.journal.empty());
  std::set<const Adapter*> distinct;
  for (const auto& region : run.report.regions) {
    EXPECT_EQ(region.trained, region.new_windows > 0);
    if (region.trained) distinct.insert(run.snapshot.AdapterOf(region.region));
  }
  EXPECT_GE(distinct.size(), 3u);
}

TEST(RaieWithoutEditingTest, SetsAreThoseOfTheOldCentres) {
  Shop& shop = TinyShop();
  const Adapted run = RunMethod("raie_wo_ke", PlainOptions());
  const Snapshot grown = WithCatalogue(shop.snapshot, shop.data.catalogue_size(1), 7);
  const auto by_centre =
      RegionsOf(ComputeStates(grown, shop.data, shop.new_windows, grown.catalogue_size, shop.pool),
                shop.snapshot.editor.regions, shop.pool);
  for (const auto& region : run.report.regions) {
    EXPECT_EQ(region.new_windows, std::ranges::count(by_centre, region.region));
  }
}

TEST(RaieWithoutRoutingTest, OneAdapterLearnsFromTheRowsOfAllRegions) {
  const Adapted run = RunMethod("raie_wo_kr", PlainOptions());
  const Adapted raie = RunMethod("raie", PlainOptions());
  ASSERT_EQ(run.snapshot.adapters.size(), 1u);
  EXPECT_EQ(run.snapshot.AdapterOf(kNoRegion)->options().rank, 2);
  EXPECT_FALSE(run.snapshot.AdapterOf(kNoRegion)->IsZero());
  EXPECT_EQ(run.report.training.samples, raie.report.training.samples);
  for (std::size_t k = 0; k < raie.report.regions.size(); ++k) {
    EXPECT_EQ(run.report.regions[k].new_windows, raie.report.regions[k].new_windows);
    EXPECT_EQ(run.report.regions[k].memory_windows, raie.report.regions[k].memory_windows);
    EXPECT_EQ(run.report.regions[k].trained, raie.report.regions[k].trained);
  }
  const auto read = FirstContexts(TinyShop().new_windows, 5);
  const auto scorer = run.method->MakeScorer();
  EXPECT_TRUE(scorer->Routes(read.contexts, TinyShop().pool).empty());
  EXPECT_EQ(run.report.forward_passes, 1);
}

TEST(RaieWithoutRoutingTest, ASecondSliceGoesOnWithTheAdapter) {
  Shop& shop = TinyShop();
  const Adapted run = RunMethod("raie_wo_kr", PlainOptions());
  const Snapshot first = run.snapshot;
  run.method->Adapt(shop.slice());
  const Snapshot& second = *run.method->snapshot();
  ASSERT_EQ(second.adapters.size(), 1u);
  const auto a = first.AdapterOf(kNoRegion)->values();
  const auto fresh = MakeFreshAdapter(*shop.snapshot.backbone, PlainOptions().lora, kNoRegion, 7);
  const auto b = second.AdapterOf(kNoRegion)->values();
  double to_first = 0;
  double to_fresh = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    to_first += (a[i] - b[i]) * (a[i] - b[i]);
    to_fresh += (fresh->values()[i] - b[i]) * (fresh->values()[i] - b[i]);
  }
  EXPECT_GT(to_first, 0);
  EXPECT_LT(to_first, to_fresh);
}

TEST(UserHashRouterTest, SharesAreThoseOfTheRegionsAndUsersStayTogether) {
  Shop& shop = TinyShop();
  const RegionSet& regions = shop.snapshot.editor.regions;
  WindowSet windows;
  std::vector<RegionId> by_centre;
  std::map<RegionId, std::int64_t> wanted;
  for (std::int32_t user = 0; user < 1000; ++user) {
    for (int i = 0; i < 3; ++i) {
      windows.windows.push_back({.user = UserId{user}});
      const int slot = user % 10 < 5 ? 0 : user % 10 < 8 ? 1 : user % 10 < 9 ? 2 : 3;
      by_centre.push_back(i == 2 ? kNoRegion : regions.regions[slot].id);
      if (i != 2) ++wanted[by_centre.back()];
    }
  }
  const UserHashRouter router(regions, windows, by_centre, 11);
  const UserHashRouter other(regions, windows, by_centre, 12);
  std::map<RegionId, std::int64_t> found;
  std::int64_t moved = 0;
  for (std::int32_t user = 0; user < 1000; ++user) {
    const Route route = router.RouteOf(UserId{user});
    EXPECT_EQ(regions.regions[route.slot].id, route.region);
    found[route.region] += 2;
    moved += other.RouteOf(UserId{user}).region != route.region;
  }
  for (const auto& [region, count] : wanted) EXPECT_NEAR(found[region], count, 2);
  EXPECT_GT(moved, 300);  // another seed, other users
}

TEST(RandomRegionsTest, TheUserNamesTheAdapter) {
  Shop& shop = TinyShop();
  const Adapted run = RunMethod("random_regions", PlainOptions());
  const auto scorer = run.method->MakeScorer();
  auto read = FirstContexts(shop.new_windows, 200);
  const auto routes = scorer->Routes(read.contexts, shop.pool);
  std::map<UserId, RegionId> region_of;
  std::set<RegionId> regions;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto known = region_of.emplace(read.contexts.users[i], routes[i].region).first;
    EXPECT_EQ(known->second, routes[i].region);
    regions.insert(routes[i].region);
  }
  EXPECT_GE(regions.size(), 2u);
  // The same contexts, asked by someone else.
  const std::int64_t items = shop.data.catalogue_size(1);
  const auto before = ScoresOf(*scorer, read, items);
  for (UserId& user : read.contexts.users) user = UserId{(Index(user) + 17) % 80};
  EXPECT_NE(ScoresOf(*scorer, read, items), before);
  const Adapted raie = RunMethod("raie", PlainOptions());
  const auto raie_scorer = raie.method->MakeScorer();
  const auto by_centre = ScoresOf(*raie_scorer, read, items);
  read = FirstContexts(shop.new_windows, 200);
  EXPECT_EQ(ScoresOf(*raie_scorer, read, items), by_centre);
}

TEST(RandomRegionsTest, SharesAndBudgetAreThoseOfRaie) {
  const Adapted run = RunMethod("random_regions", PlainOptions());
  const Adapted raie = RunMethod("raie", PlainOptions());
  std::map<UserId, std::int64_t> of_user;
  for (const Window& window : TinyShop().new_windows.windows) ++of_user[window.user];
  std::int64_t largest = 0;
  for (const auto& [user, count] : of_user) largest = std::max(largest, count);
  ASSERT_EQ(run.report.regions.size(), raie.report.regions.size());
  for (std::size_t k = 0; k < raie.report.regions.size(); ++k) {
    EXPECT_NEAR(run.report.regions[k].new_windows, raie.report.regions[k].new_windows, 2 * largest);
  }
  EXPECT_EQ(run.method->snapshot(), nullptr);
  AdaptOptions options = Shop::Options(EditorPreset::kPaper);
  EXPECT_EQ(RunMethod("random_regions", options).report.maximum_samples,
            RunMethod("raie", options).report.maximum_samples);
}

TEST(RandomRegionsTest, AContextWithoutAUserIsRefused) {
  const Adapted run = RunMethod("random_regions", PlainOptions());
  auto read = FirstContexts(TinyShop().new_windows, 2);
  read.contexts.users.clear();
  EXPECT_ANY_THROW(run.method->MakeScorer()->Routes(read.contexts, TinyShop().pool));
}

}  // namespace
}  // namespace raie
