#include "data/read_log.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::EventsOf;
using testing::RawEvent;
using testing::Read;
using testing::TemporaryFolder;
using testing::WriteFile;

using Events = std::vector<RawEvent>;

TEST(ReadLog, MovielensDatWithHalfStarsAndLatin1Titles) {
  const TemporaryFolder folder;
  WriteFile(folder, "movies.dat", "122::Caf\xE9 (1992)::Comedy|Romance\n185::Net, The::Action\n");
  const std::string file = WriteFile(folder, "ratings.dat",
                                     "1::122::5::838985046\n1::185::4.5::838983525\n"
                                     "2::122::0.5::838983392\n2::999::3::838983421\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(EventsOf(result.log), (Events{{"1", "122", 5, 838985046},
                                          {"1", "185", 4.5, 838983525},
                                          {"2", "122", 0.5, 838983392},
                                          {"2", "999", 3, 838983421}}));
  EXPECT_EQ(result.report.format, LogFormat::kMovielensDat);
  ASSERT_EQ(result.log.titles.size(), 3);
  EXPECT_EQ(result.log.titles[0], "Caf\xC3\xA9 (1992)");
  EXPECT_EQ(result.log.titles[2], "");
  EXPECT_EQ(result.log.categories[0], "Comedy|Romance");
  EXPECT_EQ(result.report.titled_items, 2);
  ReadOptions options;
  options.titles = "none";
  EXPECT_EQ(Read(file, options).log.titles.size(), 0);
}

TEST(ReadLog, AByteThatIsNoUtf8ChangesNoOtherLine) {
  const TemporaryFolder folder;
  WriteFile(folder, "movies.dat", "122::Caf\xC3\xA9::Comedy\n185::Am\xE9lie::Comedy\n");
  const std::string file =
      WriteFile(folder, "ratings.dat", "1::122::5::838985046\n1::185::4.5::838983525\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(result.log.titles[0], "Caf\xC3\xA9");
  EXPECT_EQ(result.log.titles[1], "Am\xC3\xA9lie");
}

TEST(ReadLog, MovielensCsv) {
  const TemporaryFolder folder;
  WriteFile(folder, "movies.csv",
            "movieId,title,genres\n3,\"American President, The (1995)\",Comedy|Drama\n1,"
            "\"a \"\"b\"\"\",Film\n");
  const std::string file = WriteFile(folder, "ratings.csv",
                                     "userId,movieId,rating,timestamp\n"
                                     "1,3,4.0,964982703\n7,1,3.5,964981247\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(EventsOf(result.log), (Events{{"1", "3", 4, 964982703}, {"7", "1", 3.5, 964981247}}));
  EXPECT_EQ(result.report.format, LogFormat::kMovielensCsv);
  EXPECT_EQ(result.log.titles[0], "American President, The (1995)");
  EXPECT_EQ(result.log.titles[1], "a \"b\"");
  EXPECT_EQ(result.log.categories[0], "Comedy|Drama");
}

TEST(ReadLog, Movielens100kWithGenresFromFlags) {
  const TemporaryFolder folder;
  WriteFile(folder, "u.item",
            "242|Kolya (1996)|24-Jan-1997||http://x|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
            "302|\xC9t\xE9|01-Jan-1997||http://y|0|1|0|0|0|0|0|0|0|0|1|0|0|0|0|0|1|0|0\n");
  const std::string file =
      WriteFile(folder, "u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(EventsOf(result.log),
            (Events{{"196", "242", 3, 881250949}, {"186", "302", 3, 891717742}}));
  EXPECT_EQ(result.report.format, LogFormat::kMovielens100k);
  EXPECT_EQ(result.log.titles[1], "\xC3\x89t\xC3\xA9");
  EXPECT_EQ(result.log.categories[0], "Comedy");
  EXPECT_EQ(result.log.categories[1], "Action|Film-Noir|Thriller");
}

TEST(ReadLog, YelpReviewsWithBusinesses) {
  const TemporaryFolder folder;
  WriteFile(
      folder, "yelp_academic_dataset_business.json",
      "{\"business_id\":\"b-1\",\"name\":\"Caf\\u00e9 \\\"A\\\"\",\"stars\":4.5,\"categories\":"
      "\"Food, Bars\",\"hours\":{\"Monday\":\"8-9\"}}\n"
      "{\"business_id\":\"b-2\",\"name\":\"B\",\"categories\":null}\n");
  const std::string file = WriteFile(
      folder, "yelp_academic_dataset_review.json",
      "{\"review_id\":\"r1\",\"user_id\":\"u_1\",\"business_id\":\"b-1\",\"stars\":3.0,\"useful\":"
      "0,"
      "\"text\":\"nice, {\\\"odd\\\"}\\nline\",\"date\":\"2018-07-07 22:09:11\"}\n"
      "{\"review_id\":\"r2\",\"user_id\":\"u_2\",\"business_id\":\"b-2\",\"stars\":5,\"useful\":0,"
      "\"text\":\"\",\"date\":\"2012-01-03\"}");
  const ReadResult result = Read(file);
  EXPECT_EQ(EventsOf(result.log),
            (Events{{"u_1", "b-1", 3, 1531001351}, {"u_2", "b-2", 5, 1325548800}}));
  EXPECT_EQ(result.report.format, LogFormat::kYelp);
  EXPECT_EQ(result.report.time_format, TimeFormat::kIso);
  EXPECT_EQ(result.log.titles[0], "Caf\xC3\xA9 \"A\"");
  EXPECT_EQ(result.log.categories[0], "Food, Bars");
  EXPECT_EQ(result.log.categories[1], "");
}

TEST(ReadLog, AmazonJsonAndCsv) {
  const TemporaryFolder folder;
  const std::string json = WriteFile(
      folder, "reviews.json",
      "{\"reviewerID\": \"A2SUAM1J3GNN3B\", \"asin\": \"0000013714\", \"reviewText\": \"x\", "
      "\"overall\": 5.0, \"unixReviewTime\": 1252800000, \"reviewTime\": \"09 13, 2009\"}\n");
  const Events expected{{"A2SUAM1J3GNN3B", "0000013714", 5, 1252800000}};
  EXPECT_EQ(EventsOf(Read(json).log), expected);
  EXPECT_EQ(Read(json).report.format, LogFormat::kAmazonJson);
  const std::string csv =
      WriteFile(folder, "ratings_Books.csv", "A2SUAM1J3GNN3B,0000013714,5.0,1252800000\n");
  EXPECT_EQ(EventsOf(Read(csv).log), expected);
  EXPECT_EQ(Read(csv).report.format, LogFormat::kAmazonCsv);
}

TEST(ReadLog, RecboleWithTypedHeader) {
  const TemporaryFolder folder;
  WriteFile(folder, "ml.item",
            "item_id:token\tmovie_title:token_seq\tclass:token_seq\n"
            "10\tGold \"n\" Eye\tAction Thriller\n");
  const std::string file = WriteFile(
      folder, "ml.inter",
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t3.5\t881250949.7\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(EventsOf(result.log), (Events{{"1", "10", 3.5, 881250949}}));
  EXPECT_EQ(result.report.format, LogFormat::kRecbole);
  EXPECT_EQ(result.log.titles[0], "Gold \"n\" Eye");
  const std::string unrated = WriteFile(
      folder, "b.inter", "item_id:token\tuser_id:token\ttimestamp:float\n5\tx\t1000000000\n");
  EXPECT_EQ(EventsOf(Read(unrated).log), (Events{{"x", "5", -1, 1000000000}}));
}

TEST(ReadLog, DelimitedByNamesNumbersAndUsualNames) {
  const TemporaryFolder folder;
  const Events expected{{"u1", "i 1", -1, 1577836800}, {"u2", "i2", -1, 1577836801}};
  ReadOptions options;
  options.columns = {"user=who", "item=what", "time=when"};
  const std::string semicolons =
      WriteFile(folder, "a.csv", "when;what;who\n2020-01-01;i 1;u1\n2020-01-01T00:00:01Z;i2;u2\n");
  EXPECT_EQ(EventsOf(Read(semicolons, options).log), expected);
  options.columns = {"user=2", "item=1", "time=0"};
  EXPECT_EQ(EventsOf(Read(semicolons, options).log), expected);  // the header is seen
  const std::string headerless = WriteFile(folder, "b.txt",
                                           "1577836800\ti 1\tu1\n"
                                           "1577836801\ti2\tu2\n");
  EXPECT_EQ(EventsOf(Read(headerless, options).log), expected);
  const std::string milliseconds = WriteFile(folder, "c.txt",
                                             "1577836800000##i 1##u1\n"
                                             "1577836801999##i2##u2\n");
  options.separator = "##";
  EXPECT_EQ(EventsOf(Read(milliseconds, options).log), expected);
  const std::string usual = WriteFile(
      folder, "d.csv", "user_id,item_id,timestamp\nu1,i 1,1577836800\nu2,i2,1577836801\n");
  EXPECT_EQ(EventsOf(Read(usual).log), expected);
}

TEST(ReadLog, QuotesCrlfBomAndBlankLines) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "a.csv",
                                     "\xEF\xBB\xBFuser,item,time,note\r\n"
                                     "\"u,1\",\"say \"\"hi\"\"\",1577836800,\"two\r\nlines\"\r\n"
                                     "\r\n"
                                     "u2,5\" nail,1577836801,\r\n"
                                     "\"u3\",\"\",1577836802,x");
  ReadOptions options;
  options.skip_bad_rows = 1;
  const ReadResult result = Read(file, options);
  EXPECT_EQ(EventsOf(result.log),
            (Events{{"u,1", "say \"hi\"", -1, 1577836800}, {"u2", "5\" nail", -1, 1577836801}}));
  EXPECT_EQ(result.report.blank_lines, 1);
  EXPECT_EQ(result.report.rows, 3);
  EXPECT_EQ(result.report.num_bad_rows(), 1);
  EXPECT_NE(result.report.first_bad_row.find("a.csv:6: empty id"), std::string::npos)
      << result.report.first_bad_row;
}

TEST(ReadLog, TitlesAndCategoriesFromColumnsAndFiles) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "shop.csv",
                                     "user,item,time,name,group\n1,A,1577836800,,\n"
                                     "1,B,1577836801,bee,g2\n2,A,1577836802,a\xA3,g1\n"
                                     "2,A,1577836802,other,g9\n");
  ReadOptions options;
  options.columns = {"user=user", "item=item", "time=time", "title=name", "category=group"};
  const InteractionLog log = Read(file, options).log;
  EXPECT_EQ(log.titles[0], "a\xC2\xA3");  // the first that says something
  EXPECT_EQ(log.titles[1], "bee");
  EXPECT_EQ(log.categories[0], "g1");
  options.columns = {"user=user", "item=item", "time=time"};
  options.titles = WriteFile(folder, "things.csv", "code;what\nB;the bee\nC;unknown\n");
  options.title_columns = {"item=code", "title=what"};
  const InteractionLog named = Read(file, options).log;
  EXPECT_EQ(named.titles[0], "");
  EXPECT_EQ(named.titles[1], "the bee");
  EXPECT_EQ(named.categories.size(), 0);
  options.titles = WriteFile(folder, "roles.csv", "title,item\na bee,B\n");
  options.title_columns = {};
  EXPECT_EQ(Read(file, options).log.titles[1], "a bee");
}

TEST(ReadLog, SeveralFilesAreOneLog) {
  const TemporaryFolder folder;
  const std::string a = WriteFile(folder, "a.csv", "user,item,time\nu,x,1577836800\n");
  const std::string b =
      WriteFile(folder, "b.csv", "user,item,time\nv,x,1577836801\nu,y,1577836802\n");
  TaskPool pool(2);
  const ReadResult result = ReadLog({a, b}, {}, pool);
  EXPECT_EQ(
      EventsOf(result.log),
      (Events{{"u", "x", -1, 1577836800}, {"v", "x", -1, 1577836801}, {"u", "y", -1, 1577836802}}));
  EXPECT_EQ(result.report.files.size(), 2U);
  EXPECT_EQ(result.report.rows, 3);
}

TEST(ReadLog, NumbersThatAreNotCanonicalAreOtherIds) {
  const TemporaryFolder folder;
  const std::string file = WriteFile(folder, "ratings.dat",
                                     "7::1::5::978300019\n007::1::5::978300019\n"
                                     "7::18446744073709551617::5::978300019\n"
                                     "7::4194305::5::978300019\n");
  const ReadResult result = Read(file);
  EXPECT_EQ(result.log.user_ids.size(), 2);
  EXPECT_EQ(result.log.user_ids[1], "007");
  EXPECT_EQ(result.log.item_ids[1], "18446744073709551617");
  EXPECT_EQ(result.log.item_ids[2], "4194305");
}

TEST(ReadLog, ReportAsJson) {
  const TemporaryFolder folder;
  ReadOptions options;
  options.skip_bad_rows = 5;
  options.drop = {"item==x"};
  const nlohmann::ordered_json json =
      ToJson(Read(WriteFile(folder, "a.csv",
                            "user,item,time\nu,x,1577836800\nu,y,1577836800\n,y,1577836800\nu,y\n"),
                  options)
                 .report);
  EXPECT_EQ(json["format"], "delimited");
  EXPECT_EQ(json["rows"], 4);
  EXPECT_EQ(json["kept"], 1);
  EXPECT_EQ(json["bad_rows"]["empty id"], 1);
  EXPECT_EQ(json["bad_rows"]["wrong number of fields"], 1);
  EXPECT_EQ(json["dropped"][0]["rule"], "drop item==x");
  EXPECT_EQ(json["dropped"][0]["rows"], 1);
}

}  // namespace
}  // namespace raie
