// How well does a scorer rank S and T, in all and for whom?
//
// Concept: every window of S (training, held out) and of the test slice is ranked over the full
//          catalogue; the test slice is also cut by kind of user (seen in S or new) and kind of
//          target (seen in S, new since, outside the catalogue): 2 x 3 cells and their margins.
// Source:  METHOD section 2 ("Ranking", "Breakdown"). S is ranked over C_S (as-released: over the
// one
//          vocabulary it has), T over the scorer's
//          catalogue; a target outside is a miss and counts; a context that lost all its items is
//          ranked by popularity in the slice before the test and counted.
// Cost:    two forward passes a window (route, predict).
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/rank_windows.h"
#include "training/metrics.h"
#include "training/popularity_prior.h"

namespace raie {

enum class SetupPart { kAll, kHeldOutOnly };  // kHeldOutOnly leaves S_in_sample out (it is large)

struct EvaluationRequest {
  WindowOptions windows;
  int setup_slice = 0;
  int test_slice = 2;
  std::int64_t catalogue_size = 0;  // the scorer's: what the test slice is ranked over
  SeenItems seen = SeenItems::kRanked;
  SetupPart setup_part = SetupPart::kAll;
  const PopularityPrior* prior = nullptr;  // in the scorer's scores; windows of S are answered with
                                           // its counts as they were then
};

// Names of the two kinds of users and three kinds of targets in "T_cross".
inline constexpr std::array<const char*, 2> kUserKinds = {"returning", "new_users"};
inline constexpr std::array<const char*, 3> kTargetKinds = {"seen_items", "new_items", "outside"};

struct RegionEvaluation {
  RegionId region = kNoRegion;
  RankSummary test;
  RankSummary held_out;
};

struct EvaluationReport {
  RankSummary in_sample;
  RankSummary held_out;
  RankSummary test;
  std::array<RankSummary, 2> by_user;               // kUserKinds
  std::array<RankSummary, 3> by_target;             // kTargetKinds
  std::array<std::array<RankSummary, 3>, 2> cells;  // [user kind][target kind]
  std::vector<RegionEvaluation> regions;            // by id; the region each window is routed to
  std::int64_t empty_contexts = 0;                  // test windows ranked by popularity
  RankedSet in_sample_ranks;                        // what the means are made of, by window
  RankedSet held_out_ranks;
  RankedSet test_ranks;
};

EvaluationReport Evaluate(const Scorer& scorer, const PreparedData& data,
                          const EvaluationRequest& request, const PassRun& run);

// {"windows", "users", "recall@5", ..., "ndcg@20", "mrr", "user_mean": {...}}; means of no window
// are null.
nlohmann::ordered_json ToJson(const RankSummary& summary);

// The parts "S_in_sample", "S_held_out", "T", "T_returning", "T_new_users", "T_seen_items",
// "T_new_items", "T_outside", "T_cross" and "regions".
nlohmann::ordered_json ToJson(const EvaluationReport& report);

}  // namespace raie
