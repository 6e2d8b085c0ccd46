#include "training/optimiser.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/adamw.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kPiece = 1 << 16;  // numbers a task handles

std::int64_t NumPieces(std::int64_t size) { return (size + kPiece - 1) / kPiece; }

double Norm(std::span<const float> gradient, TaskPool& pool) {
  std::vector<double> squares(NumPieces(std::ssize(gradient)));
  pool.ForEach(std::ssize(squares), [&](std::int64_t task, int) {
    const std::int64_t begin = task * kPiece;
    const std::int64_t size = std::min(kPiece, std::ssize(gradient) - begin);
    squares[task] = kernels::SumOfSquares(gradient.subspan(begin, size));
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

// Returns the parts of `ranges` inside one piece, counted from its beginning.
std::vector<kernels::AdamWRange> Clip(std::span<const ParameterRange> ranges, std::int64_t begin,
                                      std::int64_t end) {
  if (ranges.empty()) return {{0, end - begin, true}};
  std::vector<kernels::AdamWRange> inside;
  for (const ParameterRange& range : ranges) {
    const std::int64_t from = std::max(range.begin, begin);
    const std::int64_t to = std::min(range.end, end);
    if (from < to) inside.push_back({from - begin, to - begin, range.decays});
  }
  return inside;
}

}  // namespace

double LearningRate(const AdamOptions& options, std::int64_t step) {
  if (step >= options.warmup_steps) return options.learning_rate;
  return options.learning_rate * static_cast<double>(step) /
         static_cast<double>(options.warmup_steps);
}

double AdamStep(const AdamOptions& options, std::span<const ParameterRange> ranges,
                std::span<const float> gradient, std::span<float> values, AdamState& state,
                TaskPool& pool) {
  const double norm = Norm(gradient, pool);
  if (!std::isfinite(norm)) {
    throw Error(ErrorCode::kInternal,
                "optimiser step " + std::to_string(state.steps + 1) +
                    ": the gradient is not finite; lower the learning rate or set a clip");
  }
  ++state.steps;
  const bool clips = options.clip > 0 && norm > options.clip;
  pool.ForEach(NumPieces(std::ssize(values)), [&](std::int64_t task, int) {
    const std::int64_t begin = task * kPiece;
    const std::int64_t size = std::min(kPiece, std::ssize(values) - begin);
    const std::vector<kernels::AdamWRange> inside = Clip(ranges, begin, begin + size);
    kernels::AdamWStep({.learning_rate = LearningRate(options, state.steps),
                        .beta1 = options.beta1,
                        .beta2 = options.beta2,
                        .eps = options.epsilon,
                        .weight_decay = options.weight_decay,
                        .step = state.steps,
                        .gradient_scale = clips ? static_cast<float>(options.clip / norm) : 1.0f,
                        .ranges = inside,
                        .gradient = gradient.subspan(begin, size),
                        .parameters = values.subspan(begin, size),
                        .first_moment = std::span(state.m).subspan(begin, size),
                        .second_moment = std::span(state.v).subspan(begin, size)});
  });
  return norm;
}

}  // namespace raie
