#include "text/code_points.h"

#include <algorithm>

#include "text/code_point_table.h"

namespace raie {
namespace {

namespace table = code_point_table;

constexpr int kCategoryBits = 5;

// Calls use(first, last, two letters of its category) for every run.
template <class Use>
void ForCategoryRuns(const Use& use) {
  const auto runs = table::CategoryRuns();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const char32_t first = runs[i] >> kCategoryBits;
    const char32_t last = i + 1 < runs.size() ? (runs[i + 1] >> kCategoryBits) - 1 : kMaxCodePoint;
    const std::size_t category = runs[i] & ((1U << kCategoryBits) - 1);
    use(first, last, std::string_view(table::kCategoryNames).substr(2 * category, 2));
  }
}

std::vector<CodePointFlags> MakeFlags() {
  std::vector<CodePointFlags> flags(kMaxCodePoint + 1);
  const auto set = [&](char32_t first, char32_t last, CodePointFlags flag) {
    for (char32_t c = first; c <= last; ++c) flags[c] |= flag;
  };
  const auto set_ranges = [&](std::span<const char32_t> ranges, CodePointFlags flag) {
    for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) set(ranges[i], ranges[i + 1], flag);
  };
  ForCategoryRuns([&](char32_t first, char32_t last, std::string_view category) {
    if (category[0] == 'L') set(first, last, kLetter);
    if (category[0] == 'N') set(first, last, kNumber);
  });
  set_ranges(table::SpaceRanges(), kSpace);
  set_ranges(table::DigitRanges(), kDigit);
  set_ranges(table::WordRanges(), kWord);
  set_ranges(table::ComposesRanges(), kComposes);
  set_ranges(table::TooNewRanges(), kTooNew);
  flags['\r'] |= kLineEnd;
  flags['\n'] |= kLineEnd;
  return flags;
}

}  // namespace

const CodePointFlags* AllCodePointFlags() {
  static const std::vector<CodePointFlags> flags = MakeFlags();
  return flags.data();
}

CodePointSet CodePointSet::Of(char32_t first, char32_t last) {
  CodePointSet set;
  set.ranges_.emplace_back(first, last);
  return set;
}

std::optional<CodePointSet> CodePointSet::OfCategory(std::string_view name) {
  if (name.empty() || name.size() > 2) return std::nullopt;
  CodePointSet set;
  ForCategoryRuns([&](char32_t first, char32_t last, std::string_view category) {
    if (category.starts_with(name)) set.ranges_.emplace_back(first, last);
  });
  if (set.ranges_.empty()) return std::nullopt;
  set.Add({});
  return set;
}

CodePointSet CodePointSet::WithFlags(CodePointFlags flags) {
  CodePointSet set;
  for (char32_t c = 0; c <= kMaxCodePoint; ++c) {
    if ((FlagsOf(c) & flags) == 0) continue;
    if (!set.ranges_.empty() && set.ranges_.back().second + 1 == c) {
      set.ranges_.back().second = c;
    } else {
      set.ranges_.emplace_back(c, c);
    }
  }
  return set;
}

void CodePointSet::Add(const CodePointSet& other) {
  std::vector<Range> all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  std::sort(all.begin(), all.end());
  ranges_.clear();
  for (const Range& range : all) {
    if (!ranges_.empty() && range.first <= ranges_.back().second + 1) {
      ranges_.back().second = std::max(ranges_.back().second, range.second);
    } else {
      ranges_.push_back(range);
    }
  }
}

CodePointSet CodePointSet::Complement() const {
  CodePointSet set;
  char32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (next < first) set.ranges_.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kMaxCodePoint) set.ranges_.emplace_back(next, kMaxCodePoint);
  return set;
}

}  // namespace raie
