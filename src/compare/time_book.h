// How long will the rest of a comparison take?
//
// Concept: a piece of work is known by names from the particular to the general ("cell sasrec
//          lora", "cell sasrec", "cell"). What has been measured under the most particular name is
//          the best guess; before anything is measured, a probe's guess is used.
// Units:   seconds of wall time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace raie {

using WorkNames = std::vector<std::string>;  // most particular first

class TimeBook {
 public:
  struct Sum {
    double seconds = 0;
    std::int64_t count = 0;
  };

  void Measured(const WorkNames& names, double seconds);
  void Guessed(const WorkNames& names, double seconds);  // by a probe

  // The mean of what was measured under the first name that was measured at all, or else of what
  // was guessed so.
  std::optional<double> Estimate(const WorkNames& names) const;

  // What was measured under a name.
  Sum Total(const std::string& name) const;

 private:
  std::map<std::string, Sum> measured_;
  std::map<std::string, Sum> guessed_;
};

// "about 3 h 20 min", "about 40 s".
std::string DurationText(double seconds);

}  // namespace raie
