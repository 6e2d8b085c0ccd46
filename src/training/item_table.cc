#include "training/item_table.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefuseItems(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "item table: " + what);
}

void CheckItems(std::span<const std::int32_t> items, std::int64_t num_items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i] < 0 || items[i] >= num_items) {
      RefuseItems("item " + std::to_string(items[i]) + " is outside its " +
                  std::to_string(num_items) + " rows");
    }
    if (i > 0 && items[i] <= items[i - 1]) {
      RefuseItems("own rows must be sorted by item, none twice; item " + std::to_string(items[i]) +
                  " follows " + std::to_string(items[i - 1]));
    }
  }
}

// Mean and standard deviation per dimension over the first `rows` rows.
struct RowStatistics {
  std::vector<double> mean_D;
  std::vector<double> std_D;
};

RowStatistics StatisticsOf(std::span<const float> table_ND, std::int64_t dim, std::int64_t rows) {
  RowStatistics s{std::vector<double>(dim), std::vector<double>(dim)};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t d = 0; d < dim; ++d) s.mean_D[d] += table_ND[i * dim + d];
  }
  for (double& mean : s.mean_D) mean /= static_cast<double>(rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t d = 0; d < dim; ++d) {
      const double difference = table_ND[i * dim + d] - s.mean_D[d];
      s.std_D[d] += difference * difference;
    }
  }
  for (double& value : s.std_D) value = std::sqrt(value / static_cast<double>(rows));
  return s;
}

std::span<const float> RowOf(const ItemRows& rows, std::int32_t item, std::int64_t dim) {
  const auto& own_items = rows.replaced_items;
  const auto own = std::lower_bound(own_items.begin(), own_items.end(), item);
  const bool is_own = own != own_items.end() && *own == item;
  return is_own ? rows.replaced_rows.subspan((own - own_items.begin()) * dim, dim)
                : rows.base_ND.subspan(item * dim, dim);
}

}  // namespace

ItemTable::ItemTable(std::int64_t dim, std::vector<float> base_ND)
    : dim_(dim), base_(std::move(base_ND)) {
  if (dim < 1 || std::ssize(base_) % dim != 0) {
    RefuseItems(std::to_string(base_.size()) + " numbers do not make rows of width " +
                std::to_string(dim));
  }
}

ItemRows ItemTable::Rows(RegionId region) const {
  ItemRows rows{.base_ND = base_, .replaced_items = {}, .replaced_rows = {}};
  if (const auto found = replaced_.find(region); found != replaced_.end()) {
    rows.replaced_items = found->second.items;
    rows.replaced_rows = found->second.rows_nD;
  }
  return rows;
}

ReplacedRows& ItemTable::MakeOwnRows(RegionId region, std::span<const std::int32_t> items) {
  CheckItems(items, num_items());
  const ItemRows now = Rows(region);
  ReplacedRows made;
  std::set_union(items.begin(), items.end(), now.replaced_items.begin(), now.replaced_items.end(),
                 std::back_inserter(made.items));
  for (const std::int32_t item : made.items) {
    const auto row = RowOf(now, item, dim_);
    made.rows_nD.insert(made.rows_nD.end(), row.begin(), row.end());
  }
  return replaced_[region] = std::move(made);
}

void ItemTable::SetOwnRows(RegionId region, ReplacedRows rows) {
  CheckItems(rows.items, num_items());
  if (std::ssize(rows.rows_nD) != std::ssize(rows.items) * dim_) {
    RefuseItems(std::to_string(rows.items.size()) + " own rows need as many times " +
                std::to_string(dim_) + " numbers, not " + std::to_string(rows.rows_nD.size()));
  }
  replaced_[region] = std::move(rows);
}

void ItemTable::MergeOwnRows(std::span<const RegionId> regions) {
  std::set<std::int32_t> all;
  for (const RegionId region : regions) {
    if (const auto* own = OwnRows(region)) all.insert(own->items.begin(), own->items.end());
  }
  if (regions.size() < 2 || all.empty()) return;
  const std::vector<std::int32_t> items(all.begin(), all.end());
  ReplacedRows merged{.items = items, .rows_nD = std::vector<float>(items.size() * dim_)};
  const float share = 1 / static_cast<float>(regions.size());
  for (const RegionId region : regions) {
    const ItemRows rows = Rows(region);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto row = RowOf(rows, items[i], dim_);
      for (std::int64_t d = 0; d < dim_; ++d) merged.rows_nD[i * dim_ + d] += share * row[d];
    }
  }
  replaced_[regions.front()] = std::move(merged);
}

ReplacedRows* ItemTable::OwnRows(RegionId region) {
  const auto found = replaced_.find(region);
  return found == replaced_.end() ? nullptr : &found->second;
}

void ItemTable::Append(std::span<const float> rows_nD) {
  if (dim_ == 0 || std::ssize(rows_nD) % dim_ != 0) {
    RefuseItems(std::to_string(rows_nD.size()) + " numbers are no rows of width " +
                std::to_string(dim_));
  }
  base_.insert(base_.end(), rows_nD.begin(), rows_nD.end());
}

void ItemTable::Grow(std::int64_t new_size, std::int64_t source_items, std::uint64_t seed) {
  const std::int64_t old_size = num_items();
  if (new_size <= old_size) return;
  if (source_items < 1 || source_items > old_size) {
    RefuseItems("new rows are made from the first " + std::to_string(source_items) + " of " +
                std::to_string(old_size) + " rows: at least 1 and at most all are needed");
  }
  const RowStatistics source = StatisticsOf(base_, dim_, source_items);
  base_.resize(new_size * dim_);
  for (std::int64_t i = old_size; i < new_size; ++i) {
    RandomStream random(seed, static_cast<std::uint64_t>(i));
    for (std::int64_t d = 0; d < dim_; ++d) {
      base_[i * dim_ + d] =
          static_cast<float>(source.mean_D[d] + source.std_D[d] / 10 * random.Normal());
    }
  }
}

}  // namespace raie
