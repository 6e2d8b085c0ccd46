#include "backbones/causal_lm/text_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/gemm.h"
#include "kernels/matrix.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kRowsOfTile = 1024;

// log sum exp of some logits, as it goes.
struct LogSum {
  double maximum = -std::numeric_limits<double>::infinity();
  double sum = 0;  // of exp(logit - maximum)

  void Add(const LogSum& other) {
    const double top = std::max(maximum, other.maximum);
    if (other.sum == 0) return;
    sum = sum * std::exp(maximum - top) + other.sum * std::exp(other.maximum - top);
    maximum = top;
  }
  double value() const { return maximum + std::log(sum); }
};

LogSum LogSumOf(std::span<const float> logits) {
  LogSum sum{.maximum = *std::ranges::max_element(logits), .sum = 0};
  for (const float logit : logits) sum.sum += std::exp(logit - sum.maximum);
  return sum;
}

}  // namespace

TextScores ScoreText(const TokenRows& rows, std::span<const std::int32_t> ids,
                     std::span<const float> states_TD, TaskPool& pool) {
  const std::int64_t tokens = std::ssize(ids), vocabulary = rows.rows();
  if (tokens < 1 || vocabulary < 1 || std::ssize(states_TD) % tokens != 0) {
    throw Error(ErrorCode::kInternal, "ScoreText: shapes do not agree");
  }
  const std::int64_t d = std::ssize(states_TD) / tokens;
  const std::int64_t tiles = (vocabulary + kRowsOfTile - 1) / kRowsOfTile;
  TextScores scores{.next_V = std::vector<float>(vocabulary), .mean_nll = {}};
  std::vector<LogSum> sums(tiles * tokens);  // [tile, token]
  std::vector<float> targets(tokens);        // logit of the token that follows
  pool.ForEach(tiles, [&](std::int64_t tile, int) {
    const std::int64_t begin = tile * kRowsOfTile;
    const std::int64_t count = std::min(kRowsOfTile, vocabulary - begin);
    std::vector<float> some(count * d), logits(tokens * count);
    for (std::int64_t v = 0; v < count; ++v) {
      rows.CopyRow(begin + v, std::span(some).subspan(v * d, d));
    }
    const kernels::PackedWeights packed(kernels::View(some, count, d), kernels::PackFor::kForward);
    kernels::MultiplyTransposed(kernels::View(states_TD, tokens, d), packed, {},
                                kernels::Store::kSet, kernels::MutableView(logits, tokens, count));
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::span<const float> of_token = std::span(logits).subspan(t * count, count);
      sums[tile * tokens + t] = LogSumOf(of_token);
      if (t + 1 == tokens) {
        std::ranges::copy(of_token, scores.next_V.begin() + begin);
      } else if (ids[t + 1] >= begin && ids[t + 1] < begin + count) {
        targets[t] = of_token[ids[t + 1] - begin];
      }
    }
  });
  if (tokens == 1) return scores;
  double nll = 0;
  for (std::int64_t t = 0; t + 1 < tokens; ++t) {
    LogSum all;
    for (std::int64_t tile = 0; tile < tiles; ++tile) all.Add(sums[tile * tokens + t]);
    nll += all.value() - targets[t];
  }
  scores.mean_nll = nll / static_cast<double>(tokens - 1);
  return scores;
}

}  // namespace raie
