#include "kernels/bf16_gemm.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

struct Sizes {
  std::int64_t rows, outputs, inputs;
};

std::vector<Bfloat16> RandomWeights(std::int64_t n, std::uint64_t stream) {
  const std::vector<float> values = RandomValues(n, stream);
  std::vector<Bfloat16> rounded(n);
  RoundToBfloat16(values, rounded);
  return rounded;
}

// The paths of this machine.
std::vector<Bfloat16Path> Paths() {
  std::vector<Bfloat16Path> paths;
  for (const auto path : {Bfloat16Path::kAmx, Bfloat16Path::kNative, Bfloat16Path::kWide}) {
    if (HasBfloat16Path(path)) paths.push_back(path);
  }
  return paths;
}

class Bfloat16GemmTest : public testing::TestWithParam<Sizes> {
 protected:
  Bfloat16GemmTest()
      : p(GetParam()),
        w(RandomWeights(p.outputs * p.inputs, 1)),
        view{w.data(), p.outputs, p.inputs, p.inputs} {}

  // What a path multiplies with.
  static double Factor(Bfloat16Path path, float value) {
    return path == Bfloat16Path::kWide ? double{value} : double{ToFloat(ToBfloat16(value))};
  }

  Sizes p;
  std::vector<Bfloat16> w;
  ConstBfloat16Matrix view;
};

TEST_P(Bfloat16GemmTest, ForwardEqualsSlowTwin) {
  // Wider buffers than the matrices: strides count.
  const std::vector<float> x = RandomValues(p.rows * (p.inputs + 3), 2);
  const std::vector<float> bias = RandomValues(p.outputs, 3);
  const std::vector<float> start = RandomValues(p.rows * (p.outputs + 5), 4);
  for (const Bfloat16Path path : Paths()) {
    const PackedBfloat16 packed(view, PackFor::kForward, path);
    for (const Store store : {Store::kSet, Store::kAdd}) {
      for (const bool biased : {false, true}) {
        std::vector<float> y = start;
        MultiplyTransposed({x.data(), p.rows, p.inputs, p.inputs + 3}, packed,
                           biased ? std::span<const float>(bias) : std::span<const float>(), store,
                           {y.data(), p.rows, p.outputs, p.outputs + 5});
        std::vector<double> expected(start.begin(), start.end());
        for (std::int64_t t = 0; t < p.rows; ++t) {
          for (std::int64_t o = 0; o < p.outputs; ++o) {
            double sum = biased ? bias[o] : 0;
            for (std::int64_t i = 0; i < p.inputs; ++i) {
              sum += Factor(path, x[t * (p.inputs + 3) + i]) * ToFloat(w[o * p.inputs + i]);
            }
            double& to = expected[t * (p.outputs + 5) + o];
            to = sum + (store == Store::kAdd ? to : 0);
          }
        }
        EXPECT_LE(TensorError(y, expected), p.inputs > 1000 ? 6e-6 : 2e-6);
      }
    }
  }
}

TEST_P(Bfloat16GemmTest, BackwardEqualsSlowTwin) {
  const std::vector<float> dy = RandomValues(p.rows * p.outputs, 5);
  const std::vector<float> start = RandomValues(p.rows * p.inputs, 6);
  for (const Bfloat16Path path : Paths()) {
    const PackedBfloat16 packed(view, PackFor::kBackward, path);
    for (const Store store : {Store::kSet, Store::kAdd}) {
      std::vector<float> dx = start;
      Multiply(View(dy, p.rows, p.outputs), packed, store, MutableView(dx, p.rows, p.inputs));
      std::vector<double> expected(dx.size());
      for (std::int64_t t = 0; t < p.rows; ++t) {
        for (std::int64_t i = 0; i < p.inputs; ++i) {
          double sum = store == Store::kAdd ? start[t * p.inputs + i] : 0;
          for (std::int64_t o = 0; o < p.outputs; ++o) {
            sum += Factor(path, dy[t * p.outputs + o]) * ToFloat(w[o * p.inputs + i]);
          }
          expected[t * p.inputs + i] = sum;
        }
      }
      EXPECT_LE(TensorError(dx, expected), 2e-6);
    }
  }
}

TEST_P(Bfloat16GemmTest, ARowAloneHasItsBits) {
  const std::vector<float> x = RandomValues(p.rows * p.inputs, 7);
  for (const Bfloat16Path path : Paths()) {
    const PackedBfloat16 packed(view, PackFor::kForward, path);
    std::vector<float> all(p.rows * p.outputs), one(p.outputs);
    MultiplyTransposed(View(x, p.rows, p.inputs), packed, {}, Store::kSet,
                       MutableView(all, p.rows, p.outputs));
    for (std::int64_t t = 0; t < p.rows; ++t) {
      MultiplyTransposed(View(x, p.rows, p.inputs).Rows(t, t + 1), packed, {}, Store::kSet,
                         MutableView(one, 1, p.outputs));
      EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + t * p.outputs)) << t;
    }
  }
}

TEST_P(Bfloat16GemmTest, RowsComeBack) {
  for (const Bfloat16Path path : Paths()) {
    const PackedBfloat16 packed(view, PackFor::kForward, path);
    std::vector<Bfloat16> all(w.size());
    packed.CopyRows(0, p.outputs, all);
    EXPECT_EQ(all, w);
    std::vector<Bfloat16> last(p.inputs);
    packed.CopyRows(p.outputs - 1, 1, last);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), w.end() - p.inputs));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Bfloat16GemmTest,
                         testing::Values(Sizes{1, 1, 1}, Sizes{3, 33, 7}, Sizes{13, 32, 16},
                                         Sizes{27, 70, 31}, Sizes{12, 64, 40},
                                         // whole and cut tiles of AMX
                                         Sizes{32, 64, 64}, Sizes{49, 96, 33},
                                         // more rows than a block of rounded ones
                                         Sizes{50, 9, 9000}));

TEST(Bfloat16GemmEdgeTest, WrongShapesAreErrors) {
  const std::vector<Bfloat16> w(12);
  const ConstBfloat16Matrix view{w.data(), 3, 4, 4};
  const PackedBfloat16 forward(view, PackFor::kForward);
  std::vector<float> x(8), y(6);
  EXPECT_THROW(PackedBfloat16(view, PackFor::kBoth), Error);
  EXPECT_THROW(MultiplyTransposed(View(x, 2, 4), forward, {}, Store::kSet, MutableView(y, 3, 2)),
               Error);
  EXPECT_THROW(Multiply(View(y, 2, 3), forward, Store::kSet, MutableView(x, 2, 4)), Error);
  std::vector<Bfloat16> rows(8);
  EXPECT_THROW(forward.CopyRows(2, 2, rows), Error);
}

}  // namespace
}  // namespace raie::kernels
