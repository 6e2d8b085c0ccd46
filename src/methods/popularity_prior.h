// Do scores of a method get better if they lean on what was taken lately, and how much?
//
// Concept: a decorator around any method and any scorer. The method learns as it would without a
//          prior; the state its own choices were made at (TunedState: nothing at or after the
//          border was seen) scores the validation windows once, and every candidate (weight,
//          half-life) ranks them from those scores, counts taken up to the border. The best by
//          NDCG@10 is then used with counts up to the end of the slice: those requests of the next
//          slice are answered with. Weight 0 is a candidate, and ties go to it.
// Source:  ours (O), METHOD section 4 ("Option popularity_prior").
// Cost:    about one ranking of the validation windows and a pass over the events a half-life; no
//          samples (budget = own, which has no tuning pass: one pass over the part before it).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "methods/adapt_options.h"
#include "methods/adapt_report.h"
#include "methods/method.h"
#include "methods/popularity.h"
#include "methods/scorer.h"
#include "training/popularity_prior.h"

namespace raie {

// Returns which prior a tuned state ranks the validation windows best with.
PriorChoice ChoosePrior(const RunContext& context, const PriorOptions& options,
                        const TunedState& state);

struct PriorShape {
  double weight = 0;
  double half_life_seconds = 0;
};

// Counts the events of slices 0 .. slice.slice but those that are held out.
PopularityPrior CountPrior(const PreparedData& data, const AdaptSlice& slice,
                           const PriorShape& shape);

// Answers requests that were made before a prior's counts were taken, with what was popular then.
// Source:  METHOD section 4: counts "up to the request"; windows of S are requests of their own
//          time, those of T are all answered with the counts of F's end.
class EarlierRequests {
 public:
  // Nothing of a slice after `last_slice` and none of the rows `left_out` (sorted) is ever counted.
  EarlierRequests(const PreparedData& data, const PopularityPrior& prior, int last_slice,
                  const std::vector<std::int64_t>& left_out);

  // Turns scores of items 0, 1, ... with the prior into those of a request at `seconds`, which sees
  // the events before it; from the prior's own moment on they stay as they are.
  void Change(std::int64_t seconds, std::span<float> scores_N) const;

 private:
  double weight_;
  std::int64_t end_seconds_;
  std::vector<float> bias_N_;  // what the prior adds from its moment on
  FadingHistory history_;
};

// Returns the scorer with the prior added to its scores; the scorer itself if `prior` is null.
std::unique_ptr<Scorer> WithPrior(std::unique_ptr<Scorer> scorer,
                                  std::shared_ptr<const PopularityPrior> prior);

// Returns a method made by `make` that chooses a prior after each slice and answers with it.
std::unique_ptr<Method> MakeWithPrior(const RunContext& context, const AdaptOptions& options,
                                      MakeMethodFunction make);

}  // namespace raie
