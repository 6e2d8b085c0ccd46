#include "kernels/interval_attention.h"

#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/interval_attention.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "kernels/interval_attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

void IntervalForward(const AttentionForwardArgs& args, const RelativeTerms& relative) {
  thread_local ForwardScratch scratch;
  thread_local IntervalScratch own;
  const std::int64_t heads = args.shape.heads;
  ForHeads(args.shape, args.q_PD.cols / heads, [&](const Head& head) {
    ForwardHead(args, head, IntervalTerms(relative, {}, head, heads, own), scratch);
  });
}

void IntervalBackward(const AttentionBackwardArgs& args, const RelativeTerms& relative,
                      const RelativeGradients& gradients) {
  thread_local BackwardScratch scratch;
  thread_local IntervalScratch own;
  const std::int64_t heads = args.shape.heads;
  ForHeads(args.shape, args.q_PD.cols / heads, [&](const Head& head) {
    const IntervalTerms terms(relative, gradients, head, heads, own);
    BackwardHead(args, head, terms, scratch);
    terms.AddPositionGradients(head.Keys(args.dk_TD), head.Keys(args.dv_TD));
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(IntervalForward);
HWY_EXPORT(IntervalBackward);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string("IntervalAttention: ") + what);
}

void CheckTerms(const AttentionShape& shape, std::int64_t width, const RelativeTerms& terms) {
  Check(shape.mask == AttentionMask::kCausal, "the mask is not causal");
  const auto positions = static_cast<std::int64_t>(terms.position_keys_LD.size()) / width;
  const auto intervals = static_cast<std::int64_t>(terms.interval_keys_RD.size()) / width;
  Check(terms.position_keys_LD.size() == terms.position_values_LD.size() &&
            terms.interval_keys_RD.size() == terms.interval_values_RD.size() &&
            terms.position_keys_LD.size() % width == 0 &&
            terms.interval_keys_RD.size() % width == 0,
        "tables of different shapes");
  Check(static_cast<std::int64_t>(terms.run_offsets_T1.size()) == shape.offsets_S1.back() + 1 &&
            terms.run_offsets_T1.back() == static_cast<std::int64_t>(terms.runs.size()),
        "runs of another tile");
  for (std::size_t s = 0; s + 1 < shape.offsets_S1.size(); ++s) {
    const std::int32_t begin = shape.offsets_S1[s], end = shape.offsets_S1[s + 1];
    Check(end - begin <= positions, "a sequence longer than the positions");
    for (std::int32_t t = begin; t < end; ++t) {
      const std::int32_t first = terms.run_offsets_T1[t], last = terms.run_offsets_T1[t + 1] - 1;
      Check(first <= last && terms.runs[last].end == t - begin + 1,
            "the runs of a query do not end at it");
      Check(terms.runs[first].interval < intervals, "an interval longer than the table");
    }
  }
}

void CheckGradients(const RelativeTerms& terms, const RelativeGradients& gradients) {
  if (gradients.position_keys_LD.empty() && gradients.position_values_LD.empty() &&
      gradients.interval_keys_RD.empty() && gradients.interval_values_RD.empty()) {
    return;
  }
  Check(gradients.position_keys_LD.size() == terms.position_keys_LD.size() &&
            gradients.position_values_LD.size() == terms.position_values_LD.size() &&
            gradients.interval_keys_RD.size() == terms.interval_keys_RD.size() &&
            gradients.interval_values_RD.size() == terms.interval_values_RD.size(),
        "gradients of other shapes than their tables");
}
}  // namespace

void IntervalAttentionForward(const AttentionForwardArgs& args, const RelativeTerms& terms) {
  CheckArgs(args);
  CheckTerms(args.shape, args.q_PD.cols, terms);
  HWY_DYNAMIC_DISPATCH(IntervalForward)(args, terms);
}

void IntervalAttentionBackward(const AttentionBackwardArgs& args, const RelativeTerms& terms,
                               const RelativeGradients& gradients) {
  CheckArgs(args);
  CheckTerms(args.shape, args.q_PD.cols, terms);
  CheckGradients(terms, gradients);
  HWY_DYNAMIC_DISPATCH(IntervalBackward)(args, terms, gradients);
}

}  // namespace raie::kernels
#endif
