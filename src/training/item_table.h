// Which row stands for each item, at the input and at the output, and which regions differ?
//
// Concept: one base table for all, and for a region a sparse set of rows of its own (`item_rows =
//          regional`). New items enter as the mean of the rows of S plus noise, so that they can be
//          ranked before anything was learnt about them. A value: copies are independent.
// Source:  METHOD section 2 ("Catalogue"), section 4 ("Item rows").
// Shapes:  base_ND [N, D]; replaced rows [n, D], row-major.
// Errors:  kInvalidArgument for shapes that do not fit, items outside the table, unsorted items.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "raie/types.h"

namespace raie {

// The rows of one region that differ from the base table.
struct ReplacedRows {
  std::vector<std::int32_t> items;  // sorted, no item twice
  std::vector<float> rows_nD;       // whole rows, not differences
};

class ItemTable {
 public:
  ItemTable() = default;
  ItemTable(std::int64_t dim, std::vector<float> base_ND);

  std::int64_t dim() const { return dim_; }
  std::int64_t num_items() const { return dim_ == 0 ? 0 : std::ssize(base_) / dim_; }
  std::span<const float> base_ND() const { return base_; }
  std::span<float> base_ND() { return base_; }
  const std::map<RegionId, ReplacedRows>& replaced() const { return replaced_; }

  // The rows of one region; kNoRegion or a region without own rows: the base table. Views of this
  // table, valid until it changes shape.
  ItemRows Rows(RegionId region) const;

  // Gives `region` rows of its own, copied from what it reads now (its training then moves them).
  ReplacedRows& MakeOwnRows(RegionId region, std::span<const std::int32_t> items);
  void SetOwnRows(RegionId region, ReplacedRows rows);
  // Gives regions.front() the mean of what the regions read, for every item one of them has a row
  // of its own for.
  void MergeOwnRows(std::span<const RegionId> regions);
  ReplacedRows* OwnRows(RegionId region);  // null: none

  // Appends rows [n, D].
  void Append(std::span<const float> rows_nD);

  // Appends rows until there are `num_items`: per dimension the mean over the first `source_items`
  // rows plus N(0, std / 10), std over the same rows. Row i depends on (seed, i) and the source
  // rows only. A table that is large enough stays as it is.
  void Grow(std::int64_t num_items, std::int64_t source_items, std::uint64_t seed);

 private:
  std::int64_t dim_ = 0;
  std::vector<float> base_;
  std::map<RegionId, ReplacedRows> replaced_;
};

}  // namespace raie
