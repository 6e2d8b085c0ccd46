#include "data/read_log.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "data/archive_input.h"
#include "data/readers/layout.h"
#include "data/readers/log_builder.h"
#include "data/readers/member_choice.h"
#include "data/readers/row_parser.h"
#include "data/readers/text_source.h"
#include "data/readers/titles.h"
#include "raie/error.h"

namespace raie {
namespace {

// Neither depends on the number of threads. A chunk's rows stay in the cache of its core.
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kBlockBytes = std::size_t{32} << 20;
constexpr std::size_t kSampleBytes = std::size_t{1} << 20;

// Reads one file block by block: the chunks of a block in parallel, then joined in order.
class FileReader {
 public:
  FileReader(TextSource& source, const Layout& layout, TaskPool& pool, LogBuilder& builder)
      : source_(source),
        layout_(layout),
        parser_(MakeRowParser(layout)),
        pool_(pool),
        builder_(builder),
        scratch_(static_cast<std::size_t>(pool.threads())) {}

  void Read() {
    std::size_t place = layout_.first_row;
    for (;;) {
      const TextBlock& block = source_.block();
      const std::size_t limit = std::min(block.text.size(), place + kBlockBytes);
      place = ReadBlock(place, limit);
      if (source_.mapped()) {
        if (place >= block.text.size()) break;
        source_.Release(place);
        ReserveOnce(place);
      } else if (block.complete) {
        if (place >= block.text.size()) break;
      } else if (place >= limit || stuck_) {
        source_.Refill(place);
        place = 0;
      }
    }
    builder_.AddBytes(
        static_cast<std::int64_t>(source_.consumed_before() + source_.block().text.size()));
  }

 private:
  // The text from the first line that begins at or after `place`.
  std::size_t LineAt(std::size_t place, std::size_t limit) const {
    if (place >= limit) return limit;
    const std::size_t newline = source_.block().text.find('\n', place - 1);
    return newline == std::string_view::npos ? limit : std::min(newline + 1, limit);
  }

  // Reads the records that begin in [begin, limit); returns where the next one begins.
  std::size_t ReadBlock(std::size_t begin, std::size_t limit) {
    const std::size_t num_chunks = std::max<std::size_t>(1, (limit - begin) / kChunkBytes);
    if (chunks_.size() < num_chunks) chunks_.resize(num_chunks);
    borders_.resize(num_chunks + 1);
    borders_[0] = begin;
    for (std::size_t c = 1; c < num_chunks; ++c) {
      borders_[c] = std::max(borders_[c - 1], LineAt(begin + c * kChunkBytes, limit));
    }
    borders_[num_chunks] = limit;
    pool_.ForEach(static_cast<std::int64_t>(num_chunks), [this](std::int64_t task, int worker) {
      ReadChunk(static_cast<std::size_t>(task), borders_[static_cast<std::size_t>(task)], worker);
    });
    std::size_t place = begin;
    stuck_ = false;
    for (std::size_t c = 0; c < num_chunks; ++c) {
      ChunkRows& chunk = chunks_[c];
      // A line end inside quotes: the chunk did not begin where a record does, or has none.
      if (chunk.begin != place) ReadChunk(c, place, 0);
      place = std::max(place, chunk.end);
      if (chunk.incomplete) {
        stuck_ = true;
        builder_.Append(std::span(chunks_).first(c + 1));
        return place;
      }
    }
    builder_.Append(std::span(chunks_).first(num_chunks));
    return place;
  }

  void ReadChunk(std::size_t c, std::size_t begin, int worker) {
    chunks_[c].Reset(begin, layout_.num_counters());
    parser_->Parse(source_.block(), borders_[c + 1], scratch_[static_cast<std::size_t>(worker)],
                   chunks_[c]);
  }

  // After the first block the number of rows can be told well enough.
  void ReserveOnce(std::size_t read) {
    if (std::exchange(reserved_, true)) return;
    std::int64_t rows = 0;
    for (const ChunkRows& chunk : chunks_) rows += chunk.size;
    const double rest = static_cast<double>(source_.block().text.size() - read);
    builder_.Reserve(static_cast<std::int64_t>(static_cast<double>(rows) * 1.05 * rest /
                                               static_cast<double>(read)));
  }

  TextSource& source_;
  const Layout& layout_;
  std::unique_ptr<RowParser> parser_;
  TaskPool& pool_;
  LogBuilder& builder_;
  std::vector<ReaderScratch> scratch_;
  std::vector<ChunkRows> chunks_;
  std::vector<std::size_t> borders_;
  bool stuck_ = false;  // a record goes on behind the text at hand
  bool reserved_ = false;
};

InputName ReadFileInto(const std::string& input, const ReadOptions& options, TaskPool& pool,
                       LogBuilder& builder) {
  const InputName name = ChooseMember(input, options.format);
  TextSource source(name, kBlockBytes);
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
  FileReader(source, layout, pool, builder).Read();
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
  if (inputs.empty()) throw Error(ErrorCode::kInvalidArgument, "no input file was given");
  CheckRanges(FieldsOf(const_cast<ReadOptions&>(options)), "reading options");
  LogBuilder builder(pool);
  InputName first;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const InputName name = ReadFileInto(inputs[i], options, pool, builder);
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
