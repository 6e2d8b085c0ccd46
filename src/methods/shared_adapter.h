// How do several adapters become one that starts where they stand?
//
// Concept: the sum of low-rank updates is a low-rank update: stacking the rows of A and the columns
//          of B, weighted, gives their mean exactly. Adapters that do not exist yet leave fresh
//          rows whose B is zero. Where the mean has a higher rank than an adapter may have (regions
//          that were trained together with others before), it is cut to the nearest of that rank:
//          a truncated singular value decomposition, map by map. Otherwise the rank would grow with
//          every slice.
// Source:  METHOD section 4 ("sharing = shared": one adapter of rank K_d r); how it goes on from
//          slice to slice is ours (O).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "adapters/adapter.h"
#include "backbones/backbone.h"

namespace raie {

// `adapters` has one entry a region (null: none yet); regions may share one. Returns an adapter of
// rank entries x options.rank, or the highest rank among them if that is more, alpha / rank kept,
// whose update is the mean of theirs or, of that rank, the nearest to it.
std::shared_ptr<const Adapter> MakeSharedAdapter(
    const Backbone& backbone, const LoraOptions& options,
    std::span<const std::shared_ptr<const Adapter>> adapters, std::uint64_t seed);

// Returns the options with another rank and alpha / rank kept (rs_lora: alpha / sqrt(rank)).
LoraOptions WithRank(const LoraOptions& options, std::int64_t rank);

}  // namespace raie
