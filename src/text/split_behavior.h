// What becomes of the matches when a text is split?
//
// Source:  huggingface/tokenizers, SplitDelimiterBehavior: of "the-final--count", split at "-":
//            Removed             the | final | count
//            Isolated            the | - | final | - | - | count
//            MergedWithPrevious  the- | final- | - | count
//            MergedWithNext      the | -final | - | -count
//            Contiguous          the | - | final | -- | count
#pragma once

#include <string_view>

#include "text/json_part.h"
#include "text/piece_sink.h"

namespace raie {

enum class SplitBehavior {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous,
};

SplitBehavior ReadSplitBehavior(const JsonPart& part);

// Takes the parts of one text in order and gives words.
class SplitJoiner {
 public:
  SplitJoiner(SplitBehavior behavior, PieceSink words) : behavior_(behavior), words_(words) {}

  void Add(std::string_view part, bool is_match);
  void Finish();

 private:
  // Does the part belong to the word held back?
  bool Joins(bool is_match) const;

  SplitBehavior behavior_;
  PieceSink words_;
  std::string_view held_;     // a word that may still grow
  bool holds_match_ = false;  // its last part is a match
};

}  // namespace raie
