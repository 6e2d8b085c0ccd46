#include "training/encode.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "training/contexts.h"

namespace raie {
namespace {

constexpr std::int64_t kWindowsAtOnce = 8192;  // bounds memory

void Normalise(std::span<float> z_D) {
  double squares = 0;
  for (const float value : z_D) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : z_D) value *= scale;
}

}  // namespace

BoundModel MakeEncoder(const Backbone& backbone, const ItemTable& items, TaskPool& pool) {
  return BoundModel({.backbone = backbone,
                     .slots = {{.adapter = nullptr, .rows = items.Rows(kNoRegion)}},
                     .catalogue_size = 0,
                     .bias_N = {}},
                    pool);
}

std::vector<float> EncodeContexts(const BoundModel& encoder, const WindowBatch& contexts,
                                  TaskPool& pool) {
  std::vector<float> z_BD = HiddenStates(encoder, {.rows = contexts}, pool);
  const std::int64_t dim = encoder.backbone().dim();
  for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
    Normalise(std::span(z_BD).subspan(row * dim, dim));
  }
  return z_BD;
}

EncodedWindows EncodeWindows(const BoundModel& encoder, const PreparedData& data,
                             const WindowSet& windows, const EncodeRequest& request,
                             TaskPool& pool) {
  const std::int64_t dim = encoder.backbone().dim();
  EncodedWindows encoded;
  encoded.z_ND.resize(windows.size() * dim);
  for (std::int64_t begin = 0; begin < windows.size(); begin += kWindowsAtOnce) {
    const std::int64_t size = std::min(kWindowsAtOnce, windows.size() - begin);
    const ReadContexts read =
        ReadContextsOf(data, std::span(windows.windows).subspan(begin, size), begin,
                       {.length = request.context, .catalogue_size = request.catalogue_size});
    const std::vector<float> z_BD = EncodeContexts(encoder, read.rows, pool);
    for (std::size_t row = 0; row < read.windows.size(); ++row) {
      std::copy_n(z_BD.data() + row * dim, dim, encoded.z_ND.data() + read.windows[row] * dim);
    }
    encoded.empty.insert(encoded.empty.end(), read.empty.begin(), read.empty.end());
  }
  return encoded;
}

}  // namespace raie
