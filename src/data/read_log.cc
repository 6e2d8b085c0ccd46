#include "data/read_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "data/archive_input.h"
#include "data/readers/layout.h"
#include "data/readers/log_builder.h"
#include "data/readers/member_choice.h"
#include "data/readers/pieces.h"
#include "data/readers/text_source.h"
#include "data/readers/titles.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kSampleBytes = std::size_t{1} << 20;

InputName ReadFileInto(const std::string& input, const ReadOptions& options,
                       const PieceSizes& sizes, LogBuilder& builder) {
  const InputName name = ChooseMember(input, options.format);
  TextSource source(name, sizes.block_bytes);
  const TextBlock& block = source.block();
  const Sample sample{block.text.substr(0, kSampleBytes),
                      block.complete && block.text.size() <= kSampleBytes};
  const Layout layout = FindLayout(sample, name.ToString(), options);
  const bool has_ratings = layout.rating != kNoColumn;
  if (!builder.report().files.empty() && has_ratings != builder.has_ratings()) {
    throw Error(ErrorCode::kInvalidArgument,
                name.ToString() + ": " + (has_ratings ? "has" : "has no") +
                    " ratings, other than " + builder.report().files[0] +
                    "; one log has them in all its files or in none");
  }
  builder.BeginFile(name.ToString(), layout);
  ReadPieces(source, layout, sizes, builder);
  return name;
}

// The format of a titles file given by name.
LogFormat FormatOfTitles(const std::string& file, LogFormat log_format) {
  const auto named = [&file](const char* name) { return file.find(name) != std::string::npos; };
  if (named("movies.dat")) return LogFormat::kMovielensDat;
  if (named("movies.csv")) return LogFormat::kMovielensCsv;
  if (named("u.item")) return LogFormat::kMovielens100k;
  if (named("business.json")) return LogFormat::kYelp;
  if (named(".item")) return LogFormat::kRecbole;
  return log_format == LogFormat::kYelp || log_format == LogFormat::kAmazonJson
             ? log_format
             : LogFormat::kDelimited;
}

void AddTitles(const InputName& input, const ReadOptions& options, LogBuilder& builder,
               ReadResult& result) {
  ItemTexts texts{builder.TakeTitles(), builder.TakeCategories()};
  const LogFormat format = result.report.format;
  std::optional<InputName> file;
  LogFormat titles_format = format;
  if (options.titles == "auto") {
    file = FindTitlesFile(input, format);
  } else if (options.titles != "none") {
    file = ParseInputName(options.titles);
    titles_format = FormatOfTitles(options.titles, format);
  }
  if (file) {
    AddItemTexts(*file, titles_format, options, result.log.item_ids, texts);
    result.report.titles_file = file->ToString();
  }
  const auto to_table = [&](std::vector<std::string>& column) {
    StringTable table;
    const bool any = std::any_of(column.begin(), column.end(),
                                 [](const std::string& text) { return !text.empty(); });
    if (!any) return table;
    column.resize(static_cast<std::size_t>(result.log.item_ids.size()));
    for (std::string& text : column) table.Add(ToUtf8(std::move(text)));
    return table;
  };
  result.report.titled_items = std::count_if(texts.titles.begin(), texts.titles.end(),
                                             [](const std::string& text) { return !text.empty(); });
  result.log.titles = to_table(texts.titles);
  result.log.categories = to_table(texts.categories);
}

}  // namespace

std::int64_t ReadReport::num_bad_rows() const {
  return std::accumulate(bad_rows.begin(), bad_rows.end(), std::int64_t{0});
}

nlohmann::ordered_json ToJson(const ReadReport& report) {
  nlohmann::ordered_json json;
  json["files"] = report.files;
  json["format"] = EnumNames(report.format)[static_cast<std::size_t>(report.format)];
  json["time_format"] = EnumNames(report.time_format)[static_cast<std::size_t>(report.time_format)];
  json["bytes"] = report.bytes;
  json["rows"] = report.rows;
  json["blank_lines"] = report.blank_lines;
  nlohmann::ordered_json bad = nlohmann::ordered_json::object();
  for (std::size_t kind = 0; kind < report.bad_rows.size(); ++kind) {
    if (report.bad_rows[kind] > 0) bad[EnumNames(BadRowKind{})[kind]] = report.bad_rows[kind];
  }
  json["bad_rows"] = bad;
  if (!report.first_bad_row.empty()) json["first_bad_row"] = report.first_bad_row;
  nlohmann::ordered_json dropped = nlohmann::ordered_json::array();
  for (const RuleCount& rule : report.rules) {
    dropped.push_back({{"rule", rule.rule}, {"rows", rule.dropped}});
  }
  json["dropped"] = dropped;
  json["kept"] = report.kept;
  if (!report.titles_file.empty()) json["titles_file"] = report.titles_file;
  json["titled_items"] = report.titled_items;
  return json;
}

ReadResult ReadLog(const std::vector<std::string>& inputs, const ReadOptions& options,
                   TaskPool& pool) {
  return ReadLogInPieces(inputs, options, PieceSizes{}, pool);
}

ReadResult ReadLogInPieces(const std::vector<std::string>& inputs, const ReadOptions& options,
                           const PieceSizes& sizes, TaskPool& pool) {
  if (inputs.empty()) throw Error(ErrorCode::kInvalidArgument, "no input file was given");
  CheckRanges(FieldsOf(const_cast<ReadOptions&>(options)), "reading options");
  LogBuilder builder(pool);
  InputName first;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const InputName name = ReadFileInto(inputs[i], options, sizes, builder);
    if (i == 0) first = name;
  }
  ReadResult result;
  result.log = builder.TakeLog();
  result.report = builder.report();
  if (result.log.size() == 0) {
    throw Error(ErrorCode::kCorruptData, first.ToString() + ": no row is left of " +
                                             std::to_string(result.report.rows) + " (malformed " +
                                             std::to_string(result.report.num_bad_rows()) +
                                             ", the others dropped by the row rules)");
  }
  AddTitles(first, options, builder, result);
  return result;
}

}  // namespace raie
