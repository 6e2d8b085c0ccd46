#include <algorithm>
#include <cmath>
#include <limits>

#include "training/loss_kinds.h"

namespace raie::internal {
namespace {

constexpr std::int64_t kBlockOutputs = 64;
constexpr std::int64_t kItemRanges = 8;  // tasks of the item gradient; each owns a range of items
constexpr std::int64_t kLanes = 16;      // sums run in so many lanes, whatever the vector unit

float Dot(const float* a, const float* b, std::int64_t dim) {
  float lanes[kLanes] = {};
  std::int64_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += a[d + l] * b[d + l];
  }
  for (std::int64_t l = 0; d < dim; ++d, ++l) lanes[l] += a[d] * b[d];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

void AddScaled(float scale, const float* from, std::int64_t dim, float* to) {
  for (std::int64_t d = 0; d < dim; ++d) to[d] += scale * from[d];
}

double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One candidate of a target: what it is and how the weighted loss changes with its score.
struct Candidate {
  std::int32_t item;
  float slope;  // w_t dloss_t/ds
};

// `kDrawn`: negatives are drawn; `kRivals`: each target names its one.
enum class Negatives { kDrawn, kRivals };

class SampledLoss {
 public:
  SampledLoss(Negatives kind, const LossOptions& options, const LossInput& input,
              std::span<double> losses_T, const LossGradients& gradients)
      : input_(input),
        losses_T_(losses_T),
        gradients_(gradients),
        kind_(kind),
        negatives_(kind == Negatives::kRivals ? 1 : options.negatives),
        drawn_(options.drawn),
        share_(kind == Negatives::kRivals ? 1.0 : 1.0 / static_cast<double>(negatives_ + 1)),
        exponent_(options.kind == LossKind::kBce
                      ? 1.0
                      : GbceExponent(negatives_, input.catalogue_size, options.calibration)),
        candidates_(std::ssize(input.targets) * (negatives_ + 1)) {
    const std::int64_t outputs = std::ssize(input.hidden_PD) / input.dim;
    group_of_output_.resize(outputs);
    for (std::size_t g = 0; g < input.groups.size(); ++g) {
      std::fill(group_of_output_.begin() + input.groups[g].begin,
                group_of_output_.begin() + input.groups[g].end, static_cast<std::int32_t>(g));
    }
  }

  void Run(TaskPool& pool) {
    const std::int64_t outputs = std::ssize(group_of_output_);
    pool.ForEach((outputs + kBlockOutputs - 1) / kBlockOutputs, [&](std::int64_t block, int) {
      Scores(block * kBlockOutputs, std::min(outputs, (block + 1) * kBlockOutputs));
    });
    const bool own = std::any_of(input_.groups.begin(), input_.groups.end(),
                                 [](const auto& g) { return !g.grad_replaced_nD.empty(); });
    if (gradients_.items_ND.empty() && !own) return;
    pool.ForEach(kItemRanges, [&](std::int64_t range, int) { ItemGradients(range); });
  }

 private:
  void Scores(std::int64_t begin, std::int64_t end) {
    const auto by_output = [](const Target& target, std::int64_t output) {
      return target.output < output;
    };
    const auto first =
        std::lower_bound(input_.targets.begin(), input_.targets.end(), begin, by_output);
    const auto last = std::lower_bound(first, input_.targets.end(), end, by_output);
    if (!gradients_.hidden_PD.empty()) {
      std::fill(gradients_.hidden_PD.begin() + begin * input_.dim,
                gradients_.hidden_PD.begin() + end * input_.dim, 0.0f);
    }
    Scratch scratch{.negatives = std::vector<std::int32_t>(negatives_),
                    .scores = std::vector<double>(negatives_ + 1),
                    .slopes = std::vector<double>(negatives_ + 1)};
    for (auto target = first; target != last; ++target) {
      ScoresOf(target - input_.targets.begin(), scratch);
    }
  }

  // Of one target: its negatives; scores and slopes of itself, then of them.
  struct Scratch {
    std::vector<std::int32_t> negatives;
    std::vector<double> scores;
    std::vector<double> slopes;
  };

  void ScoresOf(std::int64_t t, Scratch& scratch) {
    const Target& target = input_.targets[t];
    if (kind_ == Negatives::kRivals) {
      scratch.negatives[0] = Index(target.rival);
    } else {
      Draw(t, scratch.negatives);
    }
    const ItemRows& rows = input_.groups[group_of_output_[target.output]].rows;
    const float* hidden = input_.hidden_PD.data() + target.output * input_.dim;
    const auto item_of = [&](std::int64_t c) {
      return c == 0 ? Index(target.item) : scratch.negatives[c - 1];
    };
    for (std::int64_t c = 0; c <= negatives_; ++c) {
      scratch.scores[c] = Dot(hidden, FindRow(rows, item_of(c), input_.dim).row, input_.dim);
    }
    losses_T_[t] = kind_ == Negatives::kRivals ? PairLoss(scratch) : BinaryLoss(scratch);
    for (std::int64_t c = 0; c <= negatives_; ++c) {
      Candidate& candidate = candidates_[t * (negatives_ + 1) + c];
      candidate = {item_of(c), static_cast<float>(target.weight * share_ * scratch.slopes[c])};
      if (!gradients_.hidden_PD.empty()) {
        AddScaled(candidate.slope, FindRow(rows, item_of(c), input_.dim).row, input_.dim,
                  gradients_.hidden_PD.data() + target.output * input_.dim);
      }
    }
  }

  void Draw(std::int64_t t, std::span<std::int32_t> negatives) const {
    DrawNegatives({.seed = input_.seed,
                   .step = drawn_ == NegativesDrawn::kOnce ? 0 : input_.step,
                   .target_key = input_.target_keys.empty() ? static_cast<std::uint64_t>(t)
                                                            : input_.target_keys[t],
                   .catalogue_size = input_.catalogue_size,
                   .item = input_.targets[t].item},
                  negatives);
  }

  // Each returns the loss and sets the slopes of its sum over candidates.
  double BinaryLoss(Scratch& scratch) const {
    double loss = 0;
    for (std::size_t c = 0; c < scratch.scores.size(); ++c) {
      const double score = scratch.scores[c];
      loss += c == 0 ? exponent_ * Softplus(-score) : Softplus(score);
      scratch.slopes[c] = c == 0 ? -exponent_ * Sigmoid(-score) : Sigmoid(score);
    }
    return share_ * loss;
  }

  static double PairLoss(Scratch& scratch) {
    const double behind = scratch.scores[1] - scratch.scores[0];
    scratch.slopes = {-Sigmoid(behind), Sigmoid(behind)};
    return Softplus(behind);
  }

  // Goes through all candidates in order and adds those whose item is in the range.
  void ItemGradients(std::int64_t range) {
    const std::int64_t dim = input_.dim;
    const std::int64_t begin = input_.catalogue_size * range / kItemRanges;
    const std::int64_t end = input_.catalogue_size * (range + 1) / kItemRanges;
    if (!gradients_.items_ND.empty()) {
      std::fill(gradients_.items_ND.begin() + begin * dim, gradients_.items_ND.begin() + end * dim,
                0.0f);
    }
    const bool is_last = range + 1 == kItemRanges;
    const std::int64_t clear_end = is_last ? std::numeric_limits<std::int64_t>::max() : end;
    for (const OutputGroup& group : input_.groups) ClearOwnRows(group, begin, clear_end);
    for (std::int64_t t = 0; t < std::ssize(input_.targets); ++t) {
      const std::int64_t output = input_.targets[t].output;
      const OutputGroup& group = input_.groups[group_of_output_[output]];
      const float* hidden = input_.hidden_PD.data() + output * dim;
      const float scale = gradients_.item_scale_P.empty() ? 1.0f : gradients_.item_scale_P[output];
      for (std::int64_t c = 0; c <= negatives_; ++c) {
        const Candidate& candidate = candidates_[t * (negatives_ + 1) + c];
        if (candidate.item < begin || candidate.item >= end) continue;
        const std::int64_t own = FindRow(group.rows, candidate.item, dim).replaced;
        if (own >= 0) {
          if (group.grad_replaced_nD.empty()) continue;
          AddScaled(candidate.slope, hidden, dim, group.grad_replaced_nD.data() + own * dim);
        } else if (!gradients_.items_ND.empty()) {
          AddScaled(candidate.slope * scale, hidden, dim,
                    gradients_.items_ND.data() + candidate.item * dim);
        }
      }
    }
  }

  void ClearOwnRows(const OutputGroup& group, std::int64_t begin, std::int64_t end) const {
    if (group.grad_replaced_nD.empty()) return;
    const auto& items = group.rows.replaced_items;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i] < begin || items[i] >= end) continue;
      float* row = group.grad_replaced_nD.data() + i * input_.dim;
      std::fill(row, row + input_.dim, 0.0f);
    }
  }

  const LossInput& input_;
  std::span<double> losses_T_;
  const LossGradients& gradients_;
  Negatives kind_;
  std::int64_t negatives_;
  NegativesDrawn drawn_ = NegativesDrawn::kEveryStep;
  double share_;  // of one candidate in its target's loss
  double exponent_;
  std::vector<Candidate> candidates_;  // [T, 1 + n]: the target, then its negatives
  std::vector<std::int32_t> group_of_output_;
};

}  // namespace

void ComputeSampled(const LossOptions& options, const LossInput& input, TaskPool& pool,
                    std::span<double> losses_T, const LossGradients& gradients) {
  SampledLoss(Negatives::kDrawn, options, input, losses_T, gradients).Run(pool);
}

void ComputePairs(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
                  const LossGradients& gradients) {
  SampledLoss(Negatives::kRivals, {}, input, losses_T, gradients).Run(pool);
}

}  // namespace raie::internal
