// How much does a recommender lean on what everybody took lately?
//
// Concept: score of item i = logit + weight log(1 + c_i), where c_i counts the events of item i up
//          to a moment, each fading with age. The counts are part of what answers, like the item
//          rows: they are taken when the model has learnt from a slice, and stay as they are until
//          it learns from the next one.
// Source:  ours (O), METHOD section 4 ("Option popularity_prior"). How weight and half-life are
//          chosen: methods/popularity_prior.h.
// Shapes:  counts_N [items that were counted]; items after them have count 0.
// Units:   seconds.
#pragma once

#include <cstdint>
#include <vector>

namespace raie {

struct PopularityPrior {
  double weight = 0;
  double half_life_seconds = 0;
  std::int64_t end_seconds = 0;  // the moment: only events before it are counted
  std::vector<float> counts_N;   // sum over the events of 2^(-(end - time) / half-life)
};

// Returns what is added to the scores of items 0 .. catalogue_size - 1.
// Semantics: bias[i] = weight log(1 + counts[i])
std::vector<float> BiasOf(const PopularityPrior& prior, std::int64_t catalogue_size);

}  // namespace raie
