#include "text/split_behavior.h"

#include <array>
#include <utility>

namespace raie {

SplitBehavior ReadSplitBehavior(const JsonPart& part) {
  static constexpr std::array<std::pair<const char*, SplitBehavior>, 5> kNames = {
      {{"Removed", SplitBehavior::kRemoved},
       {"Isolated", SplitBehavior::kIsolated},
       {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
       {"MergedWithNext", SplitBehavior::kMergedWithNext},
       {"Contiguous", SplitBehavior::kContiguous}}};
  const std::string text = part.Text();
  for (const auto& [name, behavior] : kNames) {
    if (text == name) return behavior;
  }
  part.Fail("\"" + text +
            "\" is not supported; known are: Removed, Isolated, MergedWithPrevious, " +
            "MergedWithNext, Contiguous");
}

bool SplitJoiner::Joins(bool is_match) const {
  switch (behavior_) {
    case SplitBehavior::kRemoved:
    case SplitBehavior::kIsolated:
      return false;
    case SplitBehavior::kMergedWithPrevious:
      return is_match && !holds_match_;
    case SplitBehavior::kMergedWithNext:
      return holds_match_ && !is_match;
    case SplitBehavior::kContiguous:
      return is_match == holds_match_;
  }
  return false;
}

void SplitJoiner::Add(std::string_view part, bool is_match) {
  if (behavior_ == SplitBehavior::kRemoved && is_match) return;
  if (!held_.empty() && Joins(is_match)) {
    held_ = {held_.data(), held_.size() + part.size()};  // neighbours in one text
  } else {
    Finish();
    held_ = part;
  }
  holds_match_ = is_match;
}

void SplitJoiner::Finish() {
  if (!held_.empty()) words_(held_);
  held_ = {};
}

}  // namespace raie
