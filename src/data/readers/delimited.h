// How is delimited text cut into records and fields?
//
// Concept: fields are separated by any text (",", "::", tab); records by LF or CRLF. With quoting
//          (RFC 4180) a field that begins with a double quote goes on to the closing one, doubled
//          quotes inside it stand for one, and separators and line ends inside it are text. A
//          quote anywhere else is an ordinary character. A quoted field that is never closed, or
//          closed and followed by text, makes a bad record of its first line only: reading goes on
//          with the next line, so one stray quote never swallows a file.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "data/readers/row_parser.h"

namespace raie {

// A quoted field longer than this counts as not closed.
inline constexpr std::size_t kMostQuotedBytes = std::size_t{1} << 20;

enum class RecordState { kRecord, kBlank, kBadQuote, kIncomplete };

struct RecordEnd {
  RecordState state = RecordState::kRecord;
  std::size_t end = 0;  // where the next record begins
  std::size_t num_lines = 1;
};

class RecordCutter {
 public:
  RecordCutter(std::string separator, bool quoting)
      : separator_(std::move(separator)), quoting_(quoting) {}

  // Cuts the record at `begin` < text size into `fields`, which point into the text or into
  // `unescaped`, and are valid until the next call.
  RecordEnd Cut(const TextBlock& block, std::size_t begin, std::vector<std::string_view>& fields,
                std::deque<std::string>& unescaped) const;

 private:
  enum class FieldEnd { kSeparator, kRecord, kBadQuote, kIncomplete };
  FieldEnd CutQuoted(const TextBlock& block, std::size_t& place, std::string_view& field,
                     std::deque<std::string>& unescaped) const;
  bool AtSeparator(std::string_view text, std::size_t place) const;

  std::string separator_;
  bool quoting_;
};

class DelimitedParser : public RowParser {
 public:
  explicit DelimitedParser(const Layout& layout);
  void Parse(const TextBlock& block, std::size_t limit, ReaderScratch& scratch,
             ChunkRows& chunk) const override;

 private:
  const Layout& layout_;
  RecordCutter cutter_;
  bool numeric_;  // user, item, rating, time in this order and nothing else: see numeric_rows.h
};

}  // namespace raie
