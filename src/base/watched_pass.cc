#include "base/watched_pass.h"

#include <algorithm>

#include "base/stopwatch.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kFirstWatched = 16;
constexpr std::int64_t kFasterAtMost = 8;  // times the piece before
constexpr double kPieceSeconds = 1;

}  // namespace

void ForEachPiece(const PassWatch& watch, std::int64_t total, std::int64_t most,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
  const Stopwatch whole;
  std::int64_t size = watch.is_watched() ? std::min(kFirstWatched, most) : most;
  for (std::int64_t begin = 0; begin < total;) {
    if (watch.cancel != nullptr && watch.cancel->IsSet()) {
      throw Error(ErrorCode::kCancelled, watch.phase + ": stopped after " + std::to_string(begin) +
                                             " of " + std::to_string(total) + " windows");
    }
    const Stopwatch piece;
    const std::int64_t end = std::min(total, begin + size);
    body(begin, end);
    begin = end;
    if (!watch.is_watched()) continue;
    const double wanted =
        static_cast<double>(size) * kPieceSeconds / std::max(1e-6, piece.seconds());
    size = std::clamp(static_cast<std::int64_t>(std::min(wanted, 1e15)), std::int64_t{1},
                      std::min(most, kFasterAtMost * size));
    if (!watch.observer) continue;
    const double rate = static_cast<double>(begin) / std::max(1e-9, whole.seconds());
    watch.observer({.phase = watch.phase,
                    .done = begin,
                    .total = total,
                    .unit = "windows",
                    .per_second = rate,
                    .seconds_left = static_cast<double>(total - begin) / rate});
  }
}

}  // namespace raie
