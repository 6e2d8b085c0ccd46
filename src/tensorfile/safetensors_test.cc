#include "tensorfile/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

class SafetensorsTest : public ::testing::Test {
 protected:
  SafetensorsTest() { std::filesystem::create_directories(folder_); }
  ~SafetensorsTest() override { std::filesystem::remove_all(folder_); }

  // Writes a file with this header text and so many bytes of data.
  std::filesystem::path Raw(const std::string& header, std::string data) {
    const std::uint64_t size = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &size, 8);
    const auto path = folder_ / "raw.safetensors";
    WriteFileAtomically(path, bytes + header + data);
    return path;
  }

  void ExpectRefused(const std::string& header, const std::string& data,
                     const std::string& reason) {
    SCOPED_TRACE(header);
    try {
      const TensorFile file(Raw(header, data));
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, error.what());
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, "raw.safetensors", error.what());
    }
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("raie_safetensors_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(SafetensorsTest, WhatIsWrittenComesBackBitEqual) {
  RandomStream random(1, 0);
  std::vector<float> a(6), b(1), c;
  for (float& value : a) value = static_cast<float>(random.Normal());
  b[0] = -0.0f;
  SaveTensors(folder_ / "t", {{"b", {}, b}, {"a.x", {2, 3}, a}, {"c", {0, 4}, c}}, {{"k", "v"}});
  const TensorFile file(folder_ / "t");
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].name, "a.x");
  EXPECT_EQ(file.metadata(), (TensorMetadata{{"k", "v"}}));
  const std::int64_t shape[] = {2, 3};
  const auto found = file.Floats("a.x", shape);
  EXPECT_EQ(std::memcmp(found.data(), a.data(), sizeof(float) * a.size()), 0);
  EXPECT_TRUE(std::signbit(file.Floats("b")[0]));
  EXPECT_EQ(file.Find("d"), nullptr);
}

// Other libraries' files: every kind of float is read as 32-bit ones.
TEST_F(SafetensorsTest, Bf16NumbersAreWrittenByTheirBits) {
  const std::vector<std::uint16_t> bits = {0x3f80, 0xc000, 0x0001};  // 1, -2, a tiny one
  const std::vector<float> whole = {5};
  SaveTensors(folder_ / "t", {{.name = "b", .shape = {3}, .values = {}, .bf16_bits = bits},
                              {.name = "a", .shape = {1}, .values = whole}});
  const TensorFile file(folder_ / "t");
  EXPECT_EQ(file.Find("b")->dtype, "BF16");
  EXPECT_EQ(file.Find("a")->dtype, "F32");
  EXPECT_EQ(file.ConvertedFloats("b"), (std::vector<float>{1, -2, 0x1p-133F}));
  EXPECT_EQ(file.Floats("a")[0], 5);
  const auto refused = [&](std::vector<std::uint16_t> numbers, std::int64_t size) {
    EXPECT_THROW(SaveTensors(folder_ / "no",
                             {{.name = "b", .shape = {size}, .values = {}, .bf16_bits = numbers}}),
                 Error);
  };
  refused({0x7f80}, 1);  // infinity
  refused({0x3f80}, 2);
}

TEST_F(SafetensorsTest, OtherFloatsAreConverted) {
  const auto one = [&](const char* dtype, const auto& bits) {
    const std::string data(reinterpret_cast<const char*>(bits.data()),
                           sizeof(bits[0]) * bits.size());
    return TensorFile(Raw("{\"a\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" +
                              std::to_string(bits.size()) + "],\"data_offsets\":[0," +
                              std::to_string(data.size()) + "]}}",
                          data));
  };
  using Values = std::vector<float>;
  EXPECT_EQ(one("F32", Values{1.5f, -0.25f}).ConvertedFloats("a"), (Values{1.5f, -0.25f}));
  EXPECT_EQ(one("F64", std::vector<double>{1.0 / 3, -1e-30}).ConvertedFloats("a"),
            (Values{1.0f / 3, -1e-30f}));
  using Halves = std::vector<std::uint16_t>;
  // 1, -2, 65504 (largest), 2^-24 (smallest), 1 / 3 rounded
  EXPECT_EQ(one("F16", Halves{0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555}).ConvertedFloats("a"),
            (Values{1, -2, 65504, 0x1p-24f, 0x1.554p-2f}));
  EXPECT_EQ(one("BF16", Halves{0x3f80, 0xc000, 0x3eab}).ConvertedFloats("a"),
            (Values{1, -2, 0x1.56p-2f}));
  for (const auto& [dtype, bits] : {std::pair{"F16", 0x7c00}, {"F16", 0xfe00}, {"BF16", 0x7f80}}) {
    EXPECT_THROW(one(dtype, Halves{static_cast<std::uint16_t>(bits)}).ConvertedFloats("a"), Error);
  }
  EXPECT_THROW(one("F64", std::vector<double>{1e300}).ConvertedFloats("a"), Error);
  EXPECT_THROW(one("I32", std::vector<std::int32_t>{1}).ConvertedFloats("a"), Error);
  EXPECT_THROW(one("F32", Values{1}).ConvertedFloats("b"), Error);
}

TEST_F(SafetensorsTest, TheSameTensorsGiveTheSameBytesInAnyOrder) {
  const std::vector<float> a = {1, 2}, b = {3};
  SaveTensors(folder_ / "one", {{"a", {2}, a}, {"b", {1}, b}});
  SaveTensors(folder_ / "two", {{"b", {1}, b}, {"a", {2}, a}});
  EXPECT_EQ(ReadFile(folder_ / "one"), ReadFile(folder_ / "two"));
}

TEST_F(SafetensorsTest, UnalignedDataIsRead) {
  const std::vector<float> a = {1, 2};
  const std::string data(reinterpret_cast<const char*>(a.data()), 8);
  for (int spaces = 0; spaces < 4; ++spaces) {
    const TensorFile file(
        Raw(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" + std::string(spaces, ' '),
            data));
    EXPECT_EQ(file.Floats("a")[1], 2);
  }
}

TEST_F(SafetensorsTest, BrokenFilesAreRefusedWithTheReason) {
  const std::string data(8, '\0');
  ExpectRefused("not json", data, "not JSON");
  ExpectRefused("[]", data, "not a JSON object");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", data, "needs 8 bytes");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", data, "hole");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", data, "cut short");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                data, "inside another tensor");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                data, "listed twice");
  ExpectRefused(R"({"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})", data, "unknown dtype");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", data, "no size");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
                data, "too many");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2]}})", data, "data_offsets");
  ExpectRefused(R"({"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                data, "not a string");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data() + 4, &nan, 4);
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", bytes,
                "tensor a: value 1 is not finite");
}

TEST_F(SafetensorsTest, EveryCutIsRefused) {
  const std::vector<float> a = {1, 2, 3};
  SaveTensors(folder_ / "whole", {{"a", {3}, a}});
  const std::string bytes = ReadFile(folder_ / "whole");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    WriteFileAtomically(folder_ / "cut", bytes.substr(0, size));
    EXPECT_THROW(TensorFile(folder_ / "cut"), Error) << size;
  }
}

TEST_F(SafetensorsTest, AHeaderLongerThanTheFileIsRefusedWithoutReadingIt) {
  std::string bytes(16, '\xff');
  WriteFileAtomically(folder_ / "junk", bytes);
  EXPECT_THROW(TensorFile(folder_ / "junk"), Error);
}

TEST_F(SafetensorsTest, AWrongShapeNamesBoth) {
  const std::vector<float> a = {1, 2};
  SaveTensors(folder_ / "t", {{"a", {2}, a}});
  const TensorFile file(folder_ / "t");
  const std::int64_t shape[] = {1, 2};
  try {
    file.Floats("a", shape);
    FAIL();
  } catch (const Error& error) {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "tensor a has shape [2], expected [1, 2]",
                        error.what());
  }
}

TEST_F(SafetensorsTest, TheWriterRefusesWhatTheReaderWould) {
  const std::vector<float> a = {1, std::numeric_limits<float>::infinity()};
  EXPECT_THROW(SaveTensors(folder_ / "t", {{"a", {2}, a}}), Error);
  const std::vector<float> b = {1, 2};
  EXPECT_THROW(SaveTensors(folder_ / "t", {{"b", {3}, b}}), Error);
  EXPECT_THROW(SaveTensors(folder_ / "t", {{"b", {2}, b}, {"b", {2}, b}}), Error);
}

}  // namespace
}  // namespace raie
