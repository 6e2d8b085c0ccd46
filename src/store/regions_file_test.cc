#include "store/regions_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "base/random.h"
#include "raie/error.h"
#include "regions/sphere.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

EditorState RandomState(std::int64_t num_regions, std::int64_t waiting, std::uint64_t seed) {
  RandomStream random(seed, 0);
  EditorState state;
  state.regions.dim = 5;
  state.regions.starting_count = num_regions;
  state.regions.next_id = static_cast<std::int32_t>(num_regions + 3);
  state.calibration = {random.Normal(), random.Normal() * 1e-9, random.Uniform()};
  for (std::int64_t k = 0; k < num_regions; ++k) {
    Region region;
    region.id = RegionId{static_cast<std::int32_t>(k + 2)};
    for (int d = 0; d < 5; ++d) region.centre.push_back(static_cast<float>(random.Normal()));
    const double norm = Norm(region.centre);
    for (float& value : region.centre) value = static_cast<float>(value / norm);
    region.resultant_length = random.Normal() * 1e6;
    region.radius_rad = random.Uniform();
    region.initial_radius_rad = random.Uniform();
    region.num_members = static_cast<std::int64_t>(random.Below(1000));
    region.num_updates = static_cast<std::int64_t>(random.Below(1000));
    region.num_expands = static_cast<std::int64_t>(random.Below(1000));
    state.regions.regions.push_back(region);
  }
  state.regions.quantile = 0.8;
  state.calibration.confidence = "softmax";
  state.calibration.temperature = 0.125;
  state.calibration.tau_quantile = 0.03;
  state.calibration.delta_quantile = 0.2;
  for (std::int64_t m = 0; m < waiting; ++m) {
    for (int d = 0; d < 5; ++d) state.buffer.z_MD.push_back(static_cast<float>(random.Normal()));
    state.buffer.users.push_back(m / 2);
    state.buffer.windows.push_back(m * 7);
  }
  return state;
}

void ExpectSame(const EditorState& a, const EditorState& b) {
  EXPECT_EQ(a.regions.dim, b.regions.dim);
  EXPECT_EQ(a.regions.starting_count, b.regions.starting_count);
  EXPECT_EQ(a.regions.next_id, b.regions.next_id);
  EXPECT_EQ(a.regions.quantile, b.regions.quantile);
  EXPECT_EQ(a.calibration.tau, b.calibration.tau);
  EXPECT_EQ(a.calibration.delta, b.calibration.delta);
  EXPECT_EQ(a.calibration.first_cos_quantile, b.calibration.first_cos_quantile);
  EXPECT_EQ(a.calibration.confidence, b.calibration.confidence);
  EXPECT_EQ(a.calibration.temperature, b.calibration.temperature);
  EXPECT_EQ(a.calibration.tau_quantile, b.calibration.tau_quantile);
  EXPECT_EQ(a.calibration.delta_quantile, b.calibration.delta_quantile);
  EXPECT_EQ(a.buffer.z_MD, b.buffer.z_MD);
  EXPECT_EQ(a.buffer.users, b.buffer.users);
  EXPECT_EQ(a.buffer.windows, b.buffer.windows);
  ASSERT_EQ(a.regions.size(), b.regions.size());
  for (std::int64_t k = 0; k < a.regions.size(); ++k) {
    const Region& x = a.regions.regions[k];
    const Region& y = b.regions.regions[k];
    EXPECT_EQ(x.id, y.id);
    EXPECT_EQ(x.centre, y.centre);
    EXPECT_EQ(x.resultant_length, y.resultant_length);
    EXPECT_EQ(x.radius_rad, y.radius_rad);
    EXPECT_EQ(x.initial_radius_rad, y.initial_radius_rad);
    EXPECT_EQ(x.num_members, y.num_members);
    EXPECT_EQ(x.num_updates, y.num_updates);
    EXPECT_EQ(x.num_expands, y.num_expands);
  }
}

TEST(RegionsFileTest, ComesBackBitEqual) {
  const fs::path folder =
      fs::temp_directory_path() / ("raie_regions_file_test_" + std::to_string(::getpid()));
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    fs::remove_all(folder);
    fs::create_directories(folder);
    const EditorState state = RandomState(1 + seed % 4, seed % 3 == 0 ? 0 : 9, seed);
    SaveEditorState(folder, state);
    ExpectSame(state, LoadEditorState(folder));
  }
  WriteFileAtomically(folder / "regions.json", "{\"dim\": 5}");
  try {
    LoadEditorState(folder);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_NE(std::string(error.what()).find("regions.json"), std::string::npos);
  }
  fs::remove_all(folder);
}

TEST(RegionsFileTest, RegionsThatCannotBeAreRefused) {
  const fs::path folder =
      fs::temp_directory_path() / ("raie_regions_broken_test_" + std::to_string(::getpid()));
  const auto refuses = [&](const std::string& reason, const auto& breaking) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    EditorState state = RandomState(3, 4, 1);
    breaking(state.regions);
    SaveEditorState(folder, state);
    try {
      LoadEditorState(folder);
      ADD_FAILURE() << "no error: " << reason;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("regions.json"), std::string::npos) << error.what();
    }
  };
  refuses("unit vector", [](RegionSet& set) { set.regions[1].centre[0] += 1; });
  refuses("occurs twice", [](RegionSet& set) { set.regions[1].id = set.regions[0].id; });
  refuses("id is not within", [](RegionSet& set) { set.next_id = 1; });
  refuses("radius", [](RegionSet& set) { set.regions[2].radius_rad = 4; });
  fs::remove_all(folder);
}

}  // namespace
}  // namespace raie
