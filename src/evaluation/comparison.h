// How do methods compare on one prepared data set, from one model fitted on S?
//
// Concept: every method starts from the same snapshot, learns from the same slice with the same
//          seed and budget, and is evaluated on the same windows. One row a method and seed.
// Source:  METHOD sections 2 ("Budget": what is always reported), 5 and 8.
// Units:   seconds of wall time.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "evaluation/evaluate.h"
#include "methods/method.h"
#include "raie/progress.h"

namespace raie {

struct ComparedMethod {
  std::string label;  // "raie --editor paper"
  std::string method;
  AdaptOptions options;
};

// Frozen, one LoRA, a LoRA of RAIE's size, RAIE as in the paper, RAIE. What concerns every method
// (budget, item rows, adapters, optimiser) is taken from `options`, RAIE's own from the presets.
std::vector<ComparedMethod> StandardComparison(const AdaptOptions& options);

struct ComparisonRequest {
  const Snapshot& setup;  // with regions
  const SetupWindows& setup_windows;
  const AdaptSlice& slice;
  EvaluationRequest evaluation;  // its catalogue is the slice's
  std::span<const std::uint64_t> seeds;
  ProgressObserver observer = nullptr;
  const CancelFlag* cancel = nullptr;
  const RefitOptions* refit = nullptr;
};

struct ComparisonRow {
  std::string label;
  std::uint64_t seed = 0;
  EvaluationReport evaluation;
  AdaptReport adapt;
};

// A method that has learnt from the slice.
struct Learnt {
  std::unique_ptr<Method> method;
  AdaptReport report;
};

Learnt LearnFromSlice(const ComparedMethod& compared, const RunContext& context,
                      const ComparisonRequest& request);

std::vector<ComparisonRow> CompareMethods(std::span<const ComparedMethod> methods,
                                          const PreparedData& data,
                                          const ComparisonRequest& request, TaskPool& pool);

// What a method with regions did with each: {"region", "gate": why it was open to training, or
// "shut", "trained", "kept", "new_windows", "memory_windows", "rows_per_step"}, and, if a gain gate
// asked, {"gain" (nats per window, above 0 is better), "gain_users", "gain_p_value",
// "gain_p_adjusted"}.
nlohmann::ordered_json RegionsToJson(const AdaptReport& report);

// {"weight", "half_life_days", "F_validation_ndcg@10", "without_prior", "candidates": [...]};
// without the seconds it took, so that it depends on the run alone.
nlohmann::ordered_json ToJson(const PriorChoice& choice);

// Means over the seeds of one method: {"method", "S_held_out": {"recall@10", "ndcg@10"}, "T": ...,
// "seconds", "samples", "steps", "trained_parameters", ...}; one object a method. With a popularity
// prior: "prior_seconds" and "priors", what was chosen with each seed; with regions "regions",
// RegionsToJson with each seed.
nlohmann::ordered_json ToJson(std::span<const ComparisonRow> rows);

}  // namespace raie
