// What do all users of a simulated shop share: items, interests, and how each leads to the next?
//
// Concept: an interest is a Markov chain over its own items: each item has a few different
//          successors (the r-th with weight 1/r), and with the probability `noise` any item follows
//          by popularity. A drifting interest has one such chain for each version.
// Source:  METHOD section 8.
// Units:   moments are shares of the time span, 0 to 1.
// Threads: const methods may run concurrently; randomness comes from the caller's stream.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "data/simulator.h"

namespace raie {

// Parts of the seed: each draws its own numbers.
enum class SimulatorSeed : std::uint64_t { kShop, kTransitions, kPeople, kActivity };

inline std::uint64_t PartSeed(const SimulatorOptions& options, SimulatorSeed part) {
  return DeriveSeed(options.seed, static_cast<std::uint64_t>(part));
}

// Returns the cumulative weights 1, 1 + 2^-x, ...
std::vector<double> CumulativePowerLaw(std::int64_t size, double exponent);

class SimulatedShop {
 public:
  explicit SimulatedShop(const SimulatorOptions& options);

  const std::vector<std::int64_t>& drifting() const { return drifting_; }
  double span_seconds() const { return span_seconds_; }

  // Returns the version of an interest's chain at a moment (gradual: drawn).
  int VersionAt(std::int64_t interest, double moment, RandomStream& random) const;

  // Items of an interest are its own numbers 0, 1, ..., most popular first.
  std::int32_t Popular(std::int64_t interest, double moment, RandomStream& random) const;
  std::int32_t Next(std::int64_t interest, int version, std::int32_t item, double moment,
                    RandomStream& random) const;

  // Returns the number of an interest's item among all: interests take turns.
  std::int32_t ItemNumber(std::int64_t interest, std::int32_t item) const {
    return static_cast<std::int32_t>(item * options_.interests + interest);
  }

 private:
  std::int64_t SizeOf(std::int64_t interest) const {
    return static_cast<std::int64_t>(popularity_[interest].size());
  }
  std::int64_t SuccessorsOf(std::int64_t interest) const;
  bool IsBorn(std::int64_t interest, std::int32_t item, double moment) const {
    return births_[ItemNumber(interest, item)] <= moment;
  }
  void DrawBirths();
  void ChooseDrifting();
  void DrawChains();
  std::vector<std::int32_t> DrawChain(std::int64_t interest, RandomStream& random) const;

  const SimulatorOptions options_;
  double span_seconds_;
  std::vector<std::vector<double>> popularity_;  // by interest, cumulative
  std::vector<double> births_;                   // by item number, moment
  std::vector<std::uint8_t> drifts_;             // by interest
  std::vector<std::int64_t> drifting_;
  std::vector<double> rank_weights_;  // of successors, cumulative
  // [version][interest]: successors of each item, one item after the other.
  std::vector<std::vector<std::vector<std::int32_t>>> chains_;
};

}  // namespace raie
