#include "training/loss.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/random.h"
#include "raie/error.h"
#include "training/loss_kinds.h"

namespace raie {
namespace {

[[noreturn]] void RefuseLoss(const std::string& what) {
  throw Error(ErrorCode::kInternal, "loss: " + what);
}

void CheckInput(const LossInput& input, const LossGradients& gradients, std::size_t num_losses) {
  const std::int64_t outputs = std::ssize(input.hidden_PD) / input.dim;
  std::int64_t covered = 0;
  for (const OutputGroup& group : input.groups) {
    if (group.begin != covered || group.end < group.begin) RefuseLoss("groups leave a hole");
    if (std::ssize(group.rows.base_ND) < input.catalogue_size * input.dim) {
      RefuseLoss("the item table is smaller than the catalogue");
    }
    covered = group.end;
  }
  if (covered != outputs)
    RefuseLoss("groups cover " + std::to_string(covered) + " of " + std::to_string(outputs) +
               " outputs");
  if (num_losses != input.targets.size()) RefuseLoss("one loss a target is wanted");
  const auto fits = [](std::size_t size, std::int64_t wanted) {
    return size == 0 || static_cast<std::int64_t>(size) == wanted;
  };
  if (!fits(gradients.hidden_PD.size(), outputs * input.dim) ||
      !fits(gradients.items_ND.size(), input.catalogue_size * input.dim) ||
      !fits(gradients.item_scale_P.size(), outputs)) {
    RefuseLoss("a gradient buffer has the wrong size");
  }
}

}  // namespace

Loss::Loss(const LossOptions& options)
    : options_(options), cross_entropy_(std::make_unique<internal::CrossEntropy>()) {
  CheckRanges(FieldsOf(options_), "loss");
}
Loss::~Loss() = default;
Loss::Loss(Loss&&) noexcept = default;
Loss& Loss::operator=(Loss&&) noexcept = default;

void Loss::Compute(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
                   const LossGradients& gradients) {
  CheckInput(input, gradients, losses_T.size());
  const auto pairs = std::ranges::count_if(
      input.targets, [](const Target& target) { return target.rival != kNoItem; });
  if (pairs > 0 && pairs != std::ssize(input.targets)) RefuseLoss("some targets have no rival");
  if (pairs > 0) {
    internal::ComputePairs(input, pool, losses_T, gradients);
  } else if (options_.kind == LossKind::kCe) {
    cross_entropy_->Compute(input, pool, losses_T, gradients);
  } else {
    internal::ComputeSampled(options_, input, pool, losses_T, gradients);
  }
  for (const double loss : losses_T) {
    if (!std::isfinite(loss)) {
      throw Error(ErrorCode::kInternal,
                  "the loss of a target is not finite; lower the learning rate or set a clip");
    }
  }
}

double GbceExponent(std::int64_t negatives, std::int64_t catalogue_size, double calibration) {
  const double alpha = static_cast<double>(negatives) /
                       static_cast<double>(std::max<std::int64_t>(1, catalogue_size - 1));
  return 1 - calibration * (1 - alpha);
}

void DrawNegatives(const NegativeDraw& draw, std::span<std::int32_t> negatives) {
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t seed = DeriveSeed(draw.seed, draw.step);
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed),
                                            static_cast<std::uint32_t>(seed >> 32)};
  const auto bound = static_cast<std::uint64_t>(draw.catalogue_size - 1);
  for (std::size_t i = 0; i < negatives.size(); i += 2) {
    const auto words = Philox(
        {static_cast<std::uint32_t>(i / 2), 0x6e656761, static_cast<std::uint32_t>(draw.target_key),
         static_cast<std::uint32_t>(draw.target_key >> 32)},
        key);
    for (std::size_t half = 0; half < 2 && i + half < negatives.size(); ++half) {
      const std::uint64_t bits = (std::uint64_t{words[2 * half + 1]} << 32) | words[2 * half];
      // Multiply-shift: uniform up to bound / 2^64.
      const auto drawn = static_cast<std::int32_t>((static_cast<Wide>(bits) * bound) >> 64);
      negatives[i + half] = drawn + (drawn >= Index(draw.item) ? 1 : 0);
    }
  }
}

namespace internal {

RowRef FindRow(const ItemRows& rows, std::int64_t item, std::int64_t dim) {
  const auto found = std::lower_bound(rows.replaced_items.begin(), rows.replaced_items.end(), item);
  if (found != rows.replaced_items.end() && *found == item) {
    const std::int64_t index = found - rows.replaced_items.begin();
    return {rows.replaced_rows.data() + index * dim, index};
  }
  return {rows.base_ND.data() + item * dim, -1};
}

}  // namespace internal
}  // namespace raie
