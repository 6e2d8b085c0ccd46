#include "training/encode.h"

#include <cmath>
#include <span>

namespace raie {
namespace {

void Normalise(std::span<float> z_D) {
  double squares = 0;
  for (const float value : z_D) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : z_D) value *= scale;
}

}  // namespace

BoundModel MakeEncoder(const Backbone& backbone, const ItemTable& items, TaskPool& pool,
                       const Adapter* adapter) {
  return BoundModel({.backbone = backbone,
                     .slots = {{.adapter = adapter, .rows = items.Rows(kNoRegion)}},
                     .catalogue_size = 0,
                     .bias_N = {}},
                    pool);
}

std::vector<float> EncodeContexts(const BoundModel& encoder, const WindowBatch& contexts,
                                  TaskPool& pool, Pooling pooling) {
  std::vector<float> z_BD = pooling == Pooling::kLast
                                ? HiddenStates(encoder, {.rows = contexts}, pool)
                                : MeanHiddenStates(encoder, {.rows = contexts}, pool);
  const std::int64_t dim = encoder.backbone().dim();
  for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
    Normalise(std::span(z_BD).subspan(row * dim, dim));
  }
  return z_BD;
}

}  // namespace raie
