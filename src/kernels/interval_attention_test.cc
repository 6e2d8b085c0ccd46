#include "kernels/interval_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention_fixture.h"
#include "kernels/reference_double.h"
#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

using reference::ExpectSlopes;
using reference::ToDouble;
using reference::Values;

constexpr std::int64_t kIntervals = 9;  // rows of the tables of intervals

// What a tile reads, and one number for each value of it.
struct Operands {
  Values q, k, v, position_keys, position_values, interval_keys, interval_values;
};

class IntervalAttentionTest : public testing::TestWithParam<AttentionCase>,
                              protected AttentionInputs {
 protected:
  IntervalAttentionTest() : AttentionInputs(GetParam()) {
    longest = *std::max_element(GetParam().lengths.begin(), GetParam().lengths.end()) + 3;
    position_keys = RandomValues(longest * dim, 10, 0.5);
    position_values = RandomValues(longest * dim, 11, 0.5);
    interval_keys = RandomValues(kIntervals * dim, 12, 0.5);
    interval_values = RandomValues(kIntervals * dim, 13, 0.5);
    MakeRuns();
  }

  // Intervals that fall, or stay, from the oldest key to the query, which is at interval 0.
  void MakeRuns() {
    RandomStream random(8, 8);
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      for (std::int32_t p = 0; p < offsets[s + 1] - offsets[s]; ++p) {
        std::vector<std::uint16_t> own(p + 1, 0);
        for (std::int32_t j = p; j-- > 0;) {
          const auto step = random.Uniform() < 0.6 ? 0 : static_cast<int>(random.Below(3));
          own[j] = static_cast<std::uint16_t>(std::min<int>(own[j + 1] + step, kIntervals - 1));
        }
        for (std::int32_t j = 0; j <= p; ++j) {
          if (j == 0 || own[j] != own[j - 1]) runs.push_back({own[j], 0});
          runs.back().end = static_cast<std::uint16_t>(j + 1);
        }
        run_offsets.push_back(static_cast<std::int32_t>(runs.size()));
        intervals.push_back(std::move(own));
      }
    }
  }

  RelativeTerms Terms() const {
    return {.run_offsets_T1 = run_offsets,
            .runs = runs,
            .position_keys_LD = position_keys,
            .position_values_LD = position_values,
            .interval_keys_RD = interval_keys,
            .interval_values_RD = interval_values};
  }

  Operands InDouble() const {
    return {ToDouble(q),
            ToDouble(k),
            ToDouble(v),
            ToDouble(position_keys),
            ToDouble(position_values),
            ToDouble(interval_keys),
            ToDouble(interval_values)};
  }

  // The Semantics lines, a pair at a time.
  Values Twin(const Operands& x) const {
    Values result(x.q.size(), 0.0);
    const auto ends = GetParam().subset ? query_offsets : offsets;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      for (std::int64_t p = ends[s]; p < ends[s + 1]; ++p) {
        for (std::int64_t h = 0; h < shape.heads; ++h) TwinRow(x, s, p, h, result);
      }
    }
    return result;
  }

  void TwinRow(const Operands& x, std::size_t s, std::int64_t p, std::int64_t h,
               Values& result) const {
    const std::int64_t begin = offsets[s], n = offsets[s + 1] - begin, dh = dim / shape.heads;
    const std::int64_t position = GetParam().subset ? positions[p] : p - begin;
    const std::vector<std::uint16_t>& interval = intervals[begin + position];
    Values a(position + 1, 0.0);
    double sum = 0;
    for (std::int64_t j = 0; j <= position; ++j) {
      const std::int64_t l = longest - n + j;
      double dot = 0;
      for (std::int64_t c = h * dh; c < (h + 1) * dh; ++c) {
        dot += x.q[p * dim + c] * (x.k[(begin + j) * dim + c] + x.position_keys[l * dim + c] +
                                   x.interval_keys[interval[j] * dim + c]);
      }
      sum += a[j] = std::exp(scale * dot);
    }
    const DropoutRow bits =
        MakeDropoutRow(drop.Key(), {row_keys[s], static_cast<std::uint32_t>(position)}, h);
    for (std::int64_t j = 0; j <= position; ++j) {
      const std::int64_t l = longest - n + j;
      const double weight = a[j] / sum * (drop.active() ? DropoutFactor(drop, bits, j) : 1);
      for (std::int64_t c = h * dh; c < (h + 1) * dh; ++c) {
        result[p * dim + c] +=
            weight * (x.v[(begin + j) * dim + c] + x.position_values[l * dim + c] +
                      x.interval_values[interval[j] * dim + c]);
      }
    }
  }

  AttentionBackwardArgs BackwardArgs(const std::vector<float>& dout, std::vector<float>& dq,
                                     std::vector<float>& dk, std::vector<float>& dv) {
    const AttentionForwardArgs forward = Args();
    return {.shape = shape,
            .scale = scale,
            .q_PD = forward.q_PD,
            .k_TD = forward.k_TD,
            .v_TD = forward.v_TD,
            .dropout = drop,
            .state = state,
            .out_PD = View(out, queries, dim),
            .dout_PD = View(dout, queries, dim),
            .dq_PD = MutableView(dq, queries, dim),
            .dk_TD = MutableView(dk, tokens, dim),
            .dv_TD = MutableView(dv, tokens, dim)};
  }

  std::int64_t longest = 0;
  std::vector<float> position_keys, position_values, interval_keys, interval_values;
  std::vector<std::vector<std::uint16_t>> intervals;  // [token][key position]
  std::vector<std::int32_t> run_offsets = {0};
  std::vector<IntervalRun> runs;
};

TEST_P(IntervalAttentionTest, ForwardEqualsSlowTwin) {
  IntervalAttentionForward(Args(), Terms());
  EXPECT_LE(TensorError(out, Twin(InDouble())), 2e-6);
  const std::vector<float> kept = out;
  AttentionForwardArgs args = Args();
  args.state = {};
  IntervalAttentionForward(args, Terms());
  EXPECT_EQ(out, kept);
}

TEST_P(IntervalAttentionTest, EmptyTablesGivePlainAttention) {
  for (auto* table : {&position_keys, &position_values, &interval_keys, &interval_values}) {
    std::fill(table->begin(), table->end(), 0.0f);
  }
  IntervalAttentionForward(Args(), Terms());
  const std::vector<float> relative = out;
  AttentionForward(Args());
  EXPECT_EQ(relative, out);
}

TEST_P(IntervalAttentionTest, BackwardEqualsFiniteDifferences) {
  IntervalAttentionForward(Args(), Terms());
  const std::vector<float> dout = RandomValues(queries * dim, 4);
  std::vector<float> dq(queries * dim, 7.0f), dk(tokens * dim, 7.0f), dv(tokens * dim, 7.0f);
  std::vector<float> d_position_keys(longest * dim, 0.0f), d_position_values(longest * dim, 0.0f);
  std::vector<float> d_interval_keys(kIntervals * dim, 0.0f);
  std::vector<float> d_interval_values(kIntervals * dim, 0.0f);
  const auto args = BackwardArgs(dout, dq, dk, dv);
  IntervalAttentionBackward(
      args, Terms(), {d_position_keys, d_position_values, d_interval_keys, d_interval_values});

  const Values weights = ToDouble(dout);
  const auto check = [&](const std::vector<float>& gradient, Values Operands::*which) {
    Operands at = InDouble();
    const Values begin = at.*which;
    ExpectSlopes(
        gradient, begin,
        [&](const Values& x) {
          at.*which = x;
          return Twin(at);
        },
        weights);
  };
  check(dq, &Operands::q);
  check(dk, &Operands::k);
  check(dv, &Operands::v);
  check(d_position_keys, &Operands::position_keys);
  check(d_position_values, &Operands::position_values);
  check(d_interval_keys, &Operands::interval_keys);
  check(d_interval_values, &Operands::interval_values);

  // Frozen tables: the same gradients of what is left. Trained ones are added to.
  std::vector<float> dq2(dq.size()), dk2(dk.size()), dv2(dv.size()), twice = d_interval_keys;
  IntervalAttentionBackward(BackwardArgs(dout, dq2, dk2, dv2), Terms(), {});
  EXPECT_EQ(dq2, dq);
  EXPECT_EQ(dk2, dk);
  EXPECT_EQ(dv2, dv);
  IntervalAttentionBackward(args, Terms(),
                            {d_position_keys, d_position_values, twice, d_interval_values});
  for (float& value : twice) value /= 2;
  EXPECT_LE(TensorError(twice, d_interval_keys), 1e-5);
}

TEST_P(IntervalAttentionTest, ShapesThatDoNotAgreeAreRefused) {
  RelativeTerms terms = Terms();
  terms.runs = terms.runs.first(terms.runs.size() - 1);
  EXPECT_THROW(IntervalAttentionForward(Args(), terms), Error) << "a run is missing";
  terms = Terms();
  const std::vector<float> one_row(dim);
  terms.position_keys_LD = terms.position_values_LD = one_row;
  if (longest > 4) {
    EXPECT_THROW(IntervalAttentionForward(Args(), terms), Error) << "too few positions";
  }
  terms = Terms();
  if (longest > 13) {  // some interval is not 0
    terms.interval_keys_RD = terms.interval_values_RD = one_row;
    EXPECT_THROW(IntervalAttentionForward(Args(), terms), Error) << "too few intervals";
  }
  AttentionForwardArgs full = Args();
  full.shape.mask = AttentionMask::kFull;
  EXPECT_THROW(IntervalAttentionForward(full, Terms()), Error) << "not causal";
  runs.back().end += 1;
  EXPECT_THROW(IntervalAttentionForward(Args(), Terms()), Error) << "a run that reads the future";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, IntervalAttentionTest,
    testing::Values(AttentionCase{{1, 3, 2}, 1, 16, AttentionMask::kCausal, 0, false},
                    AttentionCase{{10, 1, 7}, 2, 16, AttentionMask::kCausal, 0.2f, false},
                    AttentionCase{{5, 13}, 2, 20, AttentionMask::kCausal, 0.3f, false},
                    AttentionCase{{50, 33}, 2, 32, AttentionMask::kCausal, 0.2f, false},
                    AttentionCase{{64}, 1, 64, AttentionMask::kCausal, 0, false},
                    AttentionCase{{110}, 1, 16, AttentionMask::kCausal, 0, false},
                    AttentionCase{{9, 60, 1}, 2, 16, AttentionMask::kCausal, 0.2f, true},
                    AttentionCase{{9, 17}, 1, 72, AttentionMask::kCausal, 0, true}));

}  // namespace
}  // namespace raie::kernels
