#include "training/loss_distillation.h"

#include <algorithm>
#include <cmath>

#include "kernels/softmax.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kBlockOutputs = 32;
constexpr std::int64_t kTileItems = 512;

}  // namespace

Distillation::Distillation(const Options& options, std::span<const float> teacher_items_ND,
                           std::int64_t dim)
    : options_(options),
      dim_(dim),
      items_(std::ssize(teacher_items_ND) / dim),
      teacher_(kernels::View(teacher_items_ND, items_, dim), kernels::PackFor::kForward) {}

void Distillation::Check(const DistillationInput& input, std::span<const double> losses_P,
                         const LossGradients& gradients) const {
  const std::size_t size = losses_P.size() * dim_;
  const auto known = static_cast<std::size_t>(items_ * dim_);
  const bool fits = input.hidden_PD.size() == size && input.teacher_PD.size() == size &&
                    input.weights_P.size() == losses_P.size() && input.items_ND.size() >= known &&
                    (gradients.hidden_PD.empty() || gradients.hidden_PD.size() == size) &&
                    (gradients.items_ND.empty() || gradients.items_ND.size() >= known);
  if (!fits) throw Error(ErrorCode::kInternal, "distillation: a buffer has the wrong size");
}

void Distillation::Add(const DistillationInput& input, TaskPool& pool, std::span<double> losses_P,
                       const LossGradients& gradients) {
  Check(input, losses_P, gradients);
  const auto outputs = std::ssize(losses_P);
  student_.Pack(kernels::View(input.items_ND, items_, dim_), kernels::PackFor::kBoth);
  slopes_PN_.Resize(outputs * items_);
  pool.ForEach((outputs + kBlockOutputs - 1) / kBlockOutputs, [&](std::int64_t block, int) {
    const std::int64_t begin = block * kBlockOutputs;
    const std::int64_t end = std::min(outputs, begin + kBlockOutputs);
    Slopes(input, begin, end, losses_P);
    if (gradients.hidden_PD.empty()) return;
    kernels::Multiply(kernels::View(slopes_PN_.span(), outputs, items_).Rows(begin, end), student_,
                      kernels::Store::kAdd,
                      kernels::MutableView(gradients.hidden_PD, outputs, dim_).Rows(begin, end));
  });
  if (gradients.items_ND.empty()) return;
  scaled_PD_.Resize(outputs * dim_);
  for (std::int64_t p = 0; p < outputs; ++p) {
    const float scale = gradients.item_scale_P.empty() ? 1.0f : gradients.item_scale_P[p];
    for (std::int64_t d = 0; d < dim_; ++d) {
      scaled_PD_.data()[p * dim_ + d] = scale * input.hidden_PD[p * dim_ + d];
    }
  }
  pool.ForEach((items_ + kTileItems - 1) / kTileItems, [&](std::int64_t tile, int) {
    const std::int64_t begin = tile * kTileItems;
    const std::int64_t end = std::min(items_, begin + kTileItems);
    kernels::MultiplyOuter(kernels::View(slopes_PN_.span(), outputs, items_).Columns(begin, end),
                           kernels::View(scaled_PD_.span(), outputs, dim_), kernels::Store::kAdd,
                           kernels::MutableView(gradients.items_ND, items_, dim_).Rows(begin, end));
  });
}

void Distillation::Slopes(const DistillationInput& input, std::int64_t begin, std::int64_t end,
                          std::span<double> losses_P) {
  const auto outputs = std::ssize(losses_P);
  const std::int64_t rows = end - begin;
  const auto own = kernels::MutableView(slopes_PN_.span(), outputs, items_).Rows(begin, end);
  kernels::AlignedFloats buffer(rows * items_);
  const auto taught = kernels::MutableView(buffer.span(), rows, items_);
  kernels::MultiplyTransposed(kernels::View(input.hidden_PD, outputs, dim_).Rows(begin, end),
                              student_, {}, kernels::Store::kSet, own);
  kernels::MultiplyTransposed(kernels::View(input.teacher_PD, outputs, dim_).Rows(begin, end),
                              teacher_, {}, kernels::Store::kSet, taught);
  const double temperature = options_.temperature;
  const auto scale = static_cast<float>(1 / temperature);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span<float> q(own.row(r), items_);
    const std::span<float> p(taught.row(r), items_);
    kernels::LogSoftmax(scale, q);
    kernels::LogSoftmax(scale, p);
    const auto factor =
        static_cast<float>(input.weights_P[begin + r] * options_.weight * temperature);
    double divergence = 0;
    for (std::int64_t j = 0; j < items_; ++j) {
      const float p_j = std::exp(p[j]);
      divergence += static_cast<double>(p_j) * (p[j] - q[j]);
      q[j] = factor * (std::exp(q[j]) - p_j);
    }
    losses_P[begin + r] = options_.weight * temperature * temperature * divergence;
  }
}

}  // namespace raie
