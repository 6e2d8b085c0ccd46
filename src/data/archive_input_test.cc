#include "data/archive_input.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "data/readers/pieces.h"
#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::ArchiveKind;
using testing::ErrorOfReading;
using testing::EventsOf;
using testing::Read;
using testing::TemporaryFolder;
using testing::WriteArchive;
using testing::WriteFile;

constexpr const char* kRatings = "1::122::5::838985046\n2::185::4.5::838983525\n";
constexpr const char* kMovies = "122::Boomerang (1992)::Comedy\n";

void ExpectTheRatings(const ReadResult& result) {
  EXPECT_EQ(EventsOf(result.log), (std::vector<testing::RawEvent>{{"1", "122", 5, 838985046},
                                                                  {"2", "185", 4.5, 838983525}}));
}

TEST(ArchiveInput, SingleFilesInGzipAndXz) {
  const TemporaryFolder folder;
  WriteFile(folder, "movies.dat", kMovies);
  ExpectTheRatings(
      Read(WriteArchive(folder, "ratings.dat.gz", ArchiveKind::kGzip, {{"r", kRatings}})));
  const ReadResult result =
      Read(WriteArchive(folder, "ratings.dat.xz", ArchiveKind::kXz, {{"r", kRatings}}));
  ExpectTheRatings(result);
  EXPECT_EQ(result.log.titles[0], "Boomerang (1992)");  // from the file beside it
}

TEST(ArchiveInput, MembersOfZipAndTarAreFoundByName) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> members = {
      {"ml-10M100K/README.html", "<html>"},
      {"ml-10M100K/movies.dat", kMovies},
      {"ml-10M100K/ratings.dat", kRatings},
      {"__MACOSX/ml-10M100K/._ratings.dat", "x"}};
  const std::pair<const char*, ArchiveKind> kinds[] = {{"a.zip", ArchiveKind::kZip},
                                                       {"a.tar", ArchiveKind::kTar},
                                                       {"a.tar.gz", ArchiveKind::kTarGzip},
                                                       {"a.tgz", ArchiveKind::kTarGzip},
                                                       {"a.tar.xz", ArchiveKind::kTarXz}};
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(name);
    const std::string path = WriteArchive(folder, name, kind, members);
    const ReadResult automatic = Read(path);
    ExpectTheRatings(automatic);
    EXPECT_EQ(automatic.report.files[0], path + ":ml-10M100K/ratings.dat");
    EXPECT_EQ(automatic.log.titles[0], "Boomerang (1992)");  // from the same archive
    ExpectTheRatings(Read(path + ":ml-10M100K/ratings.dat"));
    EXPECT_EQ(ListMembers(path),
              (std::vector<std::string>{"ml-10M100K/README.html", "ml-10M100K/movies.dat",
                                        "ml-10M100K/ratings.dat"}));
    const std::string missing = ErrorOfReading(path + ":nothing.dat", {}, ErrorCode::kNotFound);
    EXPECT_NE(missing.find("no member 'nothing.dat'; it has ml-10M100K/README.html"),
              std::string::npos)
        << missing;
  }
}

TEST(ArchiveInput, TheFormatChoosesAmongMembers) {
  const TemporaryFolder folder;
  const std::string path =
      WriteArchive(folder, "a.zip", ArchiveKind::kZip,
                   {{"x/ratings.dat", kRatings}, {"y/u.data", "1\t2\t3\t881250949\n"}});
  const std::string error = ErrorOfReading(path, {}, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.find("several members"), std::string::npos) << error;
  EXPECT_NE(error.find("x/ratings.dat, y/u.data"), std::string::npos) << error;
  ReadOptions options;
  options.format = LogFormat::kMovielensDat;
  ExpectTheRatings(Read(path, options));
  const std::string other =
      WriteArchive(folder, "b.zip", ArchiveKind::kZip, {{"one.txt", kRatings}, {"two.txt", "x"}});
  EXPECT_NE(ErrorOfReading(other).find("no member has the name"), std::string::npos);
  ExpectTheRatings(Read(other + ":one.txt"));
  const std::string only =
      WriteArchive(folder, "c.zip", ArchiveKind::kZip, {{"one.txt", kRatings}});
  ExpectTheRatings(Read(only));
}

// Random digits do not compress away, so a cut or a wrong byte hits data.
std::string ManyRatings() {
  RandomStream random(5, 0);
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += std::to_string(random.Below(1000)) + "::" + std::to_string(random.Below(1000)) +
            "::" + std::to_string(1 + random.Below(5)) +
            "::" + std::to_string(900000000 + random.Below(100000000)) + "\n";
  }
  return text;
}

TEST(ArchiveInput, DamagedAndShortArchivesAreNamed) {
  const TemporaryFolder folder;
  const std::string text = ManyRatings();
  const std::pair<const char*, ArchiveKind> kinds[] = {
      {"ratings.dat.gz", ArchiveKind::kGzip}, {"ratings.dat.xz", ArchiveKind::kXz},
      {"a.zip", ArchiveKind::kZip},           {"a.tar", ArchiveKind::kTar},
      {"a.tar.gz", ArchiveKind::kTarGzip},    {"a.tar.xz", ArchiveKind::kTarXz}};
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(name);
    const std::string path = WriteArchive(folder, name, kind, {{"ratings.dat", text}});
    const std::string whole = ReadFile(path);
    EXPECT_EQ(Read(path).report.rows, 20000);
    WriteFile(folder, name, whole.substr(0, whole.size() / 2));
    const std::string cut = ErrorOfReading(path, {}, ErrorCode::kCorruptData);
    EXPECT_NE(cut.find(path), std::string::npos) << cut;
    EXPECT_NE(cut.find("damaged or cut short"), std::string::npos) << cut;
    if (kind == ArchiveKind::kTar) continue;  // carries no check of its members
    for (const double part : {0.3, 0.6, 0.9}) {
      std::string wrong = whole;
      wrong[static_cast<std::size_t>(part * static_cast<double>(whole.size()))] ^= 0x24;
      WriteFile(folder, name, wrong);
      const std::string damaged = ErrorOfReading(path, {}, ErrorCode::kCorruptData);
      EXPECT_FALSE(damaged.empty()) << part;
    }
  }
}

TEST(ArchiveInput, OtherKindsOfFilesAreRefusedWithAHint) {
  const TemporaryFolder folder;
  const std::string bzip = WriteFile(folder, "a.dat.bz2", "BZh91AY&SY");
  EXPECT_NE(ErrorOfReading(bzip, {}, ErrorCode::kInvalidArgument).find("bzip2"), std::string::npos);
  const std::string missing = (folder / "none.dat").string();
  EXPECT_NE(ErrorOfReading(missing, {}, ErrorCode::kNotFound).find(missing), std::string::npos);
  EXPECT_NE(
      ErrorOfReading(folder.path().string(), {}, ErrorCode::kInvalidArgument).find("is a folder"),
      std::string::npos);
  const std::string plain = WriteFile(folder, "ratings.dat", kRatings);
  EXPECT_NE(ErrorOfReading(plain + ":x", {}, ErrorCode::kInvalidArgument).find("has no member"),
            std::string::npos);
  const std::string empty = WriteArchive(folder, "e.zip", ArchiveKind::kZip, {});
  EXPECT_NE(ErrorOfReading(empty, {}, ErrorCode::kInvalidArgument).find("It has no file"),
            std::string::npos);
}

TEST(ArchiveInput, AFileNameMayHoldAColon) {
  const TemporaryFolder folder;
  ExpectTheRatings(Read(WriteFile(folder, "a:b.dat", kRatings)));
}

TEST(ArchiveInput, StreamsInSmallPiecesGiveTheSameRows) {
  const TemporaryFolder folder;
  const std::string text = ManyRatings();
  const std::string plain = WriteFile(folder, "plain.dat", text);
  const std::string packed =
      WriteArchive(folder, "ratings.dat.gz", ArchiveKind::kGzip, {{"ratings.dat", text}});
  TaskPool pool(2);
  ReadOptions options;
  options.now = testing::kNow;
  const auto expected = EventsOf(ReadLog({plain}, options, pool).log);
  ASSERT_EQ(expected.size(), 20000U);
  for (const std::size_t block : {1000, 4096, 65536}) {
    SCOPED_TRACE(block);
    const PieceSizes sizes{block / 7, block};
    EXPECT_EQ(EventsOf(ReadLogInPieces({packed}, options, sizes, pool).log), expected);
    EXPECT_EQ(EventsOf(ReadLogInPieces({plain}, options, sizes, pool).log), expected);
  }
}

}  // namespace
}  // namespace raie
