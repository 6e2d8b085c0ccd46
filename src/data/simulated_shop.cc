#include "data/simulated_shop.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace raie {
namespace {
constexpr double kSecondsPerDay = 86400;
}  // namespace

std::vector<double> CumulativePowerLaw(std::int64_t size, double exponent) {
  std::vector<double> cumulative(size);
  double sum = 0;
  for (std::int64_t r = 0; r < size; ++r) {
    sum += std::pow(static_cast<double>(r + 1), -exponent);
    cumulative[r] = sum;
  }
  return cumulative;
}

SimulatedShop::SimulatedShop(const SimulatorOptions& options)
    : options_(options),
      span_seconds_(options.days * kSecondsPerDay),
      rank_weights_(CumulativePowerLaw(options.successors, 1)) {
  const std::int64_t interests = options.interests;
  for (std::int64_t k = 0; k < interests; ++k) {
    const std::int64_t size = (options.items + interests - 1 - k) / interests;
    popularity_.push_back(CumulativePowerLaw(size, options.popularity_exponent));
  }
  DrawBirths();
  ChooseDrifting();
  DrawChains();
}

std::int64_t SimulatedShop::SuccessorsOf(std::int64_t interest) const {
  return std::min(options_.successors, std::max<std::int64_t>(1, SizeOf(interest) - 1));
}

int SimulatedShop::VersionAt(std::int64_t interest, double moment, RandomStream& random) const {
  if (drifts_[interest] == 0) return 0;
  const std::vector<double>& times = options_.drift_times;
  const auto passed =
      static_cast<int>(std::upper_bound(times.begin(), times.end(), moment) - times.begin());
  if (passed == 0) return 0;
  switch (options_.drift) {
    case DriftKind::kNone:
      return 0;
    case DriftKind::kAbrupt:
      return passed;
    case DriftKind::kGradual: {
      const double since = moment - times[passed - 1];
      return random.Uniform() * options_.drift_length < since ? passed : passed - 1;
    }
    case DriftKind::kRecurring: {
      const double periods = std::floor((moment - times.front()) / options_.drift_length);
      return std::fmod(periods, 2) == 0 ? 1 : 0;
    }
  }
  return 0;
}

std::int32_t SimulatedShop::Popular(std::int64_t interest, double moment,
                                    RandomStream& random) const {
  constexpr int kTries = 30;
  for (int i = 0; i < kTries; ++i) {
    const auto item = static_cast<std::int32_t>(random.Categorical(popularity_[interest]));
    if (IsBorn(interest, item, moment)) return item;
  }
  return 0;  // always there
}

std::int32_t SimulatedShop::Next(std::int64_t interest, int version, std::int32_t item,
                                 double moment, RandomStream& random) const {
  constexpr int kTries = 3;
  if (random.Uniform() < options_.noise) return Popular(interest, moment, random);
  const std::vector<std::int32_t>& chain = chains_[version][interest];
  const std::int64_t width = SuccessorsOf(interest);
  const auto weights = std::span<const double>(rank_weights_).first(width);
  for (int i = 0; i < kTries; ++i) {
    const std::int32_t next = chain[item * width + random.Categorical(weights)];
    if (IsBorn(interest, next, moment)) return next;
  }
  return Popular(interest, moment, random);
}

void SimulatedShop::DrawBirths() {
  RandomStream random(PartSeed(options_, SimulatorSeed::kShop), 0);
  births_.resize(options_.items);
  for (std::int64_t item = 0; item < options_.items; ++item) {
    const bool later = random.Uniform() < options_.born_later;
    const double birth = random.Uniform();
    births_[item] = later && item >= options_.interests ? birth : 0;
  }
}

void SimulatedShop::ChooseDrifting() {
  drifts_.resize(options_.interests);
  if (options_.drift == DriftKind::kNone) return;
  drifting_ = options_.drifting_interests;
  if (drifting_.empty()) {
    RandomStream random(PartSeed(options_, SimulatorSeed::kShop), 1);
    drifting_ = SampleWithoutReplacement(options_.interests, options_.drifting, random);
  }
  std::sort(drifting_.begin(), drifting_.end());
  for (const std::int64_t interest : drifting_) drifts_[interest] = 1;
}

void SimulatedShop::DrawChains() {
  constexpr std::uint64_t kMostInterests = 1000;
  std::size_t versions = options_.drift_times.size() + 1;
  if (options_.drift == DriftKind::kNone) versions = 1;
  if (options_.drift == DriftKind::kRecurring) versions = 2;
  chains_.resize(versions);
  for (std::size_t version = 0; version < versions; ++version) {
    chains_[version].resize(options_.interests);
    for (std::int64_t k = 0; k < options_.interests; ++k) {
      if (version > 0 && drifts_[k] == 0) continue;
      RandomStream random(PartSeed(options_, SimulatorSeed::kTransitions),
                          version * kMostInterests + static_cast<std::uint64_t>(k));
      chains_[version][k] = DrawChain(k, random);
    }
  }
}

// Successors are different from each other and from the item, popular ones more often chosen.
std::vector<std::int32_t> SimulatedShop::DrawChain(std::int64_t interest,
                                                   RandomStream& random) const {
  constexpr int kTries = 50;  // after that the next one that is free
  std::vector<std::int32_t> chain;
  const std::int64_t size = SizeOf(interest);
  const std::int64_t width = SuccessorsOf(interest);
  std::vector<std::int32_t> taken_for(size, -1);
  for (std::int32_t item = 0; item < size; ++item) {
    if (size > 1) taken_for[item] = item;
    for (std::int64_t i = 0; i < width; ++i) {
      std::int32_t next = 0;
      for (int tries = 0;; ++tries) {
        next = static_cast<std::int32_t>(tries < kTries ? random.Categorical(popularity_[interest])
                                                        : (next + 1) % size);
        if (taken_for[next] != item) break;
      }
      taken_for[next] = item;
      chain.push_back(next);
    }
  }
  return chain;
}

}  // namespace raie
