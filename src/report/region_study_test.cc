#include "report/region_study.h"

#include <gtest/gtest.h>

#include "report/run_fixture.h"

namespace raie {
namespace {

using testing::MadeRun;

TEST(RegionStudyTest, RaieAtTheBasePointComesFirst) {
  MadeRun run;
  EXPECT_FALSE(StudyRegions(RunFiles(run.path())).has_value());
  run.SaveCell("frozen", 8);
  for (const char* method : {"another", "raie"}) {
    run.SaveCell(method, 1);
    run.SaveRegions(method);
  }
  const auto study = StudyRegions(RunFiles(run.path()));
  ASSERT_TRUE(study.has_value());
  EXPECT_EQ(study->cell.method, "raie");
  EXPECT_EQ(study->ids(), (std::vector<RegionId>{RegionId{0}, RegionId{1}, RegionId{2}}));
  ASSERT_TRUE(study->frozen.has_value());
  EXPECT_EQ(study->frozen->ranks[0], 8);
}

// What a region asks for more than all windows do is named with its share and by how much.
TEST(RegionStudyTest, CategoriesAreNamedThatAreAskedForMore) {
  MadeRun run;
  run.SaveCell("raie", 1);
  run.SaveRegions("raie");
  auto study = StudyRegions(RunFiles(run.path()));
  ASSERT_TRUE(study.has_value());
  // Region 0: items of even number, Drama and War; region 1: odd ones, Comedy.
  ItemId drama = kNoItem;
  ItemId comedy = kNoItem;
  for (std::int32_t item = 0; item < run.data->num_items(); ++item) {
    (run.data->category(ItemId{item}) == "Comedy" ? comedy : drama) = ItemId{item};
  }
  for (std::size_t i = 0; i < study->results->targets.size(); ++i) {
    study->results->targets[i] = study->results->regions[i] == RegionId{0} ? drama : comedy;
  }
  const auto words = DescribeRegions(*study, *run.data);
  EXPECT_EQ(words.at(RegionId{1}).categories.substr(0, 15), "Comedy 100 % (2");
  EXPECT_EQ(words.at(RegionId{0}).categories.substr(0, 14), "Drama 100 % (2");
  EXPECT_NE(words.at(RegionId{0}).categories.find("War 100 %"), std::string::npos);
  EXPECT_EQ(words.at(RegionId{0}).items, ItemName(*run.data, drama));
}

}  // namespace
}  // namespace raie
