#include "compare/time_book.h"

#include <cmath>

namespace raie {

void TimeBook::Measured(const WorkNames& names, double seconds) {
  for (const std::string& name : names) {
    measured_[name].seconds += seconds;
    ++measured_[name].count;
  }
}

void TimeBook::Guessed(const WorkNames& names, double seconds) {
  for (const std::string& name : names) {
    guessed_[name].seconds += seconds;
    ++guessed_[name].count;
  }
}

std::optional<double> TimeBook::Estimate(const WorkNames& names) const {
  for (const auto* book : {&measured_, &guessed_}) {
    for (const std::string& name : names) {
      const auto found = book->find(name);
      if (found == book->end()) continue;
      return found->second.seconds / static_cast<double>(found->second.count);
    }
  }
  return std::nullopt;
}

TimeBook::Sum TimeBook::Total(const std::string& name) const {
  const auto found = measured_.find(name);
  return found == measured_.end() ? Sum{} : found->second;
}

std::string DurationText(double seconds) {
  const auto whole = std::llround(std::ceil(seconds));
  if (whole < 90) return "about " + std::to_string(whole) + " s";
  const auto minutes = (whole + 59) / 60;
  if (minutes < 90) return "about " + std::to_string(minutes) + " min";
  return "about " + std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

}  // namespace raie
