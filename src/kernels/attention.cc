#include "kernels/attention.h"

#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "kernels/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

void Forward(const AttentionForwardArgs& args) {
  thread_local ForwardScratch scratch;
  const std::int64_t dim = args.q_PD.cols / args.shape.heads;
  ForHeads(args.shape, dim, [&](const Head& head) { ForwardHead(args, head, NoTerms(), scratch); });
}

void Backward(const AttentionBackwardArgs& args) {
  thread_local BackwardScratch scratch;
  const std::int64_t dim = args.q_PD.cols / args.shape.heads;
  ForHeads(args.shape, dim,
           [&](const Head& head) { BackwardHead(args, head, NoTerms(), scratch); });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(Forward);
HWY_EXPORT(Backward);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": shapes do not agree");
}

bool SameShape(ConstMatrix a, ConstMatrix b) { return a.rows == b.rows && a.cols == b.cols; }

void CheckShape(const AttentionShape& shape, ConstMatrix q, ConstMatrix k, ConstMatrix v,
                const char* what) {
  const std::int64_t kv_heads = shape.kv_heads > 0 ? shape.kv_heads : shape.heads;
  Check(!shape.offsets_S1.empty() && shape.heads > 0 && q.cols % shape.heads == 0 &&
            shape.heads % kv_heads == 0,
        what);
  Check(SameShape(k, v) && q.cols / shape.heads * kv_heads == k.cols &&
            k.rows == shape.offsets_S1.back(),
        what);
  if (shape.query_offsets_S1.empty()) {
    Check(q.rows == k.rows && shape.query_positions_P.empty(), what);
    return;
  }
  Check(shape.query_offsets_S1.size() == shape.offsets_S1.size() &&
            q.rows == shape.query_offsets_S1.back() &&
            static_cast<std::int64_t>(shape.query_positions_P.size()) == q.rows,
        what);
}
}  // namespace

std::int64_t AttentionStateSize(const AttentionShape& shape) {
  const std::span<const std::int32_t> queries =
      shape.query_offsets_S1.empty() ? shape.offsets_S1 : shape.query_offsets_S1;
  std::int64_t size = 0;
  for (std::size_t s = 0; s + 1 < shape.offsets_S1.size(); ++s) {
    size += std::int64_t{queries[s + 1] - queries[s]} *
            PaddedKeys(shape.offsets_S1[s + 1] - shape.offsets_S1[s]);
  }
  return size * shape.heads;
}

void CheckArgs(const AttentionForwardArgs& args) {
  CheckShape(args.shape, args.q_PD, args.k_TD, args.v_TD, "AttentionForward");
  Check(SameShape(args.q_PD, args.out_PD), "AttentionForward: output");
  Check(args.state.empty() ||
            static_cast<std::int64_t>(args.state.size()) == AttentionStateSize(args.shape),
        "AttentionForward: state");
  Check(!args.dropout.active() || args.row_keys_S.size() + 1 == args.shape.offsets_S1.size(),
        "AttentionForward: row keys");
}

void CheckArgs(const AttentionBackwardArgs& args) {
  CheckShape(args.shape, args.q_PD, args.k_TD, args.v_TD, "AttentionBackward");
  Check(SameShape(args.q_PD, args.out_PD) && SameShape(args.q_PD, args.dout_PD) &&
            SameShape(args.q_PD, args.dq_PD) && SameShape(args.k_TD, args.dk_TD) &&
            SameShape(args.k_TD, args.dv_TD),
        "AttentionBackward: gradients");
  Check(static_cast<std::int64_t>(args.state.size()) == AttentionStateSize(args.shape),
        "AttentionBackward: state");
}

void AttentionForward(const AttentionForwardArgs& args) {
  CheckArgs(args);
  HWY_DYNAMIC_DISPATCH(Forward)(args);
}

void AttentionBackward(const AttentionBackwardArgs& args) {
  CheckArgs(args);
  HWY_DYNAMIC_DISPATCH(Backward)(args);
}

}  // namespace raie::kernels
#endif
