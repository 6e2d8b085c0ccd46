#include "evaluation/evaluate.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "data/prepare.h"
#include "methods/popularity_prior.h"
#include "raie/error.h"

namespace raie {
namespace {

nlohmann::ordered_json MeansToJson(const RankMetrics& means, std::int64_t count) {
  nlohmann::ordered_json json;
  const auto set = [&](const std::string& name, double value) {
    json[name] = count > 0 ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    set("recall@" + std::to_string(kCutoffs[i]), means.recall[i]);
  }
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    set("ndcg@" + std::to_string(kCutoffs[i]), means.ndcg[i]);
  }
  set("mrr", means.mrr);
  return json;
}

RankSummary SummariseIf(const RankedSet& set, const std::function<bool(std::size_t)>& holds) {
  std::vector<std::int64_t> ranks;
  std::vector<UserId> users;
  for (std::size_t i = 0; i < set.ranks.size(); ++i) {
    if (!holds(i)) continue;
    ranks.push_back(set.ranks[i]);
    users.push_back(set.users[i]);
  }
  return Summarise(ranks, users);
}

std::set<std::int32_t> UsersOf(const SetupWindows& setup) {
  std::set<std::int32_t> users;
  for (const WindowSet* set : {&setup.training, &setup.validation, &setup.held_out}) {
    for (const Window& window : set->windows) users.insert(Index(window.user));
  }
  return users;
}

RankSummary SummariseRegion(const RankedSet& set, RegionId region) {
  if (set.regions.empty()) return {};
  return SummariseIf(set, [&](std::size_t i) { return set.regions[i] == region; });
}

std::vector<RegionEvaluation> EvaluateRegions(const RankedSet& held_out, const RankedSet& test) {
  std::set<RegionId> ids(held_out.regions.begin(), held_out.regions.end());
  ids.insert(test.regions.begin(), test.regions.end());
  ids.erase(kNoRegion);
  std::vector<RegionEvaluation> regions;
  for (const RegionId id : ids) {
    regions.push_back({.region = id,
                       .test = SummariseRegion(test, id),
                       .held_out = SummariseRegion(held_out, id)});
  }
  return regions;
}

// Cuts the test windows by kind of user and kind of target.
void CutTest(const PreparedData& data, const SetupWindows& setup, const WindowSet& windows,
             const EvaluationRequest& request, const RankedSet& ranked, EvaluationReport& report) {
  const std::set<std::int32_t> known = UsersOf(setup);
  const std::int64_t seen = data.catalogue_size(request.setup_slice);
  const std::size_t size = windows.windows.size();
  std::vector<int> user_kind(size);
  std::vector<int> target_kind(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int64_t item = Index(data.items()[windows.windows[i].target]);
    user_kind[i] = known.contains(Index(windows.windows[i].user)) ? 0 : 1;
    target_kind[i] = item < seen ? 0 : item < request.catalogue_size ? 1 : 2;
  }
  const auto summary = [&](const auto& holds) { return SummariseIf(ranked, holds); };
  for (int u = 0; u < 2; ++u) {
    report.by_user[u] = summary([&](std::size_t i) { return user_kind[i] == u; });
    for (int t = 0; t < 3; ++t) {
      report.cells[u][t] =
          summary([&](std::size_t i) { return user_kind[i] == u && target_kind[i] == t; });
    }
  }
  for (int t = 0; t < 3; ++t) {
    report.by_target[t] = summary([&](std::size_t i) { return target_kind[i] == t; });
  }
}

}  // namespace

EvaluationReport Evaluate(const Scorer& scorer, const PreparedData& data,
                          const EvaluationRequest& request, const PassRun& run) {
  if (request.test_slice <= request.setup_slice || request.test_slice >= data.num_slices()) {
    throw Error(ErrorCode::kInvalidArgument,
                "evaluation: the test slice is " + std::to_string(request.test_slice) +
                    ", but the data has slices " + std::to_string(request.setup_slice + 1) +
                    " to " + std::to_string(data.num_slices() - 1) +
                    " after set-up; choose one of them");
  }
  const SetupWindows setup = MakeSetupWindows(data, request.setup_slice, request.windows);
  const WindowSet test = MakeWindows(data, request.test_slice, request.windows);
  const std::int64_t setup_catalogue = OptionsOf(data).protocol == Protocol::kAsReleased
                                           ? data.num_items()
                                           : data.catalogue_size(request.setup_slice);
  std::optional<EarlierRequests> earlier;
  if (request.prior != nullptr) {
    earlier.emplace(data, *request.prior, request.setup_slice, setup.removed_events);
  }
  const auto rank = [&](const WindowSet& windows, std::int64_t catalogue, int popularity_slice) {
    const bool tests = &windows == &test;
    return RankWindows(scorer, data, windows,
                       {.context = request.windows.context,
                        .catalogue_size = catalogue,
                        .seen = request.seen,
                        .popularity_slice = popularity_slice,
                        .earlier = !tests && earlier ? &*earlier : nullptr},
                       run.Named(tests ? "evaluate: T" : "evaluate: S"));
  };

  const auto all = [](const RankedSet& set) { return Summarise(set.ranks, set.users); };

  EvaluationReport report;
  RankedSet held_out = rank(setup.held_out, setup_catalogue, request.setup_slice);
  RankedSet tested = rank(test, request.catalogue_size, request.test_slice - 1);
  if (request.setup_part == SetupPart::kAll) {
    report.in_sample_ranks = rank(setup.training, setup_catalogue, request.setup_slice);
    report.in_sample = all(report.in_sample_ranks);
  }
  report.held_out = all(held_out);
  report.test = all(tested);
  report.empty_contexts = tested.empty_contexts;
  report.regions = EvaluateRegions(held_out, tested);
  CutTest(data, setup, test, request, tested, report);
  report.held_out_ranks = std::move(held_out);
  report.test_ranks = std::move(tested);
  return report;
}

nlohmann::ordered_json ToJson(const RankSummary& summary) {
  nlohmann::ordered_json json;
  json["windows"] = summary.windows;
  json["users"] = summary.users;
  json.update(MeansToJson(summary.window_mean, summary.windows));
  json["user_mean"] = MeansToJson(summary.user_mean, summary.users);
  return json;
}

nlohmann::ordered_json ToJson(const EvaluationReport& report) {
  nlohmann::ordered_json json;
  json["S_in_sample"] = ToJson(report.in_sample);
  json["S_held_out"] = ToJson(report.held_out);
  json["T"] = ToJson(report.test);
  for (std::size_t u = 0; u < kUserKinds.size(); ++u) {
    json[std::string("T_") + kUserKinds[u]] = ToJson(report.by_user[u]);
  }
  for (std::size_t t = 0; t < kTargetKinds.size(); ++t) {
    json[std::string("T_") + kTargetKinds[t]] = ToJson(report.by_target[t]);
  }
  for (std::size_t u = 0; u < kUserKinds.size(); ++u) {
    for (std::size_t t = 0; t < kTargetKinds.size(); ++t) {
      json["T_cross"][std::string(kUserKinds[u]) + "_" + kTargetKinds[t]] =
          ToJson(report.cells[u][t]);
    }
  }
  json["T_empty_contexts"] = report.empty_contexts;
  json["regions"] = nlohmann::ordered_json::array();
  for (const RegionEvaluation& region : report.regions) {
    json["regions"].push_back({{"region", Index(region.region)},
                               {"S_held_out", ToJson(region.held_out)},
                               {"T", ToJson(region.test)}});
  }
  return json;
}

}  // namespace raie
