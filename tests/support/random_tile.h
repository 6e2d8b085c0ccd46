// A random tile of ragged sequences, for tests of backbones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "base/random.h"

namespace raie::testing_support {

inline std::vector<float> RandomValues(std::size_t count, double deviation, std::uint64_t seed) {
  RandomStream random(seed, 77);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(deviation * random.Normal());
  return values;
}

struct RandomTile {
  WindowBatch batch;
  std::vector<float> items_ND;

  ItemRows rows() const { return {items_ND, {}, {}}; }

  std::vector<OutputPosition> AllOutputs() const {
    std::vector<OutputPosition> outputs;
    for (std::int32_t row = 0; row < batch.num_rows(); ++row) {
      for (std::int32_t p = 0; p < Length(row); ++p) outputs.push_back({row, p});
    }
    return outputs;
  }
  std::vector<OutputPosition> LastOutputs() const {
    std::vector<OutputPosition> outputs;
    for (std::int32_t row = 0; row < batch.num_rows(); ++row) {
      outputs.push_back({row, Length(row) - 1});
    }
    return outputs;
  }
  std::int32_t Length(std::int64_t row) const {
    return batch.offsets[row + 1] - batch.offsets[row];
  }
  // Returns a tile of one row of this one.
  RandomTile Row(std::int64_t row) const {
    RandomTile one{.batch = {}, .items_ND = items_ND};
    const auto begin = batch.offsets[row], end = batch.offsets[row + 1];
    one.batch.offsets = {0, end - begin};
    one.batch.items.assign(batch.items.begin() + begin, batch.items.begin() + end);
    one.batch.times.assign(batch.times.begin() + begin, batch.times.begin() + end);
    one.batch.users = {batch.users[row]};
    one.batch.row_keys = {batch.row_keys[row]};
    return one;
  }
};

inline RandomTile MakeRandomTile(std::span<const std::int32_t> lengths, std::int64_t num_items,
                                 std::int64_t dim, std::uint64_t seed) {
  RandomTile tile;
  RandomStream random(seed, 0);
  tile.items_ND = RandomValues(num_items * dim, 0.5, seed);
  for (const std::int32_t length : lengths) {
    const auto row = static_cast<std::uint32_t>(tile.batch.num_rows());
    tile.batch.offsets.push_back(tile.batch.offsets.back() + length);
    tile.batch.users.push_back(UserId{static_cast<std::int32_t>(row)});
    tile.batch.row_keys.push_back(100 + 7 * row);
    std::int64_t time = 1'000'000'000;
    for (std::int32_t p = 0; p < length; ++p) {
      tile.batch.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(num_items))});
      tile.batch.times.push_back(Timestamp{time += static_cast<std::int64_t>(random.Below(5000))});
    }
  }
  return tile;
}

}  // namespace raie::testing_support
