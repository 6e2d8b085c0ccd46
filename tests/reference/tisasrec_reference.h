// What does TiSASRec add to a transformer over item rows, written as plainly as possible?
//
// Concept: the interval of every pair from the definition (backbones/tisasrec.h), its table rows
//          read number by number; for tests only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "raie/types.h"
#include "reference/transformer_reference.h"

namespace raie::reference {

// min(k, floor((t_i - t_j) / smallest non-zero interval among the events 0 .. i)).
inline std::int64_t IntervalOf(const std::vector<Timestamp>& times, std::int64_t i, std::int64_t j,
                               std::int64_t k) {
  std::int64_t scale = 0;
  for (std::int64_t a = 0; a <= i; ++a) {
    for (std::int64_t b = 0; b < a; ++b) {
      const std::int64_t apart = Seconds(times[a]) - Seconds(times[b]);
      if (apart > 0 && (scale == 0 || apart < scale)) scale = apart;
    }
  }
  if (scale == 0) return 0;
  return std::min(k, (Seconds(times[i]) - Seconds(times[j])) / scale);
}

class TisasrecReference : public TransformerReference {
 public:
  TisasrecReference(const TransformerModel& model, std::uint32_t key, std::int64_t max_interval,
                    const std::vector<Timestamp>& times)
      : TransformerReference(model, key) {
    for (std::int64_t i = 0; i < std::ssize(times); ++i) {
      intervals_.emplace_back();
      for (std::int64_t j = 0; j <= i; ++j) {
        intervals_[i].push_back(IntervalOf(times, i, j, max_interval));
      }
    }
  }

 protected:
  double InputTerm(std::int64_t /*p*/, std::int64_t /*i*/) const override { return 0; }
  double KeyTerm(const Pair& pair, std::int64_t i) const override {
    return Term(pair, i, position_keys_, interval_keys_);
  }
  double ValueTerm(const Pair& pair, std::int64_t i) const override {
    return Term(pair, i, position_values_, interval_values_);
  }

 private:
  double Term(const Pair& pair, std::int64_t i, const std::vector<double>& positions,
              const std::vector<double>& intervals) const {
    const std::int64_t d = m_.options.dim, position = m_.options.context - pair.n + pair.s;
    return positions[position * d + i] + intervals[intervals_[pair.t][pair.s] * d + i];
  }

  const std::vector<double>& Table(const char* name) const { return m_.parameters.at(name); }

  const std::vector<double>& position_keys_ = Table("position_keys.weight");
  const std::vector<double>& position_values_ = Table("position_values.weight");
  const std::vector<double>& interval_keys_ = Table("interval_keys.weight");
  const std::vector<double>& interval_values_ = Table("interval_values.weight");
  std::vector<std::vector<std::int64_t>> intervals_;  // of query i and key j
};

}  // namespace raie::reference
