// The reader against a slow twin that looks at one character after another, and against itself
// with other threads and other pieces.
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/random.h"
#include "data/read_log.h"
#include "data/readers/pieces.h"
#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::EventsOf;
using testing::RawEvent;
using testing::TemporaryFolder;
using testing::WriteFile;

struct TwinResult {
  std::vector<RawEvent> events;
  std::array<std::int64_t, kNumBadRowKinds> bad{};
  std::int64_t blank = 0;
  bool operator==(const TwinResult&) const = default;
};

// Takes the next record of comma separated text with RFC 4180 quotes.
// Returns false if a quote is not closed; `place` then is behind the record's first line.
bool TwinRecord(const std::string& text, std::size_t& place, std::vector<std::string>& fields) {
  const std::size_t newline = text.find('\n', place);
  const std::size_t next_line = newline == std::string::npos ? text.size() : newline + 1;
  std::size_t at = place;
  for (;;) {
    std::string field;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) return place = next_line, false;
        if (text[at] == '"') {
          if (at + 1 >= text.size() || text[at + 1] != '"') break;
          ++at;
        }
        field += text[at];
      }
      ++at;
      const bool ends = at >= text.size() || text[at] == ',' || text[at] == '\n' ||
                        text.compare(at, 2, "\r\n") == 0 ||
                        (text[at] == '\r' && at + 1 == text.size());
      if (!ends) return place = next_line, false;
      if (at < text.size() && text[at] == '\r') ++at;
    } else {
      while (at < text.size() && text[at] != ',' && text[at] != '\n') field += text[at++];
      const bool last = at >= text.size() || text[at] == '\n';
      if (last && !field.empty() && field.back() == '\r') field.pop_back();
    }
    fields.push_back(field);
    if (at >= text.size()) break;
    if (text[at++] == '\n') break;
  }
  place = at;
  return true;
}

TwinResult TwinRead(const std::string& text) {  // user,item,rating,time
  TwinResult result;
  const auto bad = [&](BadRowKind kind) { ++result.bad[static_cast<std::size_t>(kind)]; };
  for (std::size_t place = 0; place < text.size();) {
    const std::string line = text.substr(place, text.find('\n', place) - place);
    if (line.empty() || line == "\r") {
      place = std::min(text.size(), place + line.size() + 1);
      ++result.blank;
      continue;
    }
    std::vector<std::string> fields;
    if (!TwinRecord(text, place, fields)) {
      bad(BadRowKind::kQuote);
    } else if (fields.size() != 4) {
      bad(BadRowKind::kFields);
    } else if (fields[0].empty() || fields[1].empty()) {
      bad(BadRowKind::kEmptyId);
    } else {
      double rating = 0;
      std::istringstream number(fields[2]);
      std::int64_t time = 0;
      if (!(number >> rating) || !number.eof()) {
        bad(BadRowKind::kNumber);
        continue;
      }
      const char* end = fields[3].data() + fields[3].size();
      if (std::from_chars(fields[3].data(), end, time).ptr != end || fields[3].empty() ||
          time > testing::kNow + 86400) {
        bad(BadRowKind::kTime);
        continue;
      }
      result.events.push_back({fields[0], fields[1], static_cast<float>(rating), time});
    }
  }
  return result;
}

std::string RandomField(RandomStream& random, const std::string& plain) {
  switch (random.Below(60)) {
    case 0:
      return "\"" + plain + "\"";
    case 1:
      return "\"" + plain + "\n2nd line, with \"\"quotes\"\"\"";
    case 2:
      return "\"" + plain + "\r\n\"";
    case 3:
      return "0" + plain;
    case 4:
      return plain + "x\"y";
    case 5:
      return random.Below(4) == 0 ? "\"" + plain : plain;  // never closed
    case 6:
      return random.Below(4) == 0 ? "\"" + plain + "\"z" : plain;  // text behind it
    case 7:
      return random.Below(4) == 0 ? "" : plain;
    case 8:
      return plain + "99999999999999";
    default:
      return plain;
  }
}

std::string RandomText(std::uint64_t seed, int rows) {
  RandomStream random(seed, 1);
  static const char* const kRatingTexts[] = {"5", "4.5", "3.50", "0.5", "x", "10", "4e0", ".5"};
  std::string text = "1,1,5,978300019\n";
  for (int row = 0; row < rows; ++row) {
    text += RandomField(random, std::to_string(random.Below(300))) + ",";
    text += RandomField(random, (random.Below(9) == 0 ? "item " : "") +
                                    std::to_string(random.Below(100) * random.Below(100000))) +
            ",";
    text +=
        random.Below(5) == 0 ? kRatingTexts[random.Below(8)] : std::to_string(1 + random.Below(5));
    text += ",";
    text +=
        random.Below(40) == 0 ? "9999999999" : std::to_string(900000000 + random.Below(99999999));
    if (random.Below(60) == 0) text += ",more";
    text += random.Below(30) == 0 ? "\r\n" : "\n";
    if (random.Below(50) == 0) text += random.Below(2) == 0 ? "\n" : "\r\n";
  }
  if (random.Below(2) == 0) text.pop_back();
  return text;
}

ReadOptions TwinOptions() {
  ReadOptions options;
  options.columns = {"user=0", "item=1", "rating=2", "time=3"};
  options.separator = ",";
  options.time_format = TimeFormat::kSeconds;
  options.header = HeaderRow::kNo;
  options.skip_bad_rows = 1'000'000;
  options.now = testing::kNow;
  return options;
}

TwinResult AsTwin(const ReadResult& result) {
  return {EventsOf(result.log), result.report.bad_rows, result.report.blank_lines};
}

void CompareRandomFiles(std::uint64_t first, std::uint64_t end) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = first; seed < end; ++seed) {
    SCOPED_TRACE(seed);
    const std::string text = RandomText(seed, 300);
    const std::string file = WriteFile(folder, "a.csv", text);
    const TwinResult expected = TwinRead(text);
    RandomStream random(seed, 2);
    TaskPool pool(static_cast<int>(1 + seed % 3));
    const PieceSizes sizes{static_cast<std::size_t>(1 + random.Below(500)),
                           static_cast<std::size_t>(1 + random.Below(4000))};
    const TwinResult found = AsTwin(ReadLogInPieces({file}, TwinOptions(), sizes, pool));
    ASSERT_EQ(found.bad, expected.bad);
    ASSERT_EQ(found.blank, expected.blank);
    ASSERT_EQ(found.events, expected.events);
    if (seed % 5 != 0) continue;
    const std::string packed =
        testing::WriteArchive(folder, "a.csv.gz", testing::ArchiveKind::kGzip, {{"a", text}});
    const PieceSizes streamed{sizes.chunk_bytes, 1500 + sizes.block_bytes};
    ASSERT_EQ(AsTwin(ReadLogInPieces({packed}, TwinOptions(), streamed, pool)), expected);
  }
}

TEST(ReadLogTwinThreads, RandomFilesInRandomPieces) { CompareRandomFiles(0, 30); }

TEST(ReadLogTwinSlow, ManyRandomFilesInRandomPieces) { CompareRandomFiles(30, 1000); }

TEST(ReadLogTwinThreads, NumericRowsWithNothingOddLikeTheTwin) {
  const TemporaryFolder folder;
  RandomStream random(11, 0);
  std::string text;
  for (int row = 0; row < 20000; ++row) {
    text += std::to_string(random.Below(20000)) + "," +
            std::to_string(random.Below(1 << (1 + random.Below(25)))) + "," +
            std::to_string(random.Below(10)) + (random.Below(2) == 0 ? ".5," : ",") +
            std::to_string(random.Below(10) == 0 ? random.Below(1000) : random.Below(1700000000)) +
            "\n";
  }
  const std::string file = WriteFile(folder, "a.csv", text);
  const TwinResult expected = TwinRead(text);
  TaskPool pool(2);
  const TwinResult found =
      AsTwin(ReadLogInPieces({file}, TwinOptions(), PieceSizes{10000, 100000}, pool));
  ASSERT_EQ(found.bad, expected.bad);
  ASSERT_EQ(found.events, expected.events);
}

TEST(ReadLogThreads, SameBytesForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "a.csv", RandomText(77, 20000));
  ReadOptions options = TwinOptions();
  options.dedupe = {"0", "1"};
  const PieceSizes sizes{3000, 40000};
  TaskPool one(1);
  const ReadResult expected = ReadLogInPieces({file}, options, sizes, one);
  EXPECT_GT(expected.report.rules[0].dropped, 0);
  for (const int threads : {2, 5}) {
    TaskPool pool(threads);
    const ReadResult found = ReadLogInPieces({file}, options, sizes, pool);
    EXPECT_EQ(found.log.users, expected.log.users);
    EXPECT_EQ(found.log.items, expected.log.items);
    EXPECT_EQ(found.log.ratings, expected.log.ratings);
    EXPECT_EQ(found.log.times, expected.log.times);
    EXPECT_EQ(found.log.user_ids.bytes(), expected.log.user_ids.bytes());
    EXPECT_EQ(found.log.item_ids.bytes(), expected.log.item_ids.bytes());
    EXPECT_EQ(ToJson(found.report).dump(), ToJson(expected.report).dump());
  }
}

TEST(ReadLogThreads, DenseNumbersFollowTheFirstAppearance) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "a.csv", RandomText(78, 3000));
  TaskPool pool(2);
  const InteractionLog log =
      ReadLogInPieces({file}, TwinOptions(), PieceSizes{500, 3000}, pool).log;
  std::int32_t next_user = 0, next_item = 0;
  for (std::size_t e = 0; e < log.users.size(); ++e) {
    ASSERT_LE(Index(log.users[e]), next_user);
    ASSERT_LE(Index(log.items[e]), next_item);
    next_user = std::max(next_user, Index(log.users[e]) + 1);
    next_item = std::max(next_item, Index(log.items[e]) + 1);
  }
  EXPECT_EQ(next_user, log.user_ids.size());
  EXPECT_EQ(next_item, log.item_ids.size());
}

}  // namespace
}  // namespace raie
