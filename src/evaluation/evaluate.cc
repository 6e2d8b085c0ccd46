#include "evaluation/evaluate.h"

#include <algorithm>
#include <map>
#include <set>

#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kChunk = 16384;  // windows whose contexts are in memory at once

// Ranks by counts of a slice, for contexts of which nothing is known.
class PopularityRanks {
 public:
  PopularityRanks(const PreparedData& data, int slice, std::int64_t catalogue_size)
      : counts_(catalogue_size) {
    if (slice < 0) return;
    for (std::int64_t user = 0; user < data.num_users(); ++user) {
      const EventRange range = data.SliceEvents(static_cast<UserId>(user), slice);
      for (std::int64_t row = range.begin; row < range.end; ++row) {
        const std::int32_t item = Index(data.items()[row]);
        if (item < catalogue_size) ++counts_[item];
      }
    }
    sorted_ = counts_;
    std::sort(sorted_.begin(), sorted_.end());
  }

  std::int64_t RankOf(ItemId target) const {
    if (sorted_.empty() || Index(target) >= std::ssize(counts_)) return kOutsideCatalogue;
    return sorted_.end() - std::lower_bound(sorted_.begin(), sorted_.end(), counts_[Index(target)]);
  }

 private:
  std::vector<std::int64_t> counts_;
  std::vector<std::int64_t> sorted_;
};

struct Chunk {
  WindowBatch contexts;  // of the windows whose context is not empty
  std::vector<ItemId> targets;
  std::vector<std::int64_t> windows;
};

Chunk ReadChunk(const PreparedData& data, const WindowSet& set, std::int64_t begin,
                const RankSetRequest& request, RankedSet& result,
                const PopularityRanks& popularity) {
  Chunk chunk;
  const std::int64_t end = std::min(set.size(), begin + kChunk);
  for (std::int64_t i = begin; i < end; ++i) {
    const Window& window = set.windows[i];
    const ItemId target = data.items()[window.target];
    result.windows[i].user = window.user;
    WindowBatch& contexts = chunk.contexts;
    const std::int64_t length = AppendContext(data, window, request.context, request.catalogue_size,
                                              contexts.items, contexts.times);
    if (length == 0) {
      result.windows[i].rank = popularity.RankOf(target);
      ++result.empty_contexts;
      continue;
    }
    contexts.offsets.push_back(static_cast<std::int32_t>(contexts.items.size()));
    contexts.users.push_back(window.user);
    contexts.row_keys.push_back(static_cast<std::uint32_t>(i));
    chunk.targets.push_back(target);
    chunk.windows.push_back(i);
  }
  return chunk;
}

std::vector<RankedWindow> Select(const RankedSet& set, const std::vector<bool>& chosen) {
  std::vector<RankedWindow> result;
  for (std::size_t i = 0; i < set.windows.size(); ++i) {
    if (chosen[i]) result.push_back(set.windows[i]);
  }
  return result;
}

std::map<RegionId, std::vector<RankedWindow>> ByRegion(const RankedSet& set) {
  std::map<RegionId, std::vector<RankedWindow>> groups;
  for (std::size_t i = 0; i < set.regions.size(); ++i) {
    if (set.regions[i] != kNoRegion) groups[set.regions[i]].push_back(set.windows[i]);
  }
  return groups;
}

std::set<std::int32_t> UsersOf(const SetupWindows& setup) {
  std::set<std::int32_t> users;
  for (const WindowSet* set : {&setup.training, &setup.validation, &setup.held_out}) {
    for (const Window& window : set->windows) users.insert(Index(window.user));
  }
  return users;
}

std::vector<RegionEvaluation> EvaluateRegions(const RankedSet& held_out, const RankedSet& test) {
  std::map<RegionId, RegionEvaluation> regions;
  for (const auto& [id, windows] : ByRegion(held_out)) regions[id].held_out = Summarise(windows);
  for (const auto& [id, windows] : ByRegion(test)) regions[id].test = Summarise(windows);
  std::vector<RegionEvaluation> result;
  for (auto& [id, region] : regions) {
    region.region = id;
    result.push_back(region);
  }
  return result;
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
  const auto summary = [&](const auto& holds) {
    std::vector<bool> chosen(size);
    for (std::size_t i = 0; i < size; ++i) chosen[i] = holds(i);
    return Summarise(Select(ranked, chosen));
  };
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

RankedSet RankWindows(const Scorer& scorer, const PreparedData& data, const WindowSet& windows,
                      const RankSetRequest& request, TaskPool& pool) {
  const PopularityRanks popularity(data, request.popularity_slice, request.catalogue_size);
  RankedSet result;
  result.windows.resize(windows.size(), {UserId{0}, kOutsideCatalogue});
  for (std::int64_t begin = 0; begin < windows.size(); begin += kChunk) {
    const Chunk chunk = ReadChunk(data, windows, begin, request, result, popularity);
    if (chunk.windows.empty()) continue;
    const RankRequest ranking{.targets = chunk.targets,
                              .catalogue_size = request.catalogue_size,
                              .context_items = request.context_items};
    const RoutedRanks ranked = scorer.Ranks(chunk.contexts, ranking, pool);
    if (!ranked.routes.empty()) result.regions.resize(windows.size(), kNoRegion);
    for (std::size_t i = 0; i < chunk.windows.size(); ++i) {
      result.windows[chunk.windows[i]].rank = ranked.ranks[i];
      if (!ranked.routes.empty()) result.regions[chunk.windows[i]] = ranked.routes[i].region;
    }
  }
  return result;
}

EvaluationReport Evaluate(const Scorer& scorer, const PreparedData& data,
                          const EvaluationRequest& request, TaskPool& pool) {
  if (request.test_slice <= request.setup_slice || request.test_slice >= data.num_slices()) {
    throw Error(ErrorCode::kInvalidArgument,
                "evaluation: the test slice is " + std::to_string(request.test_slice) +
                    ", but the data has slices " + std::to_string(request.setup_slice + 1) +
                    " to " + std::to_string(data.num_slices() - 1) +
                    " after set-up; choose one of them");
  }
  const SetupWindows setup = MakeSetupWindows(data, request.setup_slice, request.windows);
  const WindowSet test = MakeWindows(data, request.test_slice, request.windows);
  const std::int64_t setup_catalogue = data.catalogue_size(request.setup_slice);
  std::int64_t done = 0;
  const std::int64_t total = test.size() + setup.held_out.size() +
                             (request.setup_part == SetupPart::kAll ? setup.training.size() : 0);
  const auto rank = [&](const WindowSet& windows, std::int64_t catalogue, int popularity_slice) {
    RankedSet ranked = RankWindows(scorer, data, windows,
                                   {.context = request.windows.context,
                                    .catalogue_size = catalogue,
                                    .context_items = request.context_items,
                                    .popularity_slice = popularity_slice},
                                   pool);
    done += windows.size();
    if (request.observer) {
      Progress progress;
      progress.phase = "evaluate";
      progress.done = done;
      progress.total = total;
      progress.unit = "windows";
      request.observer(progress);
    }
    return ranked;
  };

  EvaluationReport report;
  const RankedSet held_out = rank(setup.held_out, setup_catalogue, request.setup_slice);
  const RankedSet tested = rank(test, request.catalogue_size, request.test_slice - 1);
  if (request.setup_part == SetupPart::kAll) {
    report.in_sample =
        Summarise(rank(setup.training, setup_catalogue, request.setup_slice).windows);
  }
  report.held_out = Summarise(held_out.windows);
  report.test = Summarise(tested.windows);
  report.empty_contexts = tested.empty_contexts;
  report.regions = EvaluateRegions(held_out, tested);
  CutTest(data, setup, test, request, tested, report);
  return report;
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
