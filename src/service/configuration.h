// What can be configured in a run, and in which order do the sources of a value win?
//
// Concept: one tree of options for all commands, so that one TOML file serves a whole experiment;
//          each command reads the sections it needs. Defaults < --config < --set < flags. The
//          effective tree is saved in every artefact.
// Errors:  kInvalidArgument for an unknown key (with the nearest known one), a value outside its
//          range, text where a number is wanted; the message says where the value came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"

namespace raie {

struct Configuration {
  std::int64_t seed = 0;
  std::int64_t threads = AvailableThreads();

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.seed,
          Field{.name = "seed", .help = "first number of every random stream", .minimum = 0});
    visit(self.threads, Field{.name = "threads",
                              .help = "threads; the result does not depend on it",
                              .unit = "default: all processors",
                              .minimum = 1,
                              .maximum = 1024});
  }
};

// A value given by the user, and what to call it in an error message.
struct Setting {
  std::string key;
  std::string value;
  std::string place;  // "--set", "--min-rating"
};

// Sets `files` in order, then `settings` in order, and checks every range.
void Configure(Configuration& configuration, const std::vector<std::string>& files,
               const std::vector<Setting>& settings);

// Returns the fields of the given sections ("" stands for the top level), for --help.
std::string DescribeSections(const std::vector<std::string>& sections);

}  // namespace raie
