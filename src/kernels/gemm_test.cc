#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/reference_random.h"

namespace raie::kernels {
namespace {

struct GemmShape {
  std::int64_t rows, outputs, inputs;
};

const GemmShape kShapes[] = {
    // Skinny on either side (LoRA), over several blocks of depth.
    {700, 8, 128},  {700, 128, 8}, {300, 12, 64}, {300, 64, 3},    {1, 1, 1},
    {5, 3, 7},      {6, 16, 16},   {7, 17, 31},   {64, 128, 128},  {100, 384, 128},
    {33, 128, 384}, {97, 8, 128},  {50, 128, 8},  {130, 513, 300}, {301, 130, 270}};

// The slow twin: c[m, n] = start + sum_k a(m, k) b(k, n), in double.
template <class A, class B>
void ExpectProduct(ConstMatrix c, ConstMatrix start, std::int64_t depth, A a, B b) {
  double worst = 0;
  double largest = 1e-30;
  for (std::int64_t m = 0; m < c.rows; ++m) {
    for (std::int64_t n = 0; n < c.cols; ++n) {
      double sum = start.empty() ? 0 : start.row(m)[n];
      for (std::int64_t k = 0; k < depth; ++k) sum += double{a(m, k)} * double{b(k, n)};
      worst = std::max(worst, std::abs(sum - c.row(m)[n]));
      largest = std::max(largest, std::abs(sum));
    }
  }
  EXPECT_LE(worst, 2e-6 * largest);
}

class GemmTest : public testing::TestWithParam<GemmShape> {
 protected:
  void SetUp() override {
    const auto [t, o, i] = GetParam();
    x_ = RandomValues(t * (i + 3), 1);
    dy_ = RandomValues(t * (o + 5), 2);
    w_ = RandomValues(o * (i + 2), 3);
    bias_ = RandomValues(o, 4);
    x_TI_ = {x_.data(), t, i, i + 3};
    dy_TO_ = {dy_.data(), t, o, o + 5};
    w_OI_ = {w_.data(), o, i, i + 2};
    packed_.Pack(w_OI_, PackFor::kBoth);
  }
  std::vector<float> x_, dy_, w_, bias_;
  ConstMatrix x_TI_, dy_TO_, w_OI_;
  PackedWeights packed_;
};

TEST_P(GemmTest, ForwardEqualsSlowTwin) {
  const auto [t, o, i] = GetParam();
  for (const Store store : {Store::kSet, Store::kAdd}) {
    const std::vector<float> before = RandomValues(t * (o + 1), 5);
    std::vector<float> y = before;
    MultiplyTransposed(x_TI_, packed_, bias_, store, {y.data(), t, o, o + 1});
    std::vector<float> start = store == Store::kAdd ? before : std::vector<float>(before.size());
    for (std::int64_t r = 0; r < t; ++r) {
      for (std::int64_t c = 0; c < o; ++c) start[r * (o + 1) + c] += bias_[c];
      EXPECT_EQ(y[r * (o + 1) + o], before[r * (o + 1) + o]);  // nothing beyond the columns
    }
    ExpectProduct(
        {y.data(), t, o, o + 1}, {start.data(), t, o, o + 1}, i,
        [&](auto m, auto k) { return x_TI_.row(m)[k]; },
        [&](auto k, auto n) { return w_OI_.row(n)[k]; });
  }
}

TEST_P(GemmTest, BackwardEqualsSlowTwin) {
  const auto [t, o, i] = GetParam();
  for (const Store store : {Store::kSet, Store::kAdd}) {
    const std::vector<float> before = RandomValues(t * i, 5);
    std::vector<float> dx = before;
    Multiply(dy_TO_, packed_, store, MutableView(dx, t, i));
    ExpectProduct(
        View(dx, t, i), store == Store::kAdd ? View(before, t, i) : ConstMatrix{}, o,
        [&](auto m, auto k) { return dy_TO_.row(m)[k]; },
        [&](auto k, auto n) { return w_OI_.row(k)[n]; });
  }
}

TEST_P(GemmTest, OuterAndPlainEqualSlowTwin) {
  const auto [t, o, i] = GetParam();
  for (const Store store : {Store::kSet, Store::kAdd}) {
    const std::vector<float> before = RandomValues(o * (i + 1), 5);
    std::vector<float> dw = before;
    MultiplyOuter(dy_TO_, x_TI_, store, {dw.data(), o, i, i + 1});
    ExpectProduct(
        {dw.data(), o, i, i + 1},
        store == Store::kAdd ? ConstMatrix{before.data(), o, i, i + 1} : ConstMatrix{}, t,
        [&](auto m, auto k) { return dy_TO_.row(k)[m]; },
        [&](auto k, auto n) { return x_TI_.row(k)[n]; });
  }
  std::vector<float> plain(t * i);
  MultiplyPlain(dy_TO_, w_OI_, Store::kSet, MutableView(plain, t, i));
  std::vector<float> packed(t * i);
  Multiply(dy_TO_, packed_, Store::kSet, MutableView(packed, t, i));
  EXPECT_EQ(plain, packed);
}

TEST_P(GemmTest, RowsDoNotDependOnTheOtherRows) {
  const auto [t, o, i] = GetParam();
  std::vector<float> all(t * o), all_dx(t * i);
  MultiplyTransposed(x_TI_, packed_, bias_, Store::kSet, MutableView(all, t, o));
  Multiply(dy_TO_, packed_, Store::kSet, MutableView(all_dx, t, i));
  RandomStream random(7, 0);
  for (int trial = 0; trial < 5; ++trial) {
    const std::int64_t begin = random.Below(t);
    const std::int64_t rows = 1 + random.Below(t - begin);
    std::vector<float> part(rows * o), part_dx(rows * i);
    MultiplyTransposed(x_TI_.Rows(begin, begin + rows), packed_, bias_, Store::kSet,
                       MutableView(part, rows, o));
    Multiply(dy_TO_.Rows(begin, begin + rows), packed_, Store::kSet, MutableView(part_dx, rows, i));
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + begin * o));
    EXPECT_TRUE(std::equal(part_dx.begin(), part_dx.end(), all_dx.begin() + begin * i));
  }
}

TEST_P(GemmTest, RangesEqualTheWhole) {
  const auto [t, o, i] = GetParam();
  std::vector<float> all(t * o), dx(t * i), whole_dx(t * i);
  MultiplyTransposed(x_TI_, packed_, {}, Store::kSet, MutableView(all, t, o));
  Multiply(dy_TO_, packed_, Store::kSet, MutableView(whole_dx, t, i));
  for (std::int64_t begin = 0; begin < o; begin += 128) {
    const std::int64_t n = std::min<std::int64_t>(128, o - begin);
    std::vector<float> part(t * n);
    MultiplyTransposedRange(x_TI_, packed_, begin, MutableView(part, t, n));
    for (std::int64_t r = 0; r < t; ++r) {
      EXPECT_TRUE(std::equal(part.begin() + r * n, part.begin() + (r + 1) * n,
                             all.begin() + r * o + begin));
    }
    MultiplyRange(dy_TO_.Columns(begin, begin + n), packed_, begin,
                  begin == 0 ? Store::kSet : Store::kAdd, MutableView(dx, t, i));
  }
  for (std::size_t j = 0; j < dx.size(); ++j) EXPECT_NEAR(dx[j], whole_dx[j], 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Shapes, GemmTest, testing::ValuesIn(kShapes));

TEST(GemmEdgeTest, ColumnSumsInRowOrder) {
  const std::vector<float> x = RandomValues(7 * 19, 1);
  std::vector<float> sums(19, 1.0f), expected(19, 1.0f);
  for (int r = 0; r < 7; ++r) {
    for (int c = 0; c < 19; ++c) expected[c] += x[r * 19 + c];
  }
  AddColumnSums(View(x, 7, 19), sums);
  EXPECT_EQ(sums, expected);
}

TEST(GemmEdgeTest, EmptyAndWrongShapes) {
  const std::vector<float> w(6, 1.0f);
  const PackedWeights packed(View(w, 2, 3), PackFor::kForward);
  std::vector<float> y(4);
  MultiplyTransposed({w.data(), 0, 3, 3}, packed, {}, Store::kSet, {y.data(), 0, 2, 2});
  EXPECT_THROW(MultiplyTransposed(View(w, 3, 2), packed, {}, Store::kSet, MutableView(y, 2, 2)),
               Error);
  EXPECT_THROW(Multiply(View(w, 3, 2), packed, Store::kSet, MutableView(y, 1, 3)), Error);
}

}  // namespace
}  // namespace raie::kernels
