#include "store/manifest.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "base/files.h"
#include "raie/error.h"
#include "store/names_file.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest()
      : folder_(fs::temp_directory_path() / ("raie_manifest_test_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "a" / "deep");
    WriteFileAtomically(folder_ / "a" / "one", "first file");
    WriteFileAtomically(folder_ / "a" / "deep" / "two", "second file");
  }
  ~ManifestTest() override { fs::remove_all(folder_); }

  // Without a sync: thousands of them would take seconds.
  void Overwrite(const char* name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  // The message of the error `run` throws.
  static std::string MessageOf(const std::function<void()>& run) {
    try {
      run();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  fs::path folder_;
};

TEST_F(ManifestTest, KeepsContentAndVouchesForFiles) {
  const std::string digest = SaveManifest(folder_, "m.json", {{"answer", 42}});
  const auto manifest = LoadManifest(folder_, "m.json");
  EXPECT_EQ(manifest.at("answer"), 42);
  EXPECT_EQ(manifest.at("digest"), digest);
  EXPECT_EQ(manifest.at("files").size(), 2u);
  EXPECT_NO_THROW(CheckFiles(folder_, manifest));
}

TEST_F(ManifestTest, AnyByteOfTheManifestCounts) {
  SaveManifest(folder_, "m.json", {{"answer", 42}, {"text", "words with  spaces"}});
  const std::string text = ReadFile(folder_ / "m.json");
  for (std::size_t i = 0; i < text.size(); ++i) {
    SCOPED_TRACE(i);
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Overwrite("m.json", changed);
    MessageOf([&] { LoadManifest(folder_, "m.json"); });
  }
  for (const std::size_t kept : {std::size_t{0}, std::size_t{10}, text.size() - 1}) {
    Overwrite("m.json", text.substr(0, kept));
    MessageOf([&] { LoadManifest(folder_, "m.json"); });
  }
}

TEST_F(ManifestTest, NamesTheFileThatChanged) {
  SaveManifest(folder_, "m.json", nlohmann::ordered_json::object());
  const auto manifest = LoadManifest(folder_, "m.json");
  WriteFileAtomically(folder_ / "a" / "deep" / "two", "second filf");
  EXPECT_NE(MessageOf([&] { CheckFiles(folder_, manifest); }).find("a/deep/two"),
            std::string::npos);
  WriteFileAtomically(folder_ / "a" / "deep" / "two", "second");
  EXPECT_NE(MessageOf([&] { CheckFiles(folder_, manifest); }).find("6 bytes where 11"),
            std::string::npos);
  fs::remove(folder_ / "a" / "deep" / "two");
  EXPECT_NE(MessageOf([&] { CheckFiles(folder_, manifest); }).find("missing"), std::string::npos);
}

TEST_F(ManifestTest, SharesOnlyWhatIsEqual) {
  SaveManifest(folder_ / "a", "m.json", nlohmann::ordered_json::object());
  fs::create_directories(folder_ / "b" / "deep");
  WriteFileAtomically(folder_ / "b" / "one", "first file");
  WriteFileAtomically(folder_ / "b" / "deep" / "two", "SECOND file");
  ShareUnchanged(folder_ / "b", folder_ / "a", LoadManifest(folder_ / "a", "m.json"));
  EXPECT_EQ(fs::hard_link_count(folder_ / "a" / "one"), 2u);
  EXPECT_EQ(fs::hard_link_count(folder_ / "a" / "deep" / "two"), 1u);
  EXPECT_EQ(ReadFile(folder_ / "b" / "one"), "first file");
  EXPECT_EQ(ReadFile(folder_ / "b" / "deep" / "two"), "SECOND file");
  EXPECT_FALSE(fs::exists(folder_ / "b" / "one.link"));
}

TEST_F(ManifestTest, NamesComeBack) {
  StringTable names;
  for (const char* name : {"", "a", "a longer name, with\nall\tsorts", ""}) names.Add(name);
  SaveNames(folder_ / "names", names);
  const StringTable loaded = LoadNames(folder_ / "names");
  EXPECT_EQ(loaded.bytes(), names.bytes());
  EXPECT_EQ(loaded.ends(), names.ends());
  const std::string text = ReadFile(folder_ / "names");
  for (std::size_t kept = 0; kept < text.size(); ++kept) {
    SCOPED_TRACE(kept);
    Overwrite("names", text.substr(0, kept));
    MessageOf([&] { LoadNames(folder_ / "names"); });
  }
}

}  // namespace
}  // namespace raie
