#include "data/archive_input.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/files.h"
#include "data/readers/pieces.h"
#include "data/readers/reader_fixture.h"

namespace raie {
namespace {

using testing::ArchiveKind;
using testing::ErrorOf;
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

// A gzip file whose text is stored as it is, so that a changed byte of it still unpacks.
std::string StoredGzip(const std::string& text) {
  std::string packed(text.size() + text.size() / 100 + 1000, '\0');
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 0, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Changed(std::string bytes, std::size_t place) {
  bytes[place] ^= 1;
  return bytes;
}

TEST(ArchiveInput, GzipIsComparedWithItsChecksum) {
  const TemporaryFolder folder;
  const std::string text = ManyRatings();
  const std::string packed = StoredGzip(text);
  const std::string path = WriteFile(folder, "ratings.dat.gz", packed);
  EXPECT_EQ(ReadAll({path, ""}), text);
  const std::size_t digit = packed.rfind("::") + 2;
  for (const std::size_t place : {digit, packed.size() - 8, packed.size() - 1}) {
    SCOPED_TRACE(place);
    WriteFile(folder, "ratings.dat.gz", Changed(packed, place));
    const std::string error = ErrorOfReading(path, {}, ErrorCode::kCorruptData);
    EXPECT_NE(error.find(path), std::string::npos) << error;
    EXPECT_NE(error.find("checksum"), std::string::npos) << error;
  }
}

TEST(ArchiveInput, GzipOfATarIsComparedWithItsChecksum) {
  const TemporaryFolder folder;
  // The member asked for is sound; what is wrong comes after it.
  WriteArchive(folder, "a.tar", ArchiveKind::kTar,
               {{"ratings.dat", kRatings}, {"later.txt", ManyRatings()}});
  const std::string packed = StoredGzip(ReadFile(folder / "a.tar"));
  const std::string path = WriteFile(folder, "a.tar.gz", packed);
  ExpectTheRatings(Read(path + ":ratings.dat"));
  for (const std::size_t place : {packed.rfind("::") + 2, packed.size() - 8}) {
    WriteFile(folder, "a.tar.gz", Changed(packed, place));
    const std::string error = ErrorOf(ErrorCode::kCorruptData, [&] {
      ReadAll({path, "ratings.dat"});
    });
    EXPECT_NE(error.find(path), std::string::npos) << error;
    EXPECT_NE(error.find("checksum"), std::string::npos) << error;
    ErrorOf(ErrorCode::kCorruptData, [&] { ListMembers(path); });
  }
}

TEST(ArchiveInput, GzipMayHaveSeveralMembersAndPadding) {
  const TemporaryFolder folder;
  const std::string text = ManyRatings();
  const std::size_t half = text.find('\n', text.size() / 2) + 1;
  const std::string first = StoredGzip(text.substr(0, half));
  const std::string packed = first + StoredGzip("") + StoredGzip(text.substr(half));
  const std::string path = WriteFile(folder, "ratings.dat.gz", packed);
  EXPECT_EQ(ReadAll({path, ""}), text);
  WriteFile(folder, "ratings.dat.gz", packed + std::string(1000, '\0'));
  EXPECT_EQ(ReadAll({path, ""}), text);
  for (const std::string& wrong :
       {Changed(packed, first.size() - 8), Changed(packed, packed.size() - 8),
        Changed(packed, first.size()), packed + "x", packed + first.substr(0, 5)}) {
    WriteFile(folder, "ratings.dat.gz", wrong);
    ErrorOf(ErrorCode::kCorruptData, [&] { ReadAll({path, ""}); });
  }
  WriteFile(folder, "ratings.dat.gz", StoredGzip(""));
  const std::string empty = ErrorOfReading(path, {}, ErrorCode::kCorruptData);
  EXPECT_NE(empty.find("empty"), std::string::npos) << empty;
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
