#include "training/popularity_prior.h"

#include <algorithm>
#include <cmath>

namespace raie {

std::vector<float> BiasOf(const PopularityPrior& prior, std::int64_t catalogue_size) {
  std::vector<float> bias_N(catalogue_size);
  const std::int64_t counted = std::min(catalogue_size, std::ssize(prior.counts_N));
  for (std::int64_t i = 0; i < counted; ++i) {
    bias_N[i] = static_cast<float>(prior.weight * std::log1p(prior.counts_N[i]));
  }
  return bias_N;
}

}  // namespace raie
