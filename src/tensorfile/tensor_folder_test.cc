#include "tensorfile/tensor_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

class TensorFolderTest : public testing::Test {
 protected:
  TensorFolderTest() {
    folder_ = fs::temp_directory_path() /
              ("raie_tensor_folder_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~TensorFolderTest() override { fs::remove_all(folder_); }

  void Save(const std::string& file, const std::string& tensor, std::vector<float> values) {
    SaveTensors(folder_ / file, {{tensor, {std::ssize(values)}, values}});
  }
  void SaveIndex(const std::string& text) {
    WriteFileAtomically(folder_ / "model.safetensors.index.json", text);
  }
  // The message of the error that opening ends in.
  std::string Refusal(ErrorCode code) const {
    try {
      TensorFolder open(folder_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "opened";
    return "";
  }

  fs::path folder_;
};

TEST_F(TensorFolderTest, ShardsAreOneList) {
  Save("a.safetensors", "y", {1, 2});
  Save("b.safetensors", "x", {3});
  SaveIndex(R"({"weight_map": {"y": "a.safetensors", "x": "b.safetensors"}})");
  const TensorFolder folder(folder_);
  ASSERT_EQ(folder.tensors().size(), 2u);
  EXPECT_EQ(folder.tensors()[0].name, "x");
  float value = 0;
  ASSERT_EQ(folder.Bytes("y").size(), 8u);
  std::memcpy(&value, folder.Bytes("y").data() + 4, 4);
  EXPECT_EQ(value, 2);
  EXPECT_EQ(folder.FileOf("x"), (folder_ / "b.safetensors").string());
  EXPECT_EQ(folder.Find("z"), nullptr);
}

TEST_F(TensorFolderTest, OneFileNeedsNoIndex) {
  Save("model.safetensors", "x", {3});
  EXPECT_NE(TensorFolder(folder_).Find("x"), nullptr);
}

TEST_F(TensorFolderTest, AnEmptyFolderIsNamed) {
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "neither model.safetensors nor",
                      Refusal(ErrorCode::kNotFound));
}

TEST_F(TensorFolderTest, AMissingShardIsNamed) {
  Save("a.safetensors", "y", {1});
  SaveIndex(R"({"weight_map": {"y": "a.safetensors", "x": "b.safetensors"}})");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "names the file b.safetensors",
                      Refusal(ErrorCode::kNotFound));
}

TEST_F(TensorFolderTest, TheMapAndTheShardsMustAgree) {
  Save("a.safetensors", "y", {1});
  SaveIndex(R"({"weight_map": {"z": "a.safetensors"}})");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "tensor z is not in a.safetensors",
                      Refusal(ErrorCode::kCorruptData));
  SaveIndex(R"({"weight_map": {"y": "../a.safetensors"}})");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "is not a file of the folder",
                      Refusal(ErrorCode::kCorruptData));
  SaveIndex(R"({"weight_map": [1]})");
  Refusal(ErrorCode::kCorruptData);
  SaveIndex("{");
  Refusal(ErrorCode::kCorruptData);
}

TEST_F(TensorFolderTest, ATruncatedShardIsNamed) {
  Save("a.safetensors", "y", {1, 2, 3});
  SaveIndex(R"({"weight_map": {"y": "a.safetensors"}})");
  fs::resize_file(folder_ / "a.safetensors", fs::file_size(folder_ / "a.safetensors") - 4);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "a.safetensors", Refusal(ErrorCode::kCorruptData));
}

TEST_F(TensorFolderTest, AHeaderOfTwoGigabytesIsRefused) {
  const std::uint64_t header = std::uint64_t{2} << 30;
  std::string bytes(64, ' ');
  std::memcpy(bytes.data(), &header, 8);
  WriteFileAtomically(folder_ / "model.safetensors", bytes);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "a header of 2147483648 bytes",
                      Refusal(ErrorCode::kCorruptData));
}

}  // namespace
}  // namespace raie
