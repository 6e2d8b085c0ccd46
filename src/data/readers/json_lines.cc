#include "data/readers/json_lines.h"

#include <simdjson.h>

#include <algorithm>

#include "data/readers/delimited.h"
#include "data/readers/number_text.h"
#include "data/readers/row_builder.h"

namespace raie {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view TrimSpace(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Returns a scalar as text; arrays and objects as they are written.
std::string_view TextOf(ondemand::value value) {
  switch (ondemand::json_type(value.type())) {
    case ondemand::json_type::string:
      return value.get_string();
    case ondemand::json_type::null: {
      if (!bool(value.is_null())) throw simdjson::simdjson_error(simdjson::N_ATOM_ERROR);
      return "";
    }
    case ondemand::json_type::boolean:
      return bool(value.get_bool()) ? "true" : "false";
    case ondemand::json_type::number: {
      const std::string_view text = TrimSpace(value.raw_json_token());
      (void)double(value.get_double());  // throws if it is none
      return text;
    }
    case ondemand::json_type::array:
      return TrimSpace(std::string_view(ondemand::array(value.get_array()).raw_json()));
    case ondemand::json_type::object:
      return TrimSpace(std::string_view(ondemand::object(value.get_object()).raw_json()));
  }
  return "";
}

}  // namespace

class JsonRecordReader::State {
 public:
  explicit State(std::span<const std::string> keys) : keys_(keys.begin(), keys.end()) {}

  void Read(simdjson::padded_string_view line, std::vector<std::string_view>& fields) {
    ondemand::document document = parser_.iterate(line);
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      const auto place =
          static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
      if (place < keys_.size()) fields[place] = TextOf(field.value());
    }
    if (document.current_location().error() == simdjson::SUCCESS)
      throw simdjson::simdjson_error(simdjson::TRAILING_CONTENT);
  }

  // A copy of the line with room behind it.
  simdjson::padded_string_view Pad(std::string_view line) {
    padded_.assign(line.size() + simdjson::SIMDJSON_PADDING, ' ');
    std::copy(line.begin(), line.end(), padded_.begin());
    return simdjson::padded_string_view(padded_.data(), line.size(), padded_.size());
  }

  std::size_t num_keys() const { return keys_.size(); }

 private:
  std::vector<std::string> keys_;
  ondemand::parser parser_;
  std::string padded_;
};

JsonRecordReader::JsonRecordReader(std::span<const std::string> keys)
    : state_(std::make_unique<State>(keys)) {}

JsonRecordReader::~JsonRecordReader() = default;

std::string JsonRecordReader::Read(std::string_view line, const char* readable_end,
                                   std::vector<std::string_view>& fields) {
  fields.assign(state_->num_keys(), std::string_view());
  const auto room = static_cast<std::size_t>(readable_end - line.data());
  try {
    state_->Read(room >= line.size() + simdjson::SIMDJSON_PADDING
                     ? simdjson::padded_string_view(line.data(), line.size(), room)
                     : state_->Pad(line),
                 fields);
  } catch (const simdjson::simdjson_error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> KeysOfObject(std::string_view line) {
  std::vector<std::string> keys;
  try {
    const simdjson::padded_string padded(line);
    ondemand::parser parser;
    ondemand::document document = parser.iterate(padded);
    for (auto field : document.get_object()) {
      keys.emplace_back(std::string_view(field.unescaped_key()));
    }
  } catch (const simdjson::simdjson_error&) {
    // The keys in front of the damage are enough to name the format; the row is reported later.
  }
  return keys;
}

void JsonLinesParser::Parse(const TextBlock& block, std::size_t limit, ReaderScratch& scratch,
                            ChunkRows& chunk) const {
  RowBuilder builder(layout_, scratch, chunk);
  JsonRecordReader reader(layout_.names);
  const char* const readable_end = block.text.data() + block.text.size();
  std::size_t place = chunk.begin;
  while (place < limit) {
    const std::size_t newline = block.text.find('\n', place);
    if (newline == std::string_view::npos && !block.complete) {
      chunk.incomplete = true;
      break;
    }
    const std::size_t line_end = std::min(newline, block.text.size());
    const std::string_view line = TrimSpace(block.text.substr(place, line_end - place));
    if (line.empty()) {
      ++chunk.blank_lines;
    } else {
      const std::string problem = reader.Read(line, readable_end, scratch.fields);
      const Record record{scratch.fields, chunk.lines, line};
      if (problem.empty()) {
        builder.Add(record);
      } else {
        builder.Reject(record, BadRowKind::kJson, problem, "one JSON object on the line");
      }
    }
    ++chunk.lines;
    place = std::min(line_end + 1, block.text.size());
  }
  chunk.end = place;
  scratch.users.Forget(chunk.user_ids);
  scratch.items.Forget(chunk.item_ids);
}

std::unique_ptr<RowParser> MakeRowParser(const Layout& layout) {
  if (layout.json) return std::make_unique<JsonLinesParser>(layout);
  return std::make_unique<DelimitedParser>(layout);
}

}  // namespace raie
