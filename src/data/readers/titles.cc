#include "data/readers/titles.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <map>
#include <string_view>
#include <unordered_map>

#include "data/readers/delimited.h"
#include "data/readers/format_guess.h"
#include "data/readers/json_lines.h"
#include "data/readers/number_text.h"
#include "data/readers/row_builder.h"
#include "raie/error.h"

namespace raie {
namespace {

// The flags at the end of a row of u.item, in their order.
constexpr std::array<std::string_view, 19> kMovielens100kGenres = {
    "unknown",     "Action", "Adventure", "Animation", "Children's", "Comedy",  "Crime",
    "Documentary", "Drama",  "Fantasy",   "Film-Noir", "Horror",     "Musical", "Mystery",
    "Romance",     "Sci-Fi", "Thriller",  "War",       "Western"};
constexpr std::size_t kFirstGenre = 5;

// Where the texts are: a delimited file (separator) or JSON lines (empty separator).
struct TitleLayout {
  std::string separator;
  bool quoting = false;
  bool header = false;
  std::string item, title, category;  // names or numbers; "" where there is none
};

TitleLayout LayoutOf(LogFormat format) {
  switch (format) {
    case LogFormat::kMovielensDat:
      return {"::", false, false, "0", "1", "2"};
    case LogFormat::kMovielensCsv:
      return {",", true, true, "movieId", "title", "genres"};
    case LogFormat::kMovielens100k:
      return {"|", false, false, "0", "1", ""};
    case LogFormat::kYelp:
      return {"", false, false, "business_id", "name", "categories"};
    case LogFormat::kAmazonJson:
      return {"", false, false, "asin", "title", "categories"};
    case LogFormat::kRecbole:
      return {"\t", false, true, "item_id", "movie_title", "class"};
    default:
      return {"", true, true, "", "", ""};
  }
}

class TitleReader {
 public:
  TitleReader(const InputName& file, LogFormat format, const ReadOptions& options)
      : name_(file.ToString()), format_(format), text_(ToUtf8(ReadAll(file))) {
    layout_ = LayoutOf(format);
    if (!options.title_columns.empty()) SetColumns(options);
    if (layout_.item.empty()) TakeRolesAsNames();
    if (layout_.item.empty()) {
      Refuse(
          "say which columns hold what: title_columns = item=COLUMN,title=COLUMN,"
          "category=COLUMN");
    }
  }

  template <class Take>  // take(item, title, category)
  void Read(const Take& take) {
    if (IsJson()) {
      ReadJson(take);
    } else {
      ReadDelimited(take);
    }
  }

 private:
  [[noreturn]] void Refuse(const std::string& why) const {
    throw Error(ErrorCode::kInvalidArgument, "titles " + name_ + ": " + why);
  }
  [[noreturn]] void RefuseRow(std::int64_t line, std::string_view row,
                              const std::string& expected) const {
    throw Error(ErrorCode::kCorruptData, name_ + ":" + std::to_string(line) + ": row '" +
                                             ShortenRow(row) + "': expected " + expected +
                                             "; titles = none reads the log without titles");
  }

  bool IsJson() const {
    const std::size_t first = text_.find_first_not_of(" \t\r\n");
    return layout_.separator.empty() && first != std::string::npos && text_[first] == '{';
  }

  // A header that names its columns by their roles needs no title_columns.
  void TakeRolesAsNames() {
    const std::string_view header = std::string_view(text_).substr(0, text_.find('\n'));
    const auto has = [&](std::string_view role) {
      const std::size_t at = header.find(role);
      const auto is_letter = [&](std::size_t i) {
        return i < header.size() && std::isalnum(static_cast<unsigned char>(header[i])) != 0;
      };
      return at != std::string_view::npos && (at == 0 || !is_letter(at - 1)) &&
             !is_letter(at + role.size());
    };
    if (IsJson() || !has("item") || !has("title")) return;
    layout_.header = true;
    layout_.item = "item";
    layout_.title = "title";
    if (has("category")) layout_.category = "category";
  }

  void SetColumns(const ReadOptions& options) {
    layout_.item = layout_.title = layout_.category = "";
    for (const std::string& entry : options.title_columns) {
      const std::size_t equals = entry.find('=');
      const std::string role = entry.substr(0, equals);
      const std::string column = equals == std::string::npos ? "" : entry.substr(equals + 1);
      std::string* place = role == "item"       ? &layout_.item
                           : role == "title"    ? &layout_.title
                           : role == "category" ? &layout_.category
                                                : nullptr;
      if (place == nullptr || column.empty()) {
        Refuse("title_columns: '" + entry +
               "' is not ROLE=COLUMN with a role of item, title, category");
      }
      *place = column;
    }
    const bool named = !CanonicalNumber(layout_.item);
    if (format_ == LogFormat::kDelimited || format_ == LogFormat::kAmazonCsv ||
        format_ == LogFormat::kJsonLines) {
      layout_.header = named;
    }
  }

  template <class Take>
  void ReadJson(const Take& take) {
    std::vector<std::string> keys = {layout_.item, layout_.title, layout_.category};
    JsonRecordReader reader(keys);
    std::vector<std::string_view> fields;
    std::int64_t line_number = 0;
    const std::string_view text = text_;
    for (std::size_t place = 0; place < text.size();) {
      const std::size_t end = std::min(text.find('\n', place), text.size());
      const std::string_view line = text.substr(place, end - place);
      ++line_number;
      place = end + 1;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const std::string problem = reader.Read(line, text.data() + text.size(), fields);
      if (!problem.empty()) {
        RefuseRow(line_number, line, "one JSON object on the line (" + problem + ")");
      }
      if (!fields[0].empty()) take(fields[0], fields[1], fields[2]);
    }
  }

  template <class Take>
  void ReadDelimited(const Take& take) {
    const TextBlock block{text_, true};
    if (layout_.separator.empty()) {
      layout_.separator = GuessSeparator({text_, true}, name_, {layout_.item});
    }
    const RecordCutter cutter(layout_.separator, layout_.quoting);
    std::vector<std::string_view> fields;
    std::deque<std::string> unescaped;
    std::int64_t line = 1;
    std::size_t num_fields = 0;
    for (std::size_t place = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0; place < text_.size();) {
      const RecordEnd end = cutter.Cut(block, place, fields, unescaped);
      const std::string_view row = std::string_view(text_).substr(place, end.end - place);
      place = end.end;
      const std::int64_t at = line;
      line += static_cast<std::int64_t>(end.num_lines);
      if (end.state == RecordState::kBlank) continue;
      if (end.state == RecordState::kBadQuote) RefuseRow(at, row, "a closing quote");
      if (num_fields == 0) {
        num_fields = fields.size();
        FindColumns(fields);
        if (layout_.header) continue;
      }
      if (fields.size() != num_fields) {
        RefuseRow(at, row,
                  std::to_string(num_fields) + " fields, found " + std::to_string(fields.size()));
      }
      const auto field = [&](int column) {
        return column == kNoColumn ? std::string_view() : fields[static_cast<std::size_t>(column)];
      };
      if (format_ == LogFormat::kMovielens100k && num_fields == kFirstGenre + 19) {
        take(field(item_), field(title_), GenresOf(fields));
      } else {
        take(field(item_), field(title_), field(category_));
      }
    }
  }

  void FindColumns(const std::vector<std::string_view>& first) {
    const auto find = [&](const std::string& column, bool needed) {
      if (column.empty()) return kNoColumn;
      for (std::size_t i = 0; layout_.header && i < first.size(); ++i) {
        std::string_view name = first[i];
        if (format_ == LogFormat::kRecbole) name = name.substr(0, name.rfind(':'));
        if (name == column) return static_cast<int>(i);
      }
      const auto number = CanonicalNumber(column);
      if (number && *number < first.size()) return static_cast<int>(*number);
      if (needed) Refuse("there is no column '" + column + "'");
      return kNoColumn;
    };
    const bool needed = format_ != LogFormat::kRecbole;  // .item files name their columns freely
    item_ = find(layout_.item, true);
    title_ = find(layout_.title, needed);
    category_ = find(layout_.category, needed);
    if (!needed && title_ == kNoColumn) title_ = find("title", false);
    if (!needed && category_ == kNoColumn) category_ = find("genres", false);
    if (!needed && category_ == kNoColumn) category_ = find("categories", false);
  }

  std::string_view GenresOf(const std::vector<std::string_view>& fields) {
    genres_.clear();
    for (std::size_t g = 0; g < kMovielens100kGenres.size(); ++g) {
      if (fields[kFirstGenre + g] != "1") continue;
      if (!genres_.empty()) genres_ += '|';
      genres_ += kMovielens100kGenres[g];
    }
    return genres_;
  }

  std::string name_;
  LogFormat format_;
  std::string text_;
  TitleLayout layout_;
  int item_ = kNoColumn;
  int title_ = kNoColumn;
  int category_ = kNoColumn;
  std::string genres_;
};

void FillEmpty(std::vector<std::string>& texts, std::size_t index, std::string_view text) {
  if (texts[index].empty()) texts[index] = text;
}

void AppendAsUtf8(std::string_view line, std::string& converted) {
  if (simdjson::validate_utf8(line.data(), line.size())) {
    converted += line;
    return;
  }
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      converted += c;
    } else {
      converted += static_cast<char>(0xC0 | (byte >> 6));
      converted += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
}

}  // namespace

std::string ToUtf8(std::string text) {
  if (simdjson::validate_utf8(text)) return text;
  std::string converted;
  converted.reserve(text.size() + text.size() / 16);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t end = newline == std::string::npos ? text.size() : newline + 1;
    AppendAsUtf8(std::string_view(text).substr(begin, end - begin), converted);
    begin = end;
  }
  return converted;
}

void AddItemTexts(const InputName& file, LogFormat format, const ReadOptions& options,
                  const StringTable& item_ids, ItemTexts& texts) {
  const auto num_items = static_cast<std::size_t>(item_ids.size());
  texts.titles.resize(num_items);
  texts.categories.resize(num_items);
  std::unordered_map<std::string_view, std::size_t> items;
  items.reserve(num_items);
  for (std::size_t i = 0; i < num_items; ++i) items[item_ids[static_cast<std::int64_t>(i)]] = i;
  TitleReader(file, format, options)
      .Read([&](std::string_view item, std::string_view title, std::string_view category) {
        const auto found = items.find(item);
        if (found == items.end()) return;
        FillEmpty(texts.titles, found->second, title);
        FillEmpty(texts.categories, found->second, category);
      });
}

}  // namespace raie
