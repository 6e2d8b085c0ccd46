#include "base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/file_lock.h"
#include "base/output_folder.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

// An empty folder that goes away with the test.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "raie_files_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FilesTest() override { fs::remove_all(folder_); }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  fs::path folder_;
};

using Files = FilesTest;
using FilesThreads = FilesTest;

template <class Call>
void ExpectError(ErrorCode code, const std::string& part, Call&& call) {
  try {
    call();
    FAIL() << "no error naming " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST_F(Files, WritesThroughLinksAndPipes) {
  const fs::path file = folder_ / "file", link = folder_ / "link", pipe = folder_ / "pipe";
  WriteFileAtomically(file, "old");
  fs::create_symlink(file, link);
  WriteFileAtomically(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(ReadFile(file), "new");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = ReadFile(pipe); });
  WriteFileAtomically(pipe, "through");
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST_F(Files, AFolderThatIsALinkIsReplacedWhereItLeads) {
  const fs::path real = folder_ / "real", link = folder_ / "link";
  fs::create_directory(real);
  fs::create_symlink(real, link);
  AtomicDirectory directory(link);
  WriteFileAtomically(directory.path() / "a", "x");
  directory.Commit();
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(ReadFile(real / "a"), "x");
}

TEST_F(Files, WhatKilledProcessesLeftIsRemovedADayLater) {
  const auto make = [&](const std::string& name, int hours) {
    fs::create_directory(folder_ / name);
    fs::last_write_time(folder_ / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  const std::string own = std::to_string(::getpid());
  make("out.partial.99999999.0", 25);  // no process can have this number
  make("out.partial.99999998.0", 1);   // it may be alive elsewhere
  make("out.partial." + own + ".99", 25);
  make("other.partial.99999999.0", 25);
  { const AtomicDirectory directory(folder_ / "out"); }
  EXPECT_FALSE(fs::exists(folder_ / "out.partial.99999999.0"));
  EXPECT_EQ(Names().size(), 3u);
}

TEST_F(Files, AFolderIsReplacedOnlyIfNothingElseIsInIt) {
  const fs::path out = folder_ / "out";
  fs::create_directory(out);
  CheckMayReplace(out, "marker");
  WriteFileAtomically(out / "marker", R"({"files": {"column": 1}})");
  WriteFileAtomically(out / "column", "x");
  WriteFileAtomically(out / "log.csv", "x");
  constexpr const char* kOthers[] = {"log.csv"};
  CheckMayReplace(out, "marker", kOthers);
  ExpectError(ErrorCode::kInvalidArgument, "log.csv", [&] { CheckMayReplace(out, "marker"); });
  WriteFileAtomically(out / "marker", "{");
  ExpectError(ErrorCode::kInvalidArgument, "damaged", [&] { CheckMayReplace(out, "marker"); });
  ExpectError(ErrorCode::kInvalidArgument, "no other", [&] { CheckMayReplace(out, "other"); });
  ExpectError(ErrorCode::kInvalidArgument, "current folder", [&] { CheckIsFree(".", "never"); });
}

TEST_F(Files, AFolderThatWasReplacedIsNotLocked) {
  const fs::path folder = folder_ / "set";
  fs::create_directory(folder);
  {
    const FileLock lock(folder, "set", FileLock::On::kFolder);
    ExpectError(ErrorCode::kUnavailable, "another process",
                [&] { FileLock(folder, "set", FileLock::On::kFolder); });
    AtomicDirectory(folder).Commit();  // its lock is of the old folder
    const FileLock next(folder, "set", FileLock::On::kFolder);
  }
}

TEST_F(Files, WritesReadsAndReplaces) {
  const fs::path path = folder_ / "a";
  for (const std::string& text : {std::string("one"), std::string(), std::string(100000, 'x'),
                                  std::string("zero\0byte", 9)}) {
    WriteFileAtomically(path, text);
    EXPECT_EQ(ReadFile(path), text);
    EXPECT_EQ(MappedFile(path).text(), text);
    EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  }
}

TEST_F(Files, AFailedWriteLeavesTheOldState) {
  const fs::path path = folder_ / "target";
  fs::create_directory(path);  // rename over a folder fails after the bytes were written
  WriteFileAtomically(path / "inside", "old");
  ExpectError(ErrorCode::kIo, "cannot replace " + path.string(),
              [&] { WriteFileAtomically(path, "new"); });
  EXPECT_EQ(ReadFile(path / "inside"), "old");
  EXPECT_EQ(Names(), std::vector<std::string>{"target"});
  ExpectError(ErrorCode::kNotFound, "absent",
              [&] { WriteFileAtomically(folder_ / "absent" / "a", "new"); });
}

TEST_F(Files, AFullDiskIsOneClearError) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  FileWriter writer("/dev/full");
  ExpectError(ErrorCode::kIo, "cannot write /dev/full: No space left",
              [&] { writer.Write("bytes"); });
}

TEST_F(Files, MissingFilesAndFoldersAreNamed) {
  const fs::path absent = folder_ / "absent";
  ExpectError(ErrorCode::kNotFound, absent.string(), [&] { ReadFile(absent); });
  ExpectError(ErrorCode::kNotFound, absent.string(), [&] { MappedFile{absent}; });
  ExpectError(ErrorCode::kIo, "directory", [&] { ReadFile(folder_); });
  ExpectError(ErrorCode::kIo, "directory", [&] { MappedFile{folder_}; });
}

TEST_F(Files, APipeIsReadToItsEndAndNotMapped) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string text(200000, 'p');
  std::thread writer([&] { std::ofstream(pipe) << text; });
  EXPECT_EQ(ReadFile(pipe), text);
  writer.join();
  ExpectError(ErrorCode::kIo, "not a regular file", [] { MappedFile{"/dev/null"}; });
}

TEST_F(Files, MappedFilesMove) {
  WriteFileAtomically(folder_ / "a", "first");
  WriteFileAtomically(folder_ / "b", "second");
  MappedFile a(folder_ / "a");
  MappedFile b(folder_ / "b");
  a = std::move(b);
  EXPECT_EQ(a.text(), "second");
  const MappedFile c(std::move(a));
  EXPECT_EQ(c.text(), "second");
}

TEST_F(Files, PiecesLandWhereTheyBelong) {
  FileWriter writer(folder_ / "a");
  writer.Write("0123456789");
  writer.WriteAt(3, std::as_bytes(std::span("abc", 3)));
  writer.Write("!");
  writer.Close();
  EXPECT_EQ(ReadFile(folder_ / "a"), "012abc6789!");
}

TEST_F(Files, AFolderAppearsWholeOrNotAtAll) {
  const fs::path target = folder_ / "above" / "model";
  {
    const AtomicDirectory abandoned(target);
    WriteFileAtomically(abandoned.path() / "a", "half");
    EXPECT_FALSE(fs::exists(target));
  }
  EXPECT_FALSE(fs::exists(target));
  EXPECT_TRUE(fs::is_empty(folder_ / "above"));
  AtomicDirectory directory(target);
  fs::create_directory(directory.path() / "inner");
  WriteFileAtomically(directory.path() / "inner" / "a", "whole");
  directory.Commit();
  EXPECT_EQ(ReadFile(target / "inner" / "a"), "whole");
}

TEST_F(Files, AnExistingFolderIsExchanged) {
  const fs::path target = folder_ / "model";
  for (const std::string& name : {std::string("old"), std::string("new")}) {
    AtomicDirectory directory(target.string() + "/");  // with or without the slash
    WriteFileAtomically(directory.path() / name, name);
    EXPECT_EQ(fs::exists(target / "old"), name == "new") << "until it is committed";
    directory.Commit();
  }
  EXPECT_FALSE(fs::exists(target / "old"));
  EXPECT_EQ(ReadFile(target / "new"), "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"model"});
}

TEST_F(Files, AFileIsNeverReplacedByAFolder) {
  WriteFileAtomically(folder_ / "notes", "precious");
  ExpectError(ErrorCode::kInvalidArgument, "a file of that name exists",
              [&] { AtomicDirectory{folder_ / "notes"}; });
  EXPECT_EQ(ReadFile(folder_ / "notes"), "precious");
  EXPECT_EQ(Names(), std::vector<std::string>{"notes"});
  ExpectError(ErrorCode::kIo, "cannot create folder",
              [&] { AtomicDirectory{folder_ / "notes" / "model"}; });
}

TEST_F(Files, AScratchFileHasNoNameAndKeepsWhatIsWrittenAnywhere) {
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  for (const fs::path& place : {folder_, fs::path()}) {
    ScratchFile file(place);
    file.WriteAt(100000, bytes("later"));
    file.WriteAt(3, bytes("first"));
    EXPECT_TRUE(Names().empty());
    std::string found(5, ' ');
    file.ReadAt(100000, std::as_writable_bytes(std::span(found)));
    EXPECT_EQ(found, "later");
    file.ReadAt(3, std::as_writable_bytes(std::span(found)));
    EXPECT_EQ(found, "first");
    ExpectError(ErrorCode::kIo, "cannot read",
                [&] { file.ReadAt(100001, std::as_writable_bytes(std::span(found))); });
  }
  ExpectError(ErrorCode::kNotFound, "nowhere", [&] { ScratchFile{folder_ / "nowhere"}; });
}

TEST_F(Files, DigestsSeeEveryByte) {
  EXPECT_EQ(DigestOf({}), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing
  WriteFileAtomically(folder_ / "a", "content");
  const std::string digest = DigestOfFile(folder_ / "a");
  EXPECT_EQ(digest, DigestOf(std::as_bytes(std::span("content", 7))));
  EXPECT_EQ(digest.size(), 32U);
  WriteFileAtomically(folder_ / "a", "contenT");
  EXPECT_NE(DigestOfFile(folder_ / "a"), digest);
}

TEST_F(FilesThreads, ReadersNeverSeeHalfAFile) {
  const fs::path path = folder_ / "a";
  const std::string a(50000, 'a');
  const std::string b(70000, 'b');
  WriteFileAtomically(path, a);
  std::vector<std::thread> writers;
  for (const std::string* text : {&a, &b}) {
    writers.emplace_back([&path, text] {
      for (int i = 0; i < 20; ++i) WriteFileAtomically(path, *text);
    });
  }
  for (int i = 0; i < 200; ++i) {
    const std::string seen = ReadFile(path);
    EXPECT_TRUE(seen == a || seen == b);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace raie
