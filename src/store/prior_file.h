// How is a version's popularity prior kept?
//
// Concept: prior.json holds weight, half-life and the moment counts go up to (exact: shortest
//          decimal that reads back the same), prior.safetensors `counts` [items counted]. A version
//          without a prior has neither.
// Errors:  kCorruptData if the two do not fit together or hold what no prior can be.
#pragma once

#include <filesystem>

#include "training/popularity_prior.h"

namespace raie {

inline constexpr char kPriorFile[] = "prior.json";

void SavePrior(const std::filesystem::path& folder, const PopularityPrior& prior);

// `catalogue_size` is the version's: no more items can have been counted.
PopularityPrior LoadPrior(const std::filesystem::path& folder, std::int64_t catalogue_size);

}  // namespace raie
