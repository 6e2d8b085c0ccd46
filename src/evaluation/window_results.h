// How are the results of single windows kept, for statistics and pictures?
//
// Concept: one compact file a set of windows and run: columns of user, target, rank, region, margin
//          and the best items, in the order of the windows. docs/formats.md.
// Errors:  kCorruptData for a file that is none, cut short or too long.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/rank_windows.h"
#include "raie/types.h"

namespace raie {

// Lists have one entry a window.
struct WindowResults {
  std::vector<UserId> users;
  std::vector<ItemId> targets;
  std::vector<std::int32_t> ranks;  // 0: the catalogue lacks the target
  std::vector<RegionId> regions;    // kNoRegion for methods without regions
  std::vector<float> margins;
  std::int64_t num_top = 0;
  std::vector<ItemId> top;  // [windows, num_top], best first

  std::int64_t size() const { return std::ssize(users); }
  bool operator==(const WindowResults&) const = default;
};

// `top` may be empty.
WindowResults MakeWindowResults(const PreparedData& data, const WindowSet& windows,
                                const RankedSet& ranked, std::vector<ItemId> top);

// Appends the windows of `more` (results of the same number of best items).
void AppendResults(const WindowResults& more, WindowResults& results);

std::string EncodeWindowResults(const WindowResults& results);
WindowResults DecodeWindowResults(std::string_view bytes, std::string_view place);
WindowResults LoadWindowResults(const std::filesystem::path& path);

// Returns NDCG@10 (Recall@10) of every window.
std::vector<double> Ndcg10(const WindowResults& results);
std::vector<double> Recall10(const WindowResults& results);

}  // namespace raie
