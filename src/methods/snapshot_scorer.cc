#include "methods/snapshot_scorer.h"

#include <utility>

#include "training/encode.h"
#include "training/item_table.h"

namespace raie {
namespace {

ScoringSlot SlotFor(const Snapshot& snapshot, RegionId region) {
  const Adapter* adapter = snapshot.AdapterOf(region);
  if (adapter != nullptr && adapter->IsZero()) adapter = nullptr;  // answers as the backbone
  return {.adapter = adapter, .rows = snapshot.items->Rows(region)};
}

MaskedItems Masked(const WindowBatch& contexts, const TopKRequest& request) {
  MaskedItems masked;
  for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
    std::vector<ItemId> items = request.excluded;
    if (request.context_items == ContextItems::kMasked) {
      items.insert(items.end(), contexts.items.begin() + contexts.offsets[row],
                   contexts.items.begin() + contexts.offsets[row + 1]);
    }
    masked.AppendRow(std::move(items));
  }
  return masked;
}

}  // namespace

SnapshotScorer::SnapshotScorer(std::shared_ptr<const Snapshot> snapshot,
                               std::shared_ptr<const ContextRouter> router)
    : snapshot_(std::move(snapshot)), router_(std::move(router)) {
  for (const Region& region : snapshot_->editor.regions.regions) {
    slots_.push_back(SlotFor(*snapshot_, region.id));
  }
  if (slots_.empty()) slots_.push_back(SlotFor(*snapshot_, kNoRegion));
}

const BoundModel& SnapshotScorer::Encoder(TaskPool& pool) const {
  const std::lock_guard lock(mutex_);
  if (encoder_ == nullptr) {
    encoder_ = std::make_unique<const BoundModel>(
        MakeEncoder(*snapshot_->backbone, *snapshot_->routing_items, pool));
  }
  return *encoder_;
}

const BoundModel& SnapshotScorer::Bound(std::int64_t catalogue_size, TaskPool& pool) const {
  const std::lock_guard lock(mutex_);
  BoundCatalogue& bound = bound_[catalogue_size];
  if (bound.model == nullptr) {
    if (snapshot_->prior != nullptr) bound.bias_N = BiasOf(*snapshot_->prior, catalogue_size);
    bound.model = std::make_unique<const BoundModel>(ScoringModel{.backbone = *snapshot_->backbone,
                                                                  .slots = slots_,
                                                                  .catalogue_size = catalogue_size,
                                                                  .bias_N = bound.bias_N},
                                                     pool);
  }
  return *bound.model;
}

std::vector<std::int32_t> SnapshotScorer::SlotsOf(std::span<const Route> routes) {
  std::vector<std::int32_t> slots;
  for (const Route& route : routes) slots.push_back(route.slot);
  return slots;
}

std::vector<Route> SnapshotScorer::Routes(const WindowBatch& contexts, TaskPool& pool) const {
  if (snapshot_->editor.regions.size() == 0) return {};
  if (router_ != nullptr) return router_->Routes(contexts, pool);
  return RouteMany(snapshot_->editor.regions, EncodeContexts(Encoder(pool), contexts, pool), pool);
}

void SnapshotScorer::Score(const WindowBatch& contexts, std::int64_t catalogue_size,
                           std::span<float> scores_BN) const {
  TaskPool pool(1);
  const auto slots = SlotsOf(Routes(contexts, pool));
  ScoreAll(Bound(catalogue_size, pool), {.rows = contexts, .slots = slots}, pool, scores_BN);
}

RoutedRanks SnapshotScorer::Ranks(const WindowBatch& contexts, const RankRequest& request,
                                  TaskPool& pool) const {
  if (request.change) return Scorer::Ranks(contexts, request, pool);
  RoutedRanks result;
  result.routes = Routes(contexts, pool);
  const auto slots = SlotsOf(result.routes);
  result.ranks =
      RankTargets(Bound(request.catalogue_size, pool), {.rows = contexts, .slots = slots},
                  {.targets = request.targets, .masked = request.masked}, pool);
  return result;
}

std::vector<std::vector<RankedItem>> SnapshotScorer::TopK(const WindowBatch& contexts,
                                                          const TopKRequest& request,
                                                          TaskPool& pool) const {
  if (request.change) return Scorer::TopK(contexts, request, pool);
  const auto slots = SlotsOf(Routes(contexts, pool));
  const MaskedItems masked = Masked(contexts, request);
  const auto best =
      TopItems(Bound(request.catalogue_size, pool), {.rows = contexts, .slots = slots},
               {.k = request.k, .masked = &masked}, pool);
  std::vector<std::vector<RankedItem>> result(best.size());
  for (std::size_t row = 0; row < best.size(); ++row) {
    for (const kernels::ScoredItem& scored : best[row]) {
      result[row].push_back({static_cast<ItemId>(scored.item), scored.score});
    }
  }
  return result;
}

std::vector<double> SnapshotScorer::Nll(const WindowBatch& contexts,
                                        std::span<const ItemId> targets,
                                        std::int64_t catalogue_size, TaskPool& pool) const {
  const auto slots = SlotsOf(Routes(contexts, pool));
  return TargetNll(Bound(catalogue_size, pool), {.rows = contexts, .slots = slots}, targets, pool);
}

}  // namespace raie
