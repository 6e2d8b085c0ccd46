#include "kernels/embedding.h"

#include <algorithm>
#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out = scale * row + position
void GatherRow(std::int64_t dim, const float* from, float scale, const float* position,
               float* out) {
  const auto factor = hn::Set(row::kTag, scale);
  row::ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const auto x = hn::Mul(lanes.Load(from + c), factor);
    lanes.Store(position == nullptr ? x : hn::Add(x, lanes.Load(position + c)), out + c);
  });
}

// to += scale * from
void AddRow(std::int64_t dim, const float* from, float scale, float* to) {
  const auto factor = hn::Set(row::kTag, scale);
  row::ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    lanes.Store(hn::MulAdd(lanes.Load(from + c), factor, lanes.Load(to + c)), to + c);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(GatherRow);
HWY_EXPORT(AddRow);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": sizes of buffers do not agree");
}

std::int64_t StrideOf(const GatherArgs& args) { return args.stride > 0 ? args.stride : args.dim; }

const float* RowOf(const GatherArgs& args, std::int32_t id) {
  const auto found = std::lower_bound(args.replaced_ids.begin(), args.replaced_ids.end(), id);
  if (found != args.replaced_ids.end() && *found == id) {
    return args.replaced_rows.data() + (found - args.replaced_ids.begin()) * StrideOf(args);
  }
  return args.table_ND.data() + id * StrideOf(args);
}
}  // namespace

void GatherRows(const GatherArgs& args) {
  const std::size_t tokens = args.ids_T.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  const auto stride = static_cast<std::size_t>(StrideOf(args));
  Check(dim > 0 && stride >= dim && args.out_TD.size() == tokens * dim &&
            args.replaced_rows.size() == args.replaced_ids.size() * stride &&
            (args.positions_LD.empty() || args.position_ids_T.size() == tokens),
        "GatherRows");
  for (std::size_t t = 0; t < tokens; ++t) {
    const float* position = args.positions_LD.empty()
                                ? nullptr
                                : args.positions_LD.data() + args.position_ids_T[t] * args.dim;
    HWY_DYNAMIC_DISPATCH(GatherRow)
    (args.dim, RowOf(args, args.ids_T[t]), args.scale, position, args.out_TD.data() + t * dim);
  }
}

void ScatterAddRows(std::int64_t dim, std::span<const float> grad,
                    std::span<const std::int32_t> ids, float scale, std::span<float> table) {
  Check(dim > 0 && grad.size() == ids.size() * static_cast<std::size_t>(dim), "ScatterAddRows");
  for (std::size_t t = 0; t < ids.size(); ++t) {
    HWY_DYNAMIC_DISPATCH(AddRow)
    (dim, grad.data() + t * dim, scale, table.data() + ids[t] * dim);
  }
}

}  // namespace raie::kernels
#endif
