#include "kernels/attention.h"

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
using reference::Values;

// The slow twin in double, the Semantics lines of the header; q, k, v contiguous.
class Twin {
 public:
  Twin(const AttentionShape& shape, std::int64_t dim, float scale, const Dropout& dropout,
       std::span<const std::uint32_t> row_keys)
      : shape_(shape), dim_(dim), scale_(scale), dropout_(dropout), row_keys_(row_keys) {}

  Values operator()(const Values& q, const Values& k, const Values& v) const {
    Values out(q.size(), 0.0);
    for (std::size_t s = 0; s + 1 < shape_.offsets_S1.size(); ++s) {
      const auto queries =
          shape_.query_offsets_S1.empty() ? shape_.offsets_S1 : shape_.query_offsets_S1;
      for (std::int64_t p = queries[s]; p < queries[s + 1]; ++p) {
        for (std::int64_t h = 0; h < shape_.heads; ++h) Row(s, p, h, q, k, v, out);
      }
    }
    return out;
  }

 private:
  void Row(std::size_t s, std::int64_t p, std::int64_t h, const Values& q, const Values& k,
           const Values& v, Values& out) const {
    const std::int64_t begin = shape_.offsets_S1[s];
    const std::int64_t position =
        shape_.query_offsets_S1.empty() ? p - begin : shape_.query_positions_P[p];
    const std::int64_t end =
        shape_.mask == AttentionMask::kCausal ? begin + position + 1 : shape_.offsets_S1[s + 1];
    const std::int64_t dh = dim_ / shape_.heads;
    const std::int64_t shared = shape_.kv_heads > 0 ? shape_.heads / shape_.kv_heads : 1;
    const std::int64_t kv_dim = dim_ / shared;
    // From a column of the query to that of the head of keys and values it reads.
    const std::int64_t shift = (h / shared - h) * dh;
    Values a(end - begin);
    double sum = 0;
    for (std::int64_t j = begin; j < end; ++j) {
      double dot = 0;
      for (std::int64_t c = h * dh; c < (h + 1) * dh; ++c) {
        dot += q[p * dim_ + c] * k[j * kv_dim + c + shift];
      }
      sum += a[j - begin] = std::exp(scale_ * dot);
    }
    const DropoutRow row =
        MakeDropoutRow(dropout_.Key(), {row_keys_[s], static_cast<std::uint32_t>(position)}, h);
    for (std::int64_t j = begin; j < end; ++j) {
      const double f = dropout_.active() ? DropoutFactor(dropout_, row, j - begin) : 1;
      for (std::int64_t c = h * dh; c < (h + 1) * dh; ++c) {
        out[p * dim_ + c] += f * a[j - begin] / sum * v[j * kv_dim + c + shift];
      }
    }
  }
  AttentionShape shape_;
  std::int64_t dim_;
  double scale_;
  Dropout dropout_;
  std::span<const std::uint32_t> row_keys_;
};

class AttentionTest : public testing::TestWithParam<AttentionCase>, protected AttentionInputs {
 protected:
  AttentionTest() : AttentionInputs(GetParam()) {}
};

TEST_P(AttentionTest, ForwardEqualsSlowTwin) {
  AttentionForward(Args());
  const Twin twin(shape, dim, scale, drop, row_keys);
  EXPECT_LE(TensorError(
                out, twin(reference::ToDouble(q), reference::ToDouble(k), reference::ToDouble(v))),
            2e-6);
  const std::vector<float> kept = out;
  AttentionForwardArgs args = Args();
  args.state = {};
  AttentionForward(args);
  EXPECT_EQ(out, kept);
}

TEST_P(AttentionTest, SequencesDoNotDependOnTheTile) {
  AttentionForward(Args());
  const std::vector<float> all = out;
  const bool subset = GetParam().subset;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const std::vector<std::int32_t> alone = {0, offsets[s + 1] - offsets[s]};
    const std::int64_t begin = subset ? query_offsets[s] : offsets[s];
    const std::int64_t n = (subset ? query_offsets[s + 1] : offsets[s + 1]) - begin;
    const std::vector<std::int32_t> alone_queries = {0, static_cast<std::int32_t>(n)};
    AttentionForwardArgs args = Args();
    args.shape.offsets_S1 = alone;
    if (subset) {
      args.shape.query_offsets_S1 = alone_queries;
      args.shape.query_positions_P = args.shape.query_positions_P.subspan(begin, n);
    }
    args.q_PD = args.q_PD.Rows(begin, begin + n);
    args.k_TD = args.k_TD.Rows(offsets[s], offsets[s + 1]);
    args.v_TD = args.v_TD.Rows(offsets[s], offsets[s + 1]);
    args.row_keys_S = args.row_keys_S.subspan(s, 1);
    std::vector<float> part(n * dim);
    args.out_PD = MutableView(part, n, dim);
    args.state = {};
    AttentionForward(args);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + begin * dim));
  }
}

TEST_P(AttentionTest, BackwardEqualsFiniteDifferences) {
  AttentionForward(Args());
  const AttentionForwardArgs forward = Args();
  const std::vector<float> dout = RandomValues(queries * dim, 4);
  std::vector<float> dq(queries * dim, 7.0f), dk(tokens * kv_dim, 7.0f), dv(dk);
  AttentionBackward({.shape = shape,
                     .scale = scale,
                     .q_PD = forward.q_PD,
                     .k_TD = forward.k_TD,
                     .v_TD = forward.v_TD,
                     .dropout = drop,
                     .state = state,
                     .out_PD = View(out, queries, dim),
                     .dout_PD = View(dout, queries, dim),
                     .dq_PD = MutableView(dq, queries, dim),
                     .dk_TD = MutableView(dk, tokens, kv_dim),
                     .dv_TD = MutableView(dv, tokens, kv_dim)});
  const Twin twin(shape, dim, scale, drop, row_keys);
  const Values dq_ = reference::ToDouble(q), dk_ = reference::ToDouble(k),
               dv_ = reference::ToDouble(v), weights = reference::ToDouble(dout);
  ExpectSlopes(
      dq, dq_, [&](const Values& x) { return twin(x, dk_, dv_); }, weights);
  ExpectSlopes(
      dk, dk_, [&](const Values& x) { return twin(dq_, x, dv_); }, weights);
  ExpectSlopes(
      dv, dv_, [&](const Values& x) { return twin(dq_, dk_, x); }, weights);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AttentionTest,
    testing::Values(AttentionCase{{1, 3, 2}, 1, 16, AttentionMask::kCausal, 0, false},
                    AttentionCase{{10, 1, 7}, 2, 16, AttentionMask::kCausal, 0.2f, false},
                    AttentionCase{{5, 13}, 2, 20, AttentionMask::kFull, 0.3f, false},
                    AttentionCase{{50, 33}, 2, 32, AttentionMask::kCausal, 0.2f, false},
                    AttentionCase{{64}, 1, 24, AttentionMask::kFull, 0, false},
                    AttentionCase{{110}, 1, 16, AttentionMask::kCausal, 0, false},
                    AttentionCase{{110}, 1, 16, AttentionMask::kFull, 0.5f, false},
                    AttentionCase{{9, 60, 1}, 2, 16, AttentionMask::kCausal, 0.2f, true},
                    AttentionCase{{9, 17}, 2, 64, AttentionMask::kFull, 0, true},
                    AttentionCase{{60, 3, 1}, 6, 16, AttentionMask::kCausal, 0, false, 3},
                    AttentionCase{{60, 3}, 4, 12, AttentionMask::kCausal, 0.2f, true, 4},
                    AttentionCase{{9, 110}, 4, 16, AttentionMask::kFull, 0, true, 2}));

}  // namespace
}  // namespace raie::kernels
