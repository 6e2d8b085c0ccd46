// Is a record, taken apart into fields, an event; and if not, why?
//
// Concept: the one place where row rules meet the fields and where ids, rating and time are
//          checked, whatever the format. A record is kept, dropped by a rule (counted) or bad
//          (counted by kind, the first one described).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/readers/chunk_rows.h"
#include "data/readers/layout.h"

namespace raie {

// One record; a field without data() is absent (a JSON key that is not there).
struct Record {
  std::span<const std::string_view> fields;
  std::int64_t line = 0;  // where it begins, from the start of the chunk
  std::string_view text;  // all of it, for messages
};

class RowBuilder {
 public:
  RowBuilder(const Layout& layout, ReaderScratch& scratch, ChunkRows& rows)
      : layout_(layout), scratch_(scratch), rows_(rows) {}

  void Add(const Record& record);
  void Reject(const Record& record, BadRowKind kind, std::string detail, std::string expected);

 private:
  bool DroppedByRule(const Record& record);  // also true if a rule found the row bad
  bool CheckId(const Record& record, int column, const char* role);
  bool ReadRating(const Record& record, float* rating);
  bool ReadTime(const Record& record, std::int64_t* time);
  void NoteTexts(const Record& record, std::int32_t item);
  void NoteKey(const Record& record);
  std::string_view Field(const Record& record, int column) const {
    return record.fields[static_cast<std::size_t>(column)];
  }

  const Layout& layout_;
  ReaderScratch& scratch_;
  ChunkRows& rows_;
};

// Returns the text cut to one line of at most 120 characters, unprintable ones as \xNN.
std::string ShortenRow(std::string_view text);

}  // namespace raie
