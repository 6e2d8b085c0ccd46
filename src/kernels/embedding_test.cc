#include "kernels/embedding.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

TEST(EmbeddingTest, GatherEqualsSlowTwin) {
  for (const auto& [dim, more] :
       {std::pair<std::int64_t, std::int64_t>{3, 0}, {16, 0}, {21, 0}, {16, 1}, {5, 3}}) {
    const std::int64_t stride = dim + more;
    const std::vector<float> table = RandomValues(10 * stride, 1),
                             rows = RandomValues(2 * stride, 2),
                             positions = RandomValues(4 * dim, 3);
    const std::vector<std::int32_t> ids = {9, 0, 4, 4, 7}, replaced = {4, 7},
                                    places = {0, 1, 2, 3, 0};
    std::vector<float> out(ids.size() * dim);
    GatherRows({.dim = dim,
                .stride = more > 0 ? stride : 0,
                .table_ND = table,
                .ids_T = ids,
                .replaced_ids = replaced,
                .replaced_rows = rows,
                .scale = 2,
                .positions_LD = positions,
                .position_ids_T = places,
                .out_TD = out});
    for (std::size_t t = 0; t < ids.size(); ++t) {
      for (std::int64_t c = 0; c < dim; ++c) {
        const float value = ids[t] == 4   ? rows[c]
                            : ids[t] == 7 ? rows[stride + c]
                                          : table[ids[t] * stride + c];
        EXPECT_EQ(out[t * dim + c], 2 * value + positions[places[t] * dim + c]);
      }
    }
  }
}

TEST(EmbeddingTest, ScatterAddsInTokenOrder) {
  constexpr std::int64_t kDim = 19;
  const std::vector<std::int32_t> ids = {3, 1, 3, 3, 0};
  const std::vector<float> grad = RandomValues(ids.size() * kDim, 1);
  std::vector<float> table = RandomValues(4 * kDim, 2);
  std::vector<float> expected = table;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    for (std::int64_t c = 0; c < kDim; ++c) expected[ids[t] * kDim + c] += grad[t * kDim + c];
  }
  ScatterAddRows(kDim, grad, ids, 1, table);
  EXPECT_EQ(table, expected);
}

TEST(EmbeddingTest, WrongSizesAreErrors) {
  std::vector<float> values(6);
  const std::vector<std::int32_t> ids = {0, 1};
  EXPECT_THROW(GatherRows({.dim = 2, .table_ND = values, .ids_T = ids, .out_TD = values}), Error);
  EXPECT_THROW(
      GatherRows({.dim = 3, .stride = 2, .table_ND = values, .ids_T = ids, .out_TD = values}),
      Error);
  EXPECT_THROW(ScatterAddRows(2, values, ids, 1, values), Error);
}

}  // namespace
}  // namespace raie::kernels
