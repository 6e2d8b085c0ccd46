#include "regions/router.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "raie/error.h"
#include "regions/random_points.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::AtAngle;
using testing::RandomUnit;

RegionSet MakeSet(const std::vector<std::vector<float>>& centres) {
  RegionSet set;
  set.dim = static_cast<std::int64_t>(centres[0].size());
  set.starting_count = static_cast<std::int64_t>(centres.size());
  for (const std::vector<float>& centre : centres) {
    Region region;
    region.id = RegionId{set.next_id++};
    region.centre = centre;
    set.regions.push_back(region);
  }
  return set;
}

TEST(Sphere, AnglesAreExactAtTheEnds) {
  const std::vector<float> a = AtAngle(0.7);
  EXPECT_EQ(AngleRad(a, a), 0);
  EXPECT_EQ(AngleRad(std::vector<float>{1, 0}, std::vector<float>{-1, 0}), std::numbers::pi);
  EXPECT_NEAR(AngleRad(AtAngle(0.2), AtAngle(0.5)), 0.3, 1e-7);
  EXPECT_NEAR(AngleRad(AtAngle(0.2), AtAngle(0.2001)), 1e-4, 1e-7);  // arccos would be off by 10 %
}

TEST(Sphere, SumsEveryLength) {
  for (std::int64_t n = 1; n < 40; ++n) {
    std::vector<float> a(n);
    double expected = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      a[i] = static_cast<float>(i + 1);
      expected += static_cast<double>((i + 1) * (i + 1));
    }
    EXPECT_DOUBLE_EQ(Dot(a, a), expected);
    EXPECT_DOUBLE_EQ(Norm(a), std::sqrt(expected));
  }
}

TEST(Router, AgreesWithTheSlowTwinInBothConfidences) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    const auto dim = static_cast<std::int64_t>(2 + random.Below(30));
    const auto k = static_cast<std::int64_t>(2 + random.Below(6));
    std::vector<std::vector<float>> centres;
    for (std::int64_t i = 0; i < k; ++i) centres.push_back(RandomUnit(dim, random));
    const RegionSet set = MakeSet(centres);
    std::vector<float> z;
    for (int i = 0; i < 1500; ++i) {
      const std::vector<float> row = RandomUnit(dim, random);
      z.insert(z.end(), row.begin(), row.end());
    }
    const Confidence softmax{ConfidenceKind::kSoftmax, 0.3};
    const std::vector<Route> routes = RouteMany(set, z, pool);
    const std::vector<Route> soft = RouteMany(set, z, pool, softmax);
    for (int i = 0; i < 1500; ++i) {
      std::vector<double> cosines;
      std::vector<double> exponentials;
      double total = 0;
      for (const std::vector<float>& centre : centres) {
        double sum = 0;
        for (std::int64_t d = 0; d < dim; ++d) sum += double{centre[d]} * double{z[i * dim + d]};
        cosines.push_back(sum);
        exponentials.push_back(std::exp(sum / 0.3));
        total += exponentials.back();
      }
      const auto best = std::max_element(cosines.begin(), cosines.end()) - cosines.begin();
      std::vector<double> sorted = cosines;
      std::sort(sorted.rbegin(), sorted.rend());
      std::sort(exponentials.rbegin(), exponentials.rend());
      EXPECT_EQ(routes[i].slot, best);
      EXPECT_NEAR(routes[i].cosine, sorted[0], 1e-12);
      EXPECT_EQ(routes[i].confidence, routes[i].cosine);
      EXPECT_NEAR(routes[i].margin, sorted[0] - sorted[1], 1e-12);
      EXPECT_EQ(soft[i].slot, best);
      EXPECT_NEAR(soft[i].confidence, exponentials[0] / total, 1e-12);
      EXPECT_NEAR(soft[i].margin, (exponentials[0] - exponentials[1]) / total, 1e-12);
      const Route one = RouteOne(set, std::span(z).subspan(i * dim, dim), softmax);
      EXPECT_EQ(one.cosine, soft[i].cosine);
      EXPECT_EQ(one.margin, soft[i].margin);
    }
  }
}

TEST(Router, TiesGoToTheSmallerSlot) {
  const RegionSet set = MakeSet({{0, 1}, {1, 0}, {1, 0}});
  const Route route = RouteOne(set, std::vector<float>{1, 0});
  EXPECT_EQ(route.slot, 1);
  EXPECT_EQ(route.region, RegionId{1});
  EXPECT_EQ(route.margin, 0);
}

TEST(Router, OneRegionHasAnInfiniteMargin) {
  const RegionSet set = MakeSet({{1, 0}});
  const Route route = RouteOne(set, AtAngle(0.4));
  EXPECT_EQ(route.slot, 0);
  EXPECT_NEAR(route.cosine, std::cos(0.4), 1e-7);
  EXPECT_TRUE(std::isinf(route.margin));
  EXPECT_EQ(RouteOne(set, AtAngle(0.4), {ConfidenceKind::kSoftmax, 0.05}).confidence, 1);
}

TEST(Router, RefusesWhatIsNoHiddenState) {
  const RegionSet set = MakeSet({{1, 0}});
  EXPECT_THROW(RouteOne(set, std::vector<float>{1, 0, 0}), Error);
  EXPECT_THROW(RouteOne(set, std::vector<float>{1, 0, 1, 0}), Error);
  EXPECT_THROW(RouteOne(set, std::vector<float>{0, 0}), Error);
  EXPECT_THROW(RouteOne(set, std::vector<float>{NAN, 0}), Error);
  EXPECT_THROW(RouteOne(RegionSet{}, std::vector<float>{1, 0}), Error);
}

TEST(RegionSet, ChecksItself) {
  RegionSet set = MakeSet({{1, 0}, {0, 1}});
  EXPECT_NO_THROW(CheckRegions(set));
  EXPECT_EQ(SlotOf(set, RegionId{1}), 1);
  EXPECT_EQ(SlotOf(set, RegionId{2}), -1);
  const auto broken = [&set](auto&& change) {
    RegionSet copy = set;
    change(copy);
    return copy;
  };
  EXPECT_THROW(CheckRegions(broken([](auto& s) { s.regions[1].id = RegionId{0}; })), Error);
  EXPECT_THROW(CheckRegions(broken([](auto& s) { s.next_id = 1; })), Error);
  EXPECT_THROW(CheckRegions(broken([](auto& s) { s.regions[0].centre = {2, 0}; })), Error);
  EXPECT_THROW(CheckRegions(broken([](auto& s) { s.regions[0].centre = {1}; })), Error);
  EXPECT_THROW(CheckRegions(broken([](auto& s) { s.regions[0].radius_rad = NAN; })), Error);
}

TEST(RouterThreads, SameRoutesForAnyNumberOfThreads) {
  RandomStream random(4, 0);
  const RegionSet set = MakeSet({RandomUnit(16, random), RandomUnit(16, random)});
  std::vector<float> z;
  for (int i = 0; i < 5000; ++i) {
    const std::vector<float> row = RandomUnit(16, random);
    z.insert(z.end(), row.begin(), row.end());
  }
  TaskPool one(1);
  const std::vector<Route> expected = RouteMany(set, z, one);
  for (const int threads : {2, 5}) {
    TaskPool pool(threads);
    const std::vector<Route> routes = RouteMany(set, z, pool);
    for (std::size_t i = 0; i < routes.size(); ++i) {
      EXPECT_EQ(routes[i].slot, expected[i].slot);
      EXPECT_EQ(routes[i].cosine, expected[i].cosine);
      EXPECT_EQ(routes[i].margin, expected[i].margin);
    }
  }
}

}  // namespace
}  // namespace raie
