#include "text/bpe_merge.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

namespace raie {
namespace {

constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kShort = 48;  // symbols; about where both take the same time

std::uint32_t RankOf(const MergeTable& merges, std::int32_t left, std::int32_t right) {
  const Merge* merge = merges.Find(left, right);
  return merge == nullptr ? kNoRank : merge->rank;
}

// A row of symbols as a linked list; a merged symbol keeps the place of its left part.
struct Row {
  static constexpr std::int32_t kEnd = -1;

  Row(const MergeTable& table, std::vector<std::int32_t>& row)
      : merges(table), symbols(row), next(row.size()), previous(row.size()), ranks(row.size()) {
    const auto n = static_cast<std::int32_t>(row.size());
    for (std::int32_t i = 0; i < n; ++i) {
      next[i] = i + 1 < n ? i + 1 : kEnd;
      previous[i] = i - 1;
      ranks[i] = i + 1 < n ? RankOf(merges, row[i], row[i + 1]) : kNoRank;
    }
  }
  // Merges the symbol at a place with the next one; the places of both new pairs are left of `at`
  // and `at` itself.
  void MergeAt(std::int32_t at) {
    const std::int32_t right = next[at];
    symbols[at] = merges.Find(symbols[at], symbols[right])->result;
    ranks[right] = kNoRank;
    next[at] = next[right];
    if (next[at] != kEnd) previous[next[at]] = at;
    ranks[at] = next[at] == kEnd ? kNoRank : RankOf(merges, symbols[at], symbols[next[at]]);
    const std::int32_t left = previous[at];
    if (left != kEnd) ranks[left] = RankOf(merges, symbols[left], symbols[at]);
  }

  const MergeTable& merges;
  std::vector<std::int32_t>& symbols;
  std::vector<std::int32_t> next, previous;
  std::vector<std::uint32_t> ranks;  // of the pair that begins here
};

}  // namespace

void MergeShort(const MergeTable& merges, std::vector<std::int32_t>& symbols) {
  if (symbols.size() < 2) return;
  thread_local std::vector<std::uint32_t> ranks;  // ranks[i] of the pair (i, i + 1)
  std::size_t pairs = symbols.size() - 1;
  ranks.resize(pairs);
  for (std::size_t i = 0; i < pairs; ++i) ranks[i] = RankOf(merges, symbols[i], symbols[i + 1]);
  while (pairs > 0) {
    const auto lowest = std::min_element(ranks.begin(), ranks.begin() + pairs);
    if (*lowest == kNoRank) break;
    const std::size_t at = lowest - ranks.begin();
    symbols[at] = merges.Find(symbols[at], symbols[at + 1])->result;
    symbols.erase(symbols.begin() + at + 1);
    std::copy(ranks.begin() + at + 1, ranks.begin() + pairs, ranks.begin() + at);
    --pairs;
    if (at < pairs) ranks[at] = RankOf(merges, symbols[at], symbols[at + 1]);
    if (at > 0) ranks[at - 1] = RankOf(merges, symbols[at - 1], symbols[at]);
  }
}

void MergeLong(const MergeTable& merges, std::vector<std::int32_t>& symbols) {
  if (symbols.size() < 2) return;
  Row row(merges, symbols);
  // Rank above place: the least is the leftmost of the lowest rank. An entry whose pair has changed
  // since is passed over.
  std::vector<std::uint64_t> entries;
  const auto entry = [&](std::int32_t at) {
    return std::uint64_t{row.ranks[at]} << 32 | static_cast<std::uint32_t>(at);
  };
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
    if (row.ranks[i] != kNoRank) entries.push_back(entry(static_cast<std::int32_t>(i)));
  }
  std::priority_queue queue(std::greater<>(), std::move(entries));
  while (!queue.empty()) {
    const std::uint64_t top = queue.top();
    queue.pop();
    const auto at = static_cast<std::int32_t>(top & 0xFFFFFFFFU);
    if (row.ranks[at] != top >> 32) continue;
    row.MergeAt(at);
    if (row.ranks[at] != kNoRank) queue.push(entry(at));
    const std::int32_t left = row.previous[at];
    if (left != Row::kEnd && row.ranks[left] != kNoRank) queue.push(entry(left));
  }
  std::size_t kept = 0;
  for (std::int32_t i = 0; i != Row::kEnd; i = row.next[i]) symbols[kept++] = symbols[i];
  symbols.resize(kept);
}

void MergeAll(const MergeTable& merges, std::vector<std::int32_t>& symbols) {
  if (symbols.size() <= kShort) {
    MergeShort(merges, symbols);
  } else {
    MergeLong(merges, symbols);
  }
}

}  // namespace raie
