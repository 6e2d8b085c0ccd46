// How is a file with one JSON object a line read?
//
// Concept: each line is parsed on its own (a broken line spoils no other), and only the wanted keys
//          are turned into text: strings as they are, numbers and booleans as written, null as
//          nothing. They then go the way of delimited fields: rules, ids, rating, time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/readers/row_parser.h"

namespace raie {

// Takes the wanted keys out of one object after another.
class JsonRecordReader {
 public:
  explicit JsonRecordReader(std::span<const std::string> keys);
  ~JsonRecordReader();

  // Fills `fields` by key (absent: no data()); they are valid until the next call. Returns what is
  // wrong with the line, or "".  The bytes behind the line up to `readable_end` may be looked at.
  std::string Read(std::string_view line, const char* readable_end,
                   std::vector<std::string_view>& fields);

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Returns the keys of the first object, for detection and messages.
std::vector<std::string> KeysOfObject(std::string_view line);

class JsonLinesParser : public RowParser {
 public:
  explicit JsonLinesParser(const Layout& layout) : layout_(layout) {}
  void Parse(const TextBlock& block, std::size_t limit, ReaderScratch& scratch,
             ChunkRows& chunk) const override;

 private:
  const Layout& layout_;
};

}  // namespace raie
