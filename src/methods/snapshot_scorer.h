// How does a snapshot answer?
//
// Concept: two passes. The frozen backbone without adapter gives z, which names the region; then
//          the region's adapter and item rows give the scores, the snapshot's popularity prior
//          included. Without regions there is one pass, and so there is where a hash of the user
//          names the region (`random_regions`).
// Source:  METHOD section 4, Eq. 9 and 10.
// Errors:  those of the router.
// Threads: answers do not depend on earlier questions; methods that take a pool use it from one
//          thread at a time.
// Cost:    the first question about a catalogue packs the item rows for it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "methods/context_router.h"
#include "methods/scorer.h"
#include "regions/router.h"
#include "training/score.h"
#include "training/snapshot.h"

namespace raie {

class SnapshotScorer final : public Scorer {
 public:
  // `router` replaces routing by centres; null: by centres.
  explicit SnapshotScorer(std::shared_ptr<const Snapshot> snapshot,
                          std::shared_ptr<const ContextRouter> router = nullptr);

  void Score(const WindowBatch& contexts, std::int64_t catalogue_size,
             std::span<float> scores_BN) const override;
  std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const override;
  RoutedRanks Ranks(const WindowBatch& contexts, const RankRequest& request,
                    TaskPool& pool) const override;
  std::vector<std::vector<RankedItem>> TopK(const WindowBatch& contexts, const TopKRequest& request,
                                            TaskPool& pool) const override;

  // -log p(target) over the first `catalogue_size` items; infinite outside.
  std::vector<double> Nll(const WindowBatch& contexts, std::span<const ItemId> targets,
                          std::int64_t catalogue_size, TaskPool& pool) const;

 private:
  // A model and what it refers to.
  struct BoundCatalogue {
    std::vector<float> bias_N;  // of the prior; empty: none
    std::unique_ptr<const BoundModel> model;
  };

  // The weights, bound and packed once: for routing, and for each catalogue that is asked for.
  const BoundModel& Encoder(TaskPool& pool) const;
  const BoundModel& Bound(std::int64_t catalogue_size, TaskPool& pool) const;
  static std::vector<std::int32_t> SlotsOf(std::span<const Route> routes);

  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const ContextRouter> router_;
  std::vector<ScoringSlot> slots_;  // by slot of the region set; one if there are no regions
  mutable std::mutex mutex_;        // guards what follows
  mutable std::unique_ptr<const BoundModel> encoder_;
  mutable std::map<std::int64_t, BoundCatalogue> bound_;  // a map: what it holds stays in place
};

}  // namespace raie
