// What would a shop's log look like if it were known which interests drift, and when?
//
// Concept: items belong to interests; an interest is a Markov chain over its items with few likely
//          successors each. A user has a mixture of interests; each session follows one of them.
//          At the drift times the chosen interests change their transitions (a new version), all
//          others stay: what was learnt of them stays true. Activity and popularity follow power
//          laws, items may be born later. Everything comes from one seed.
// Source:  METHOD section 8 (simulated shop).
// Shapes:  events grouped by user, in time order, strictly increasing within a user.
// Errors:  kInvalidArgument: options out of range.
// Threads: same bytes for any number.
// Cost:    about 0.2 us an event, 26 bytes of memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"
#include "data/interaction_log.h"
#include "raie/types.h"

namespace raie {

enum class DriftKind { kNone, kAbrupt, kGradual, kRecurring };
inline std::span<const char* const> EnumNames(DriftKind) {
  static constexpr const char* kNames[] = {"none", "abrupt", "gradual", "recurring"};
  return kNames;
}

struct SimulatorOptions {
  std::int64_t users = 2000;
  std::int64_t items = 960;
  std::int64_t events = 200000;
  std::int64_t interests = 8;
  DriftKind drift = DriftKind::kAbrupt;
  std::int64_t drifting = 2;
  std::vector<std::int64_t> drifting_interests;
  std::vector<double> drift_times = {0.5};
  double drift_length = 0.2;
  std::int64_t successors = 6;
  double noise = 0.2;
  double session_events = 12;
  double mixture_sharpness = 3;
  double popularity_exponent = 0.5;
  double activity_exponent = 0.5;
  double loyal_users = 0.5;
  double born_later = 0;
  std::int64_t start_time = 1577836800;
  double days = 365;
  std::int64_t seed = 1;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.users, Field{.name = "users", .help = "people", .minimum = 1, .maximum = 1e8});
    visit(self.items, Field{.name = "items",
                            .help = "things, spread evenly over the interests",
                            .minimum = 1,
                            .maximum = 1e7});
    visit(self.events, Field{.name = "events", .help = "rows", .minimum = 1, .maximum = 4e9});
    visit(self.interests,
          Field{.name = "interests", .help = "latent clusters", .minimum = 1, .maximum = 100});
    visit(self.drift, Field{.name = "drift", .help = "how the drifting interests change"});
    visit(self.drifting, Field{.name = "drifting",
                               .help = "how many interests drift, chosen by the seed",
                               .minimum = 0,
                               .maximum = 100});
    visit(self.drifting_interests, Field{.name = "drifting_interests",
                                         .help = "which interests drift, instead of a number"});
    visit(self.drift_times,
          Field{.name = "drift_times",
                .help = "when: each starts a new version (recurring: the first one counts)",
                .unit = "shares of the time span"});
    visit(self.drift_length, Field{.name = "drift_length",
                                   .help = "gradual: how long a change takes; recurring: how long "
                                           "each version lasts, old and new in turn",
                                   .unit = "share of the time span",
                                   .minimum = 1e-6,
                                   .maximum = 1});
    visit(self.successors, Field{.name = "successors",
                                 .help = "likely next items of each item",
                                 .minimum = 1,
                                 .maximum = 1000});
    visit(self.noise, Field{.name = "noise",
                            .help = "share of steps to any item of the interest, by popularity",
                            .minimum = 0,
                            .maximum = 1});
    visit(self.session_events, Field{.name = "session_events",
                                     .help = "mean length of a session, all of one interest",
                                     .unit = "events",
                                     .minimum = 1,
                                     .maximum = 1e6});
    visit(self.mixture_sharpness,
          Field{.name = "mixture_sharpness",
                .help = "0: all interests alike for every user; 3: one or two prevail",
                .minimum = 0,
                .maximum = 20});
    visit(self.popularity_exponent, Field{.name = "popularity_exponent",
                                          .help = "popularity of an interest's r-th item: r^-x",
                                          .minimum = 0,
                                          .maximum = 5});
    visit(self.activity_exponent, Field{.name = "activity_exponent",
                                        .help = "events of the r-th most active user: r^-x",
                                        .minimum = 0,
                                        .maximum = 0.95});
    visit(self.loyal_users, Field{.name = "loyal_users",
                                  .help = "share of users active all the time; the others are "
                                          "active for a quarter of it",
                                  .minimum = 0,
                                  .maximum = 1});
    visit(self.born_later,
          Field{.name = "born_later",
                .help = "share of items that appear at a random time instead of the start",
                .minimum = 0,
                .maximum = 1});
    visit(self.start_time, Field{.name = "start_time",
                                 .help = "first possible time",
                                 .unit = "UTC seconds",
                                 .minimum = 0,
                                 .maximum = 4e9});
    visit(self.days, Field{.name = "days",
                           .help = "time span",
                           .unit = "days",
                           .minimum = 1e-3,
                           .maximum = 36500});
    visit(self.seed, Field{.name = "seed", .help = "everything random follows from it"});
  }

  void Validate() const;  // throws one error that lists every problem
};

// What is known of a simulated log, which no real one tells.
struct SimulationTruth {
  SimulatorOptions options;
  std::vector<std::int64_t> drifting;     // interests, ascending
  std::vector<Timestamp> drift_times;     // as they are in the log
  std::vector<std::int64_t> user_starts;  // [users + 1]: first event of simulated user "u<n>"
  std::vector<Timestamp> times;           // [events], with the user the key of an event
  std::vector<std::uint8_t> interests;    // [events]: true interest
  std::vector<std::uint8_t> versions;     // [events]: 0 before any drift of its interest
  std::vector<float> mixtures;            // [users, interests]: shares of sessions
};

struct Simulation {
  InteractionLog log;  // no ratings; titles "Interest 3, item 17"
  SimulationTruth truth;
};

Simulation SimulateLog(const SimulatorOptions& options, TaskPool& pool);

inline constexpr const char* kShopFiles[] = {"events.csv", "items.csv"};  // besides the truth

// Writes events.csv (user,item,time), items.csv (item,title,category) and the truth (truth.json
// and columns, docs/formats.md) as one folder.
void SaveSimulation(const Simulation& simulation, const std::filesystem::path& folder,
                    TaskPool& pool);

}  // namespace raie
