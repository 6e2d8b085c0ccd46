// Attention of one (sequence, head), forward and backward, compiled once per instruction set.
//
// Use:     include inside a file compiled by foreach_target. What else a score or an output holds
//          besides products of queries, keys and values comes as `Terms` (see NoTerms).
// Concept: score rows are products with the transposed keys; a tile of query rows is scored,
//          normalised and multiplied with the values while in the first-level cache. A right-hand
//          side that is a plain slice of rows (values, keys, queries) is read in place.
#if defined(RAIE_KERNELS_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RAIE_KERNELS_ATTENTION_INL_H_
#undef RAIE_KERNELS_ATTENTION_INL_H_
#else
#define RAIE_KERNELS_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/aligned.h"
#include "kernels/attention.h"
#include "kernels/dropout-inl.h"
#include "kernels/gemm-inl.h"

#ifndef RAIE_KERNELS_ATTENTION_ONCE_
#define RAIE_KERNELS_ATTENTION_ONCE_
namespace raie::kernels {
// Row length of kept probabilities: whole vectors of any instruction set.
inline std::int64_t PaddedKeys(std::int64_t keys) { return (keys + 15) / 16 * 16; }
}  // namespace raie::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

// Query rows whose score gradients are kept before keys and values take theirs.
constexpr std::int64_t kQueryBlock = 48;
static_assert(kQueryBlock % kTileRows == 0);

struct Head {
  std::int64_t sequence = 0, index = 0, dim = 0;
  std::int64_t group = 0;  // whose keys and values it reads
  bool first_of_group = true;
  std::int64_t key_begin = 0, keys = 0;
  std::int64_t query_begin = 0, queries = 0;
  std::int64_t stride = 0;       // of a row of probabilities
  std::int64_t state_begin = 0;  // of the kept probabilities
  const std::int32_t* positions = nullptr;
  const std::int64_t* limits = nullptr;  // query i looks at keys 0 .. limits[i] - 1

  std::int64_t Position(std::int64_t i) const { return positions == nullptr ? i : positions[i]; }
  std::int64_t Limit(std::int64_t begin, std::int64_t end) const {
    return *std::max_element(limits + begin, limits + end);
  }
  template <class M>
  M Queries(M m) const {
    return m.Rows(query_begin, query_begin + queries).Columns(index * dim, (index + 1) * dim);
  }
  template <class M>
  M Keys(M m) const {
    return m.Rows(key_begin, key_begin + keys).Columns(group * dim, (group + 1) * dim);
  }
};

// Calls body(head) for every (sequence, head), in order.
template <class Body>
void ForHeads(const AttentionShape& shape, std::int64_t head_dim, const Body& body) {
  thread_local std::vector<std::int64_t> limits;
  const bool subset = !shape.query_offsets_S1.empty();
  std::int64_t state = 0;
  for (std::size_t s = 0; s + 1 < shape.offsets_S1.size(); ++s) {
    Head head;
    head.sequence = s;
    head.key_begin = shape.offsets_S1[s];
    head.keys = shape.offsets_S1[s + 1] - head.key_begin;
    head.query_begin = subset ? shape.query_offsets_S1[s] : head.key_begin;
    head.queries = subset ? shape.query_offsets_S1[s + 1] - head.query_begin : head.keys;
    head.stride = PaddedKeys(head.keys);
    head.dim = head_dim;
    head.positions = subset ? shape.query_positions_P.data() + head.query_begin : nullptr;
    limits.resize(head.queries);
    for (std::int64_t i = 0; i < head.queries; ++i) {
      limits[i] = shape.mask == AttentionMask::kCausal ? head.Position(i) + 1 : head.keys;
    }
    head.limits = limits.data();
    const std::int64_t shared = shape.kv_heads > 0 ? shape.heads / shape.kv_heads : 1;
    for (head.index = 0; head.index < shape.heads; ++head.index) {
      head.group = head.index / shared;
      head.first_of_group = head.index % shared == 0;
      head.state_begin = state;
      body(head);
      state += head.queries * head.stride;
    }
  }
}

// Terms of plain attention: none. Query i is the i-th of its head.
struct NoTerms {
  // What stands for the keys and values of the head.
  ConstMatrix Keys(ConstMatrix keys) const { return keys; }
  ConstMatrix Values(ConstMatrix values) const { return values; }
  // Forward: adds to the scores of query i before the softmax, and to its output.
  void AddScores(std::int64_t /*i*/, const float* /*q*/, float* /*scores*/) const {}
  void AddOutput(std::int64_t /*i*/, const float* /*weights*/, float* /*out*/) const {}
  // Backward: adds to the gradients of the weights of query i; then, given those of its scores, to
  // the query's and to those of the terms.
  void AddWeightGradients(std::int64_t /*i*/, const float* /*dout*/, float* /*dweights*/) const {}
  void AddQueryGradient(std::int64_t /*i*/, const float* /*ds*/, const float* /*q*/,
                        float* /*dq*/) const {}
  void AddValueGradients(std::int64_t /*i*/, const float* /*weights*/,
                         const float* /*dout*/) const {}
};

// A right-hand side [rows, dim], in place if its columns are whole vectors, else a padded copy.
class RightSide {
 public:
  RightSide(ConstMatrix b, AlignedFloats& copy) : cols_(b.cols), data_(b.data), stride_(b.stride) {
    if (b.cols % kLanes == 0) return;
    copy.Resize((b.cols + kPanel - 1) / kPanel * kPanel * b.rows);
    PackColumns(b.data, b.rows, b.cols, b.stride, copy.data());
    data_ = copy.data();
    stride_ = kPanel;
    panel_step_ = b.rows;
  }

  // c = (add ? c : 0) + A B[first_row .. first_row + depth - 1]
  template <LayoutA kLayout>
  HWY_INLINE void Multiply(std::int64_t rows, std::int64_t depth, const float* a, std::int64_t rs,
                           std::int64_t first_row, Store store, float* c,
                           std::int64_t c_stride) const {
    for (std::int64_t col = 0; col < cols_; col += kPanel) {
      const TileInit init = store == Store::kAdd ? TileInit{c + col, c_stride} : TileInit{};
      MultiplyPanel<kLayout>(rows, depth, a, rs,
                             Panel{data_ + col * panel_step_ + first_row * stride_, stride_},
                             std::min(kPanel, cols_ - col), init, c + col, c_stride);
    }
  }

 private:
  std::int64_t cols_;
  const float* data_;
  std::int64_t stride_;
  std::int64_t panel_step_ = 1;
};

// c[r, j] = a[r] . b_T[j] for j < limit (and, rounded up to whole vectors, what is beyond).
HWY_INLINE void MultiplyKeys(std::int64_t rows, ConstMatrix a, const float* transposed,
                             std::int64_t limit, float* c, std::int64_t c_stride) {
  for (std::int64_t j = 0; j < limit; j += kPanel) {
    MultiplyPanel<LayoutA::kRowMajor>(rows, a.cols, a.data, a.stride,
                                      Panel{transposed + j * a.cols},
                                      limit - j > kLanes ? kPanel : kLanes, {}, c + j, c_stride);
  }
}

inline void Transpose(ConstMatrix m, AlignedFloats& out) {
  out.Resize((m.rows + kPanel - 1) / kPanel * kPanel * m.cols);
  PackTransposed(m.data, m.rows, m.cols, m.stride, out.data());
}

// scores[0 .. limit - 1] become probabilities; zero up to `zero_end`.
HWY_INLINE void SoftmaxRow(float scale, std::int64_t limit, std::int64_t zero_end, float* scores) {
  const FloatVec factor = hn::Set(kFloat, scale);
  const std::int64_t whole = limit / kLanes * kLanes;
  const auto inside = hn::FirstN(kFloat, limit - whole);
  const FloatVec lowest = hn::Set(kFloat, -1e38f);
  FloatVec top = lowest;
  for (std::int64_t j = 0; j < whole; j += kLanes) {
    top = hn::Max(top, hn::LoadU(kFloat, scores + j));
  }
  if (whole < limit) {
    top = hn::Max(top, hn::IfThenElse(inside, hn::LoadU(kFloat, scores + whole), lowest));
  }
  const FloatVec shift = hn::Mul(hn::MaxOfLanes(kFloat, top), factor);
  FloatVec sum = hn::Zero(kFloat);
  for (std::int64_t j = 0; j < whole; j += kLanes) {
    const FloatVec x = hn::MulSub(hn::LoadU(kFloat, scores + j), factor, shift);
    const FloatVec e = hn::Exp(kFloat, x);
    hn::StoreU(e, kFloat, scores + j);
    sum = hn::Add(sum, e);
  }
  if (whole < limit) {
    const FloatVec x = hn::MulSub(hn::LoadU(kFloat, scores + whole), factor, shift);
    const FloatVec e = hn::IfThenElseZero(inside, hn::Exp(kFloat, hn::Min(x, hn::Zero(kFloat))));
    hn::StoreU(e, kFloat, scores + whole);
    sum = hn::Add(sum, e);
  }
  const FloatVec inverse = hn::Div(hn::Set(kFloat, 1.0f), hn::SumOfLanes(kFloat, sum));
  std::int64_t j = 0;
  for (; j < limit; j += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(kFloat, scores + j), inverse), kFloat, scores + j);
  }
  for (; j < zero_end; j += kLanes) hn::StoreU(hn::Zero(kFloat), kFloat, scores + j);
}

// weights = probability * factor; a dropped probability gets a minus sign.
HWY_INLINE void DropProbabilities(const float* factors, std::int64_t end, float* probabilities,
                                  float* weights) {
  for (std::int64_t j = 0; j < end; j += kLanes) {
    const FloatVec p = hn::LoadU(kFloat, probabilities + j);
    const FloatVec f = hn::LoadU(kFloat, factors + j);
    hn::StoreU(hn::Mul(p, f), kFloat, weights + j);
    const auto dropped = hn::Eq(f, hn::Zero(kFloat));
    hn::StoreU(hn::IfThenElse(dropped, hn::Neg(p), p), kFloat, probabilities + j);
  }
}

struct ForwardScratch {
  AlignedFloats keys, values, scores, weights, factors;
};

template <class Terms>
void ForwardHead(const AttentionForwardArgs& args, const Head& head, const Terms& terms,
                 ForwardScratch& own) {
  const ConstMatrix q = head.Queries(args.q_PD);
  const Matrix out = head.Queries(args.out_PD);
  const bool keep = !args.state.empty();
  const bool drop = args.dropout.active();
  const std::uint64_t drop_key = args.dropout.Key();
  Transpose(terms.Keys(head.Keys(args.k_TD)), own.keys);
  const RightSide values(terms.Values(head.Keys(args.v_TD)), own.values);
  own.scores.Resize(kTileRows * head.stride);
  own.weights.Resize(kTileRows * head.stride);
  own.factors.Resize(dropout::PaddedColumns(head.keys));
  for (std::int64_t r = 0; r < head.queries; r += kTileRows) {
    const std::int64_t rows = std::min<std::int64_t>(kTileRows, head.queries - r);
    const std::int64_t limit = head.Limit(r, r + rows);
    float* scores =
        keep ? args.state.data() + head.state_begin + r * head.stride : own.scores.data();
    MultiplyKeys(rows, q.Rows(r, r + rows), own.keys.data(), limit, scores, head.stride);
    for (std::int64_t i = 0; i < rows; ++i) {
      float* row = scores + i * head.stride;
      terms.AddScores(r + i, q.row(r + i), row);
      SoftmaxRow(args.scale, head.limits[r + i], keep ? head.stride : limit, row);
      if (!drop) continue;
      const TokenKey token{args.row_keys_S[head.sequence],
                           static_cast<std::uint32_t>(head.Position(r + i))};
      dropout::FillFactors(MakeDropoutRow(drop_key, token, head.index), args.dropout.threshold(),
                           args.dropout.scale(), limit, own.factors.data());
      DropProbabilities(own.factors.data(), limit, row, own.weights.data() + i * head.stride);
    }
    const float* weights = drop ? own.weights.data() : scores;
    values.Multiply<LayoutA::kRowMajor>(rows, limit, weights, head.stride, 0, Store::kSet,
                                        out.row(r), out.stride);
    for (std::int64_t i = 0; i < rows; ++i) {
      terms.AddOutput(r + i, weights + i * head.stride, out.row(r + i));
    }
  }
}

HWY_INLINE float Dot(const float* a, const float* b, std::int64_t n) {
  FloatVec sum = hn::Zero(kFloat);
  std::int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    sum = hn::MulAdd(hn::LoadU(kFloat, a + c), hn::LoadU(kFloat, b + c), sum);
  }
  float rest = 0;
  for (; c < n; ++c) rest += a[c] * b[c];
  return hn::GetLane(hn::SumOfLanes(kFloat, sum)) + rest;
}

// Turns gradients of weights (in `ds`) into gradients of scores; writes weights too if `weights` is
// not null. Both are zero up to `zero_end`.
HWY_INLINE void ScoreGradientRow(const float* state, float keep_scale, float dot, float scale,
                                 std::int64_t limit, std::int64_t zero_end, float* weights,
                                 float* ds) {
  const FloatVec zero = hn::Zero(kFloat);
  const FloatVec d = hn::Set(kFloat, dot);
  const FloatVec kept = hn::Set(kFloat, keep_scale);
  const FloatVec s = hn::Set(kFloat, scale);
  std::int64_t j = 0;
  for (; j < limit; j += kLanes) {
    const FloatVec p = hn::LoadU(kFloat, state + j);
    const FloatVec g = hn::LoadU(kFloat, ds + j);
    if (weights != nullptr) {
      const FloatVec factor = hn::IfThenElseZero(hn::Gt(p, zero), kept);
      hn::StoreU(hn::Mul(p, factor), kFloat, weights + j);
      hn::StoreU(hn::Mul(hn::Mul(hn::Abs(p), s), hn::MulSub(g, factor, d)), kFloat, ds + j);
    } else {
      hn::StoreU(hn::Mul(hn::Mul(p, s), hn::Sub(g, d)), kFloat, ds + j);
    }
  }
  for (; j < zero_end; j += kLanes) {
    hn::StoreU(zero, kFloat, ds + j);
    if (weights != nullptr) hn::StoreU(zero, kFloat, weights + j);
  }
}

struct BackwardScratch {
  AlignedFloats values, keys, queries, gradients, weights, ds;
};

struct BackwardHeadViews {
  ConstMatrix q, out, dout;
  Matrix dq, dk, dv;
};

// Score gradients and dq of query rows begin .. end - 1; their keys end at `limit`.
template <class Terms>
void QueryGradients(const AttentionBackwardArgs& args, const Head& head, const Terms& terms,
                    const BackwardHeadViews& view, const RightSide& keys, std::int64_t begin,
                    std::int64_t end, std::int64_t limit, BackwardScratch& own) {
  const bool drop = args.dropout.active();
  for (std::int64_t r = begin; r < end; r += kTileRows) {
    const std::int64_t rows = std::min<std::int64_t>(kTileRows, end - r);
    const std::int64_t tile_limit = head.Limit(r, r + rows);
    float* ds = own.ds.data() + (r - begin) * head.stride;
    MultiplyKeys(rows, view.dout.Rows(r, r + rows), own.values.data(), tile_limit, ds, head.stride);
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t offset = (r - begin + i) * head.stride;
      terms.AddWeightGradients(r + i, view.dout.row(r + i), own.ds.data() + offset);
      const float dot = Dot(view.dout.row(r + i), view.out.row(r + i), head.dim);
      const float* state = args.state.data() + head.state_begin + (r + i) * head.stride;
      float* weights = drop ? own.weights.data() + offset : nullptr;
      ScoreGradientRow(state, args.dropout.scale(), dot, args.scale, tile_limit, limit, weights,
                       own.ds.data() + offset);
      terms.AddValueGradients(r + i, drop ? weights : state, view.dout.row(r + i));
    }
    keys.Multiply<LayoutA::kRowMajor>(rows, tile_limit, ds, head.stride, 0, Store::kSet,
                                      view.dq.row(r), view.dq.stride);
    for (std::int64_t i = 0; i < rows; ++i) {
      terms.AddQueryGradient(r + i, ds + i * head.stride, view.q.row(r + i), view.dq.row(r + i));
    }
  }
}

template <class Terms>
void BackwardHead(const AttentionBackwardArgs& args, const Head& head, const Terms& terms,
                  BackwardScratch& own) {
  const BackwardHeadViews view{head.Queries(args.q_PD),    head.Queries(args.out_PD),
                               head.Queries(args.dout_PD), head.Queries(args.dq_PD),
                               head.Keys(args.dk_TD),      head.Keys(args.dv_TD)};
  const bool drop = args.dropout.active();
  Transpose(terms.Values(head.Keys(args.v_TD)), own.values);
  const RightSide keys(terms.Keys(head.Keys(args.k_TD)), own.keys);
  const RightSide queries(view.q, own.queries);
  const RightSide gradients(view.dout, own.gradients);
  own.ds.Resize(kQueryBlock * head.stride);
  own.weights.Resize(kQueryBlock * head.stride);
  // Keys whose gradients hold something: of all earlier heads of the group, or none.
  std::int64_t written = head.first_of_group ? 0 : head.keys;
  for (std::int64_t begin = 0; begin < head.queries; begin += kQueryBlock) {
    const std::int64_t end = std::min(begin + kQueryBlock, head.queries);
    const std::int64_t limit = head.Limit(begin, end);
    QueryGradients(args, head, terms, view, keys, begin, end, limit, own);
    const float* weights =
        drop ? own.weights.data() : args.state.data() + head.state_begin + begin * head.stride;
    for (std::int64_t j = 0; j < limit; j += kTileRows) {
      const std::int64_t rows = std::min<std::int64_t>(kTileRows, limit - j);
      std::int64_t first = begin;  // earlier queries do not see key j
      while (head.limits[first] <= j) ++first;
      for (std::int64_t key = std::max(j, written); key < j + rows; ++key) {
        std::fill_n(view.dk.row(key), head.dim, 0.0f);
        std::fill_n(view.dv.row(key), head.dim, 0.0f);
      }
      const std::int64_t a = (first - begin) * head.stride + j;
      gradients.Multiply<LayoutA::kTransposed>(rows, end - first, weights + a, head.stride, first,
                                               Store::kAdd, view.dv.row(j), view.dv.stride);
      queries.Multiply<LayoutA::kTransposed>(rows, end - first, own.ds.data() + a, head.stride,
                                             first, Store::kAdd, view.dk.row(j), view.dk.stride);
    }
    written = std::max(written, limit);
  }
  for (; written < head.keys; ++written) {
    std::fill_n(view.dk.row(written), head.dim, 0.0f);
    std::fill_n(view.dv.row(written), head.dim, 0.0f);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#endif
