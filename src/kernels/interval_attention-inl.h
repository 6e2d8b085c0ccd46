// Terms of positions and intervals for attention-inl.h, compiled once per instruction set.
#if defined(RAIE_KERNELS_INTERVAL_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RAIE_KERNELS_INTERVAL_ATTENTION_INL_H_
#undef RAIE_KERNELS_INTERVAL_ATTENTION_INL_H_
#else
#define RAIE_KERNELS_INTERVAL_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <span>

#include "hwy/highway.h"
#include "kernels/attention-inl.h"
#include "kernels/interval_attention.h"
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

// Stores the sums of the 4-lane blocks of a vector.
template <class D>
HWY_INLINE void StoreBlockSums(D d, hn::Vec<D> v, float* out) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    hn::StoreU(v, d, out);
  } else {
    const hn::Half<D> half;
    StoreBlockSums(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), out);
  }
}

// out[r] = sum of the lanes of sums[r]; the order of additions is the same for each.
HWY_INLINE void StoreLaneSums(const FloatVec (&sums)[4], float* out) {
  const hn::Repartition<std::uint64_t, FloatTag> pairs;
  const auto halves = [](FloatVec a, FloatVec b) HWY_ATTR {
    return hn::Add(hn::InterleaveLower(kFloat, a, b), hn::InterleaveUpper(kFloat, a, b));
  };
  const auto ab = hn::BitCast(pairs, halves(sums[0], sums[1]));
  const auto cd = hn::BitCast(pairs, halves(sums[2], sums[3]));
  StoreBlockSums(kFloat,
                 hn::Add(hn::BitCast(kFloat, hn::InterleaveLower(pairs, ab, cd)),
                         hn::BitCast(kFloat, hn::InterleaveUpper(pairs, ab, cd))),
                 out);
}

HWY_INLINE float RangeSum(const float* values, std::int64_t begin, std::int64_t end) {
  float sum = 0;
  if (end - begin >= 2 * kLanes) {
    FloatVec lanes = hn::Zero(kFloat);
    for (; begin + kLanes <= end; begin += kLanes) {
      lanes = hn::Add(lanes, hn::LoadU(kFloat, values + begin));
    }
    sum = hn::GetLane(hn::SumOfLanes(kFloat, lanes));
  }
  for (; begin < end; ++begin) sum += values[begin];
  return sum;
}

HWY_INLINE void AddToRange(float value, std::int64_t begin, std::int64_t end, float* values) {
  const FloatVec lanes = hn::Set(kFloat, value);
  for (; begin + kLanes <= end; begin += kLanes) {
    hn::StoreU(hn::Add(hn::LoadU(kFloat, values + begin), lanes), kFloat, values + begin);
  }
  for (; begin < end; ++begin) values[begin] += value;
}

// The columns of one head in a table [rows, D].
struct TableSlice {
  const float* data;
  std::int64_t stride;
  const float* row(std::int64_t r) const { return data + r * stride; }
};

struct IntervalScratch {
  AlignedFloats keys, values;  // with the rows of their positions
  AlignedFloats sums;          // a number for each run of a query
};

class IntervalTerms {
 public:
  IntervalTerms(const RelativeTerms& terms, const RelativeGradients& gradients, const Head& head,
                std::int64_t heads, IntervalScratch& own)
      : terms_(terms), gradients_(gradients), head_(head), width_(head.dim * heads), own_(own) {
    own.sums.Resize(head.keys + 4);
  }

  ConstMatrix Keys(ConstMatrix keys) const {
    return WithPositions(keys, terms_.position_keys_LD, own_.keys);
  }
  ConstMatrix Values(ConstMatrix values) const {
    return WithPositions(values, terms_.position_values_LD, own_.values);
  }
  void AddScores(std::int64_t i, const float* q, float* scores) const {
    Spread(RunsOf(i), q, Slice(terms_.interval_keys_RD), scores);
  }
  void AddOutput(std::int64_t i, const float* weights, float* out) const {
    const auto runs = RunsOf(i);
    SumRuns(runs, weights);
    Collect(runs, Slice(terms_.interval_values_RD), out);
  }
  void AddWeightGradients(std::int64_t i, const float* dout, float* dweights) const {
    Spread(RunsOf(i), dout, Slice(terms_.interval_values_RD), dweights);
  }
  void AddQueryGradient(std::int64_t i, const float* ds, const float* q, float* dq) const {
    const auto runs = RunsOf(i);
    SumRuns(runs, ds);
    Collect(runs, Slice(terms_.interval_keys_RD), dq);
    if (!gradients_.interval_keys_RD.empty()) Scatter(runs, q, gradients_.interval_keys_RD);
  }
  void AddValueGradients(std::int64_t i, const float* weights, const float* dout) const {
    if (gradients_.interval_values_RD.empty()) return;
    const auto runs = RunsOf(i);
    SumRuns(runs, weights);
    Scatter(runs, dout, gradients_.interval_values_RD);
  }
  // After the head: what its keys and values got goes to the rows of their positions as well.
  void AddPositionGradients(ConstMatrix dk, ConstMatrix dv) const {
    if (gradients_.position_keys_LD.empty()) return;
    AddRows(dk, gradients_.position_keys_LD);
    AddRows(dv, gradients_.position_values_LD);
  }

 private:
  std::span<const IntervalRun> RunsOf(std::int64_t i) const {
    const std::int64_t token = head_.key_begin + head_.Position(i);
    const std::int32_t begin = terms_.run_offsets_T1[token];
    return terms_.runs.subspan(begin, terms_.run_offsets_T1[token + 1] - begin);
  }
  std::int64_t Column() const { return head_.index * head_.dim; }
  TableSlice Slice(std::span<const float> table) const { return {table.data() + Column(), width_}; }
  std::int64_t FirstPosition(std::size_t table_size) const {
    return static_cast<std::int64_t>(table_size) / width_ - head_.keys;
  }

  ConstMatrix WithPositions(ConstMatrix rows, std::span<const float> table,
                            AlignedFloats& sum) const {
    sum.Resize(rows.rows * rows.cols);
    const TableSlice positions = Slice(table);
    const std::int64_t first = FirstPosition(table.size());
    for (std::int64_t j = 0; j < rows.rows; ++j) {
      const float* const position = positions.row(first + j);
      float* const out = sum.data() + j * rows.cols;
      row::ForLanes(rows.cols, [&](std::int64_t c, auto access) HWY_ATTR {
        access.Store(hn::Add(access.Load(rows.row(j) + c), access.Load(position + c)), out + c);
      });
    }
    return {sum.data(), rows.rows, rows.cols, rows.cols};
  }

  void AddRows(ConstMatrix rows, std::span<float> table) const {
    const std::int64_t first = FirstPosition(table.size());
    for (std::int64_t j = 0; j < rows.rows; ++j) {
      float* const out = table.data() + (first + j) * width_ + Column();
      row::ForLanes(rows.cols, [&](std::int64_t c, auto access) HWY_ATTR {
        access.Store(hn::Add(access.Load(out + c), access.Load(rows.row(j) + c)), out + c);
      });
    }
  }

  // values[j] += x . table[interval of key j]
  void Spread(std::span<const IntervalRun> runs, const float* x, TableSlice table,
              float* values) const {
    const auto count = static_cast<std::int64_t>(runs.size());
    float* const dots = own_.sums.data();
    for (std::int64_t g = 0; g < count; g += 4) {
      const float* rows[4];
      for (int r = 0; r < 4; ++r) {
        rows[r] = table.row(runs[std::min<std::int64_t>(g + r, count - 1)].interval);
      }
      FloatVec sums[4] = {hn::Zero(kFloat), hn::Zero(kFloat), hn::Zero(kFloat), hn::Zero(kFloat)};
      row::ForLanes(head_.dim, [&](std::int64_t c, auto access) HWY_ATTR {
        const FloatVec factor = access.Load(x + c);
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
          sums[r] = hn::MulAdd(factor, access.Load(rows[r] + c), sums[r]);
        }
      });
      StoreLaneSums(sums, dots + g);
    }
    std::int64_t begin = 0;
    for (std::int64_t g = 0; g < count; ++g) {
      AddToRange(dots[g], begin, runs[g].end, values);
      begin = runs[g].end;
    }
  }

  // sums[run] = sum of its keys' values
  void SumRuns(std::span<const IntervalRun> runs, const float* values) const {
    float* sum = own_.sums.data();
    std::int64_t begin = 0;
    for (const IntervalRun& run : runs) {
      *sum++ = RangeSum(values, begin, run.end);
      begin = run.end;
    }
  }

  // out += sum over runs of sums[run] table[interval]
  void Collect(std::span<const IntervalRun> runs, TableSlice table, float* out) const {
    std::int64_t c = 0;
    for (; c + 4 * kLanes <= head_.dim; c += 4 * kLanes) {
      CollectColumns<4>(runs, {table.data + c, table.stride}, row::WholeLanes(), out + c);
    }
    for (; c + kLanes <= head_.dim; c += kLanes) {
      CollectColumns<1>(runs, {table.data + c, table.stride}, row::WholeLanes(), out + c);
    }
    if (c < head_.dim) {
      CollectColumns<1>(runs, {table.data + c, table.stride}, row::FirstLanes{head_.dim - c},
                        out + c);
    }
  }

  template <int kVecs, class Access>
  HWY_INLINE void CollectColumns(std::span<const IntervalRun> runs, TableSlice table, Access access,
                                 float* out) const {
    const float* sum = own_.sums.data();
    FloatVec total[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) total[v] = access.Load(out + v * kLanes);
    for (const IntervalRun& run : runs) {
      const FloatVec weight = hn::Set(kFloat, *sum++);
      const float* const row = table.row(run.interval);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        total[v] = hn::MulAdd(weight, access.Load(row + v * kLanes), total[v]);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) access.Store(total[v], out + v * kLanes);
  }

  // dtable[interval] += sums[run] x
  void Scatter(std::span<const IntervalRun> runs, const float* x, std::span<float> dtable) const {
    const float* sum = own_.sums.data();
    for (const IntervalRun& run : runs) {
      const FloatVec weight = hn::Set(kFloat, *sum++);
      float* const row = dtable.data() + run.interval * width_ + Column();
      row::ForLanes(head_.dim, [&](std::int64_t c, auto access) HWY_ATTR {
        access.Store(hn::MulAdd(weight, access.Load(x + c), access.Load(row + c)), row + c);
      });
    }
  }

  const RelativeTerms& terms_;
  const RelativeGradients& gradients_;
  const Head& head_;
  std::int64_t width_;
  IntervalScratch& own_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#endif
