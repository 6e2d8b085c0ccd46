// Every way a file can be wrong gives one error that says where, what and how to go on.
#include <gtest/gtest.h>

#include "data/read_log.h"
#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::ErrorOfReading;
using testing::Read;
using testing::TemporaryFolder;
using testing::WriteFile;

// Writes the text and expects every part in the message.
void ExpectError(const std::string& name, const std::string& text,
                 const std::vector<std::string>& parts, const ReadOptions& options = {},
                 ErrorCode code = ErrorCode::kCorruptData) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, name, text);
  const std::string message = ErrorOfReading(file, options, code);
  EXPECT_NE(message.find(name), std::string::npos) << message;
  for (const std::string& part : parts) {
    EXPECT_NE(message.find(part), std::string::npos) << "not '" << part << "' in: " << message;
  }
}

ReadOptions WithColumns(std::vector<std::string> columns) {
  ReadOptions options;
  options.columns = std::move(columns);
  return options;
}

constexpr const char* kGood = "1::2::5::978300019\n";

TEST(ReadLogErrors, MalformedRowsNameFileLineRowAndExpectation) {
  const std::string good = kGood;
  ExpectError("r.dat", good + good + "1::2::x::978300019\n",
              {"r.dat:3: bad number: rating is 'x'", "expected a decimal number such as 3.5",
               "the row is '1::2::x::978300019'", "--skip-bad-rows"});
  ExpectError("r.dat", good + "1::2::nan::978300019\n",
              {"r.dat:2: rating not finite", "'nan'", "finite"});
  ExpectError("r.dat", good + "1::2::inf::978300019\n", {":2: rating not finite"});
  ExpectError("r.dat", good + "1::2::1e99::978300019\n", {":2: rating not finite"});
  ExpectError("r.dat", good + "1::2::5::soon\n",
              {"r.dat:2: bad time: time is 'soon'", "expected epoch seconds", "time_format"});
  ExpectError("r.dat", good + "::2::5::978300019\n",
              {"r.dat:2: empty id: user is empty", "column 0", "drop_missing = user"});
  ExpectError("r.dat", good + "1::::5::978300019\n", {":2: empty id: item is empty"});
  ExpectError("r.dat", good + "1::2::5\n",
              {"r.dat:2: wrong number of fields: 3 fields", "4 fields separated by '::'"});
  ExpectError("r.dat", good + "1::2::5::978300019::9\n", {":2: wrong number of fields: 5 fields"});
  ExpectError("r.dat", good + "1,2,5,978300019\n",
              {"1 field;", "perhaps option separator should be that", "','"});
}

TEST(ReadLogErrors, TimesOutOfRange) {
  const std::string good = kGood;
  ExpectError("r.dat", good + "1::2::5::1800172800\n",
              {"r.dat:2: bad time: time '1800172800' is in the future", "allow_any_time"});
  ExpectError("r.dat", good + "1::2::5::-5\n", {":2: bad time: time '-5' is before 1970"});
  const TemporaryFolder folder;
  const std::string file =
      WriteFile(folder, "r.dat", good + "1::2::5::1800086400\n");  // a day after now is still right
  EXPECT_EQ(Read(file).log.size(), 2);
  ReadOptions options;
  options.allow_any_time = true;
  const std::string odd = WriteFile(folder, "odd.dat", good + "1::2::5::1800172800\n1::2::5::-5\n");
  EXPECT_EQ(Read(odd, options).log.size(), 3);
}

TEST(ReadLogErrors, QuotesAndBinaryIds) {
  const std::string head = "user,item,time\n";
  ExpectError("a.csv", head + "u,i,1577836800\n\"u,i,1577836800\nu,j,1577836801\n",
              {"a.csv:3: quote not closed", "closing quote", "the row is '\"u,i,1577836800'"});
  ExpectError("a.csv", head + "\"u\"x,i,1577836800\n", {"a.csv:2: quote not closed"});
  ExpectError("a.csv", head + "u,caf\xE9,1577836800\n",
              {"a.csv:2: NUL byte or invalid UTF-8: item is 'caf\\xe9'", "iconv"});
}

TEST(ReadLogErrors, JsonRows) {
  const std::string good =
      "{\"user_id\":\"u\",\"business_id\":\"b\",\"stars\":5,\"date\":\"2018-07-07\"}\n";
  ExpectError("review.json", good + "{\"user_id\":\"u\",\"business_id\":\n",
              {"review.json:2: bad JSON", "one JSON object on the line"});
  ExpectError("review.json", good + "[1]\n", {":2: bad JSON"});
  ExpectError("review.json", good + good.substr(0, good.size() - 1) + " {}\n", {":2: bad JSON"});
  ExpectError("review.json", good + "{\"user_id\":\"u\",\"business_id\":\"b\",\"stars\":5}\n",
              {":2: missing field: key 'date' is not there"});
  ExpectError("review.json", good + "{\"business_id\":\"b\",\"stars\":5,\"date\":\"2018-07-07\"}\n",
              {":2: missing field: key 'user_id' is not there"});
  ExpectError(
      "review.json",
      good + "{\"user_id\":null,\"business_id\":\"b\",\"stars\":5,\"date\":\"2018-07-07\"}\n",
      {":2: empty id: user is empty"});
  ExpectError("other.json", "{\"who\":\"u\",\"what\":\"b\"}\n",
              {"JSON lines", "columns = user=KEY", "who, what"}, {}, ErrorCode::kInvalidArgument);
}

TEST(ReadLogErrors, FilesThatHoldNothingOrNoText) {
  ExpectError("e.csv", "", {"the file is empty"});
  ExpectError("e.csv", "\n\n  \n", {"blank lines only"});
  ExpectError("e.csv", "userId,movieId,rating,timestamp\n", {"a header and no row"});
  ExpectError("e.bin", std::string("ab\0cd\n", 6), {"NUL byte at offset 2", "binary"});
  ExpectError("e.csv",
              std::string("\xFF\xFE"
                          "a\0",
                          4),
              {"UTF-16", "iconv"});
  std::string junk;
  RandomStream random(3, 0);
  for (int i = 0; i < 5000; ++i) junk += static_cast<char>(random.Below(256));
  const TemporaryFolder folder;
  EXPECT_NE(ErrorOfReading(WriteFile(folder, "junk.dat", junk)).find("junk.dat"),
            std::string::npos);
  ReadOptions options;
  options.drop = {"item==i"};
  ExpectError("a.csv", "user,item,time\nu,i,1577836800\n", {"no row is left of 1"}, options);
}

TEST(ReadLogErrors, UnclearFormatsListWhatTheyCouldBe) {
  const auto kUsage = ErrorCode::kInvalidArgument;
  ExpectError("a.csv", "B000123456,A3SGXH7AUHU8GW,5.0,1252800000\n",
              {"amazon-csv", "columns = user=0", "another order"}, {}, kUsage);
  ExpectError("a.txt", "some text\nmore text\n", {"movielens-dat", "recbole", "--columns user="},
              {}, kUsage);
  ExpectError("a.csv", "who,what,when\nu,i,1577836800\n", {"--columns user=COLUMN"}, {}, kUsage);
  ExpectError("a.csv", "a;1,b\nc;3,d\n", {"the separator could be"},
              WithColumns({"user=0", "item=1", "time=2"}), kUsage);
  ExpectError("a.txt", "1577836800\n1577836801\n", {"no separator"},
              WithColumns({"user=0", "item=1", "time=2"}), kUsage);
}

TEST(ReadLogErrors, ColumnsThatDoNotFit) {
  const std::string text = "user,item,time\nu,i,1577836800\n";
  const auto kUsage = ErrorCode::kInvalidArgument;
  ExpectError("a.csv", text, {"no column 'usr'", "'user', 'item', 'time'", "did you mean 'user'"},
              WithColumns({"user=usr", "item=item", "time=time"}), kUsage);
  ExpectError("a.csv", text, {"there is no column 9", "3 fields"},
              WithColumns({"user=0", "item=9", "time=2"}), kUsage);
  ExpectError("a.csv", text, {"where the time is"}, WithColumns({"user=0", "item=1"}), kUsage);
  ExpectError("a.csv", text, {"unknown role 'usr'", "did you mean 'user'"},
              WithColumns({"usr=0", "item=1", "time=2"}), kUsage);
  ExpectError("a.csv", text, {"not of the form ROLE=COLUMN"}, WithColumns({"user"}), kUsage);
  ReadOptions options = WithColumns({"user=user", "item=item", "time=time"});
  options.header = HeaderRow::kNo;
  ExpectError("a.csv", text, {"is a name, but the file has no header"}, options, kUsage);
  options = ReadOptions{};
  options.drop = {"Quantity<=0"};
  ExpectError("a.csv", text, {"no column 'Quantity'"}, options, kUsage);
  options = ReadOptions{};
  options.separator = ";";
  ExpectError("a.csv", text, {"a.csv"}, options, kUsage);
}

TEST(ReadLogErrors, TimesThatCannotBeTold) {
  const std::string head = "user,item,time\n";
  ExpectError("a.csv", head + "u,i,1577836800\nu,i,1577836800000\n",
              {"do not agree", "'1577836800000' like epoch milliseconds", "time_format"}, {},
              ErrorCode::kInvalidArgument);
  ExpectError("a.csv", head + "u,i,12/1/2010 8:26\n", {"time '12/1/2010 8:26'", "ISO-8601"});
}

TEST(ReadLogErrors, ARuleThatMeetsTextIsABadNumber) {
  ReadOptions options;
  options.drop = {"n<=0"};
  ExpectError("a.csv", "user,item,time,n\nu,i,1577836800,many\n",
              {"a.csv:2: bad number: column 'n' is 'many'", "the rule 'drop n<=0'"}, options);
}

TEST(ReadLogErrors, SkippedRowsAreAllowedUpToTheLimitAndCountedByKind) {
  const TemporaryFolder folder;
  std::string text = "user,item,rating,time\nu,i,5,1577836800\n";
  text += "u,i,x,1577836800\nu,i,nan,1577836800\nu,i,5,never\n,i,5,1577836800\nu,i\n\"u,i\n";
  text += "u,j,4,1577836801\n";
  const std::string file = WriteFile(folder, "a.csv", text);
  ReadOptions options;
  options.skip_bad_rows = 6;
  const ReadReport report = Read(file, options).report;
  EXPECT_EQ(report.rows, 8);
  EXPECT_EQ(report.kept, 2);
  EXPECT_EQ(report.num_bad_rows(), 6);
  for (const BadRowKind kind : {BadRowKind::kNumber, BadRowKind::kNotFinite, BadRowKind::kTime,
                                BadRowKind::kEmptyId, BadRowKind::kFields, BadRowKind::kQuote}) {
    EXPECT_EQ(report.bad_rows[static_cast<std::size_t>(kind)], 1) << static_cast<int>(kind);
  }
  options.skip_bad_rows = 5;
  const std::string message = ErrorOfReading(file, options, ErrorCode::kCorruptData);
  EXPECT_NE(message.find("more than skip_bad_rows = 5"), std::string::npos) << message;
  EXPECT_NE(message.find("1 bad number, 1 rating not finite"), std::string::npos) << message;
  EXPECT_NE(message.find("a.csv:3: bad number"), std::string::npos) << message;
}

TEST(ReadLogErrors, TitlesFiles) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "ratings.dat", kGood);
  WriteFile(folder, "movies.dat", "1::a::b\n2::c\n");
  const std::string message = ErrorOfReading(file, {}, ErrorCode::kCorruptData);
  EXPECT_NE(message.find("movies.dat:2"), std::string::npos) << message;
  EXPECT_NE(message.find("3 fields, found 2"), std::string::npos) << message;
  ReadOptions options;
  options.titles = (folder / "none.csv").string();
  EXPECT_NE(ErrorOfReading(file, options, ErrorCode::kNotFound).find("none.csv"),
            std::string::npos);
}

}  // namespace
}  // namespace raie
