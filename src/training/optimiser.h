// How does one group of parameters move along its gradient?
//
// Concept: AdamW (Loshchilov & Hutter 2019) with the gradient clipped by its norm over the group,
//          linear warm-up, then a constant rate. A group is what moves together: the backbone, one
//          adapter, the item rows. It has its own moments and step count; a group that takes no
//          step does not change, decay included.
// Semantics: g <- g min(1, clip / |g|);  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
//          x <- x - lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay x), t = 1, 2, ...
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"

namespace raie {

struct AdamOptions {
  double learning_rate = 5e-4;
  double weight_decay = 0;
  std::int64_t warmup_steps = 0;
  double clip = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.learning_rate, Field{.name = "learning_rate",
                                    .help = "step size after warm-up",
                                    .minimum = 0,
                                    .maximum = 10,
                                    .paper = "5e-4"});
    visit(self.weight_decay, Field{.name = "weight_decay",
                                   .help = "decoupled decay of weight matrices",
                                   .minimum = 0,
                                   .maximum = 10});
    visit(self.warmup_steps, Field{.name = "warmup_steps",
                                   .help = "steps over which the rate rises linearly",
                                   .unit = "steps",
                                   .minimum = 0,
                                   .maximum = 1e9});
    visit(self.clip, Field{.name = "clip",
                           .help = "largest norm of a group's gradient; 0: no clipping",
                           .minimum = 0,
                           .maximum = 1e9});
    visit(self.beta1,
          Field{.name = "beta1", .help = "memory of the mean", .minimum = 0, .maximum = 0.9999});
    visit(
        self.beta2,
        Field{.name = "beta2", .help = "memory of the square", .minimum = 0, .maximum = 0.999999});
    visit(self.epsilon, Field{.name = "epsilon",
                              .help = "added to the root of the square",
                              .minimum = 1e-16,
                              .maximum = 1});
  }
};

// Moments of one group; a value, saved in checkpoints.
struct AdamState {
  std::vector<float> m;
  std::vector<float> v;
  std::int64_t steps = 0;

  AdamState() = default;
  explicit AdamState(std::int64_t size) : m(size), v(size) {}
  std::int64_t size() const { return std::ssize(m); }
};

// A stretch of a group; decay applies or not to the whole of it.
struct ParameterRange {
  std::int64_t begin;
  std::int64_t end;
  bool decays;
};

// Returns the rate of step t = 1, 2, ...
double LearningRate(const AdamOptions& options, std::int64_t step);

// Takes one step. `ranges` covers `values` in order; empty: everything decays. Returns the norm of
// the gradient before clipping; if it is not finite, nothing changes and the error is kInternal.
double AdamStep(const AdamOptions& options, std::span<const ParameterRange> ranges,
                std::span<const float> gradient, std::span<float> values, AdamState& state,
                TaskPool& pool);

}  // namespace raie
