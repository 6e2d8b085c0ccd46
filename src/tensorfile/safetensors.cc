#include "tensorfile/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors stores little-endian values");

using nlohmann::json;

constexpr std::int64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kMetadataKey = "__metadata__";

[[noreturn]] void Corrupt(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, "cannot read tensors of " + path + ": " + what);
}

// Returns the bytes of one element, 0 for an unknown type.
std::int64_t ElementBytes(std::string_view dtype) {
  static constexpr std::pair<std::string_view, int> kTypes[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"U64", 8}, {"I32", 4},
      {"U32", 4}, {"I16", 2}, {"U16", 2}, {"I8", 1},   {"U8", 1},  {"BOOL", 1}};
  for (const auto& [name, bytes] : kTypes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

// Parses the header; refuses a tensor that is named twice, which JSON parsers let pass.
json ParseHeader(const std::string& path, std::string_view text) {
  std::set<std::string> seen;
  std::string twice;
  const json::parser_callback_t check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      const auto name = parsed.get<std::string>();
      if (!seen.insert(name).second) twice = name;
    }
    return true;
  };
  json header;
  try {
    header = json::parse(text, check);
  } catch (const json::exception& error) {
    Corrupt(path, std::string("the header is not JSON: ") + error.what());
  }
  if (!header.is_object()) Corrupt(path, "the header is not a JSON object");
  if (!twice.empty()) Corrupt(path, "tensor " + twice + " is listed twice");
  return header;
}

std::int64_t NonNegative(const std::string& path, const std::string& name, const json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > (std::uint64_t{1} << 62)) {
    Corrupt(path, "tensor " + name + ": " + value.dump() + " is no size or offset");
  }
  return value.get<std::int64_t>();
}

TensorInfo ParseTensor(const std::string& path, const std::string& name, const json& entry) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry["dtype"].is_string() || !entry.contains("shape") || !entry["shape"].is_array() ||
      !entry.contains("data_offsets") || !entry["data_offsets"].is_array() ||
      entry["data_offsets"].size() != 2) {
    Corrupt(path, "tensor " + name +
                      ": expected {dtype, shape, data_offsets: [begin, end]}, found " +
                      entry.dump().substr(0, 200));
  }
  TensorInfo info;
  info.name = name;
  info.dtype = entry["dtype"].get<std::string>();
  std::int64_t bytes = ElementBytes(info.dtype);
  if (bytes == 0) Corrupt(path, "tensor " + name + ": unknown dtype " + info.dtype);
  bool too_large = false;
  for (const json& size : entry["shape"]) {
    info.shape.push_back(NonNegative(path, name, size));
    too_large |= __builtin_mul_overflow(bytes, info.shape.back(), &bytes);
  }
  info.begin = NonNegative(path, name, entry["data_offsets"][0]);
  info.end = NonNegative(path, name, entry["data_offsets"][1]);
  if (too_large || info.end - info.begin != bytes) {
    Corrupt(path, "tensor " + name + ": " + info.dtype + " " + ShapeText(info.shape) + " needs " +
                      (too_large ? "too many" : std::to_string(bytes)) +
                      " bytes, its offsets hold " + std::to_string(info.end - info.begin));
  }
  return info;
}

TensorMetadata ParseMetadata(const std::string& path, const json& entry) {
  TensorMetadata metadata;
  if (!entry.is_object()) Corrupt(path, "__metadata__ is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) Corrupt(path, "__metadata__." + key + " is not a string");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The tensors must cover the data exactly: no hole, no overlap, nothing behind.
void CheckCover(const std::string& path, std::vector<TensorInfo> tensors, std::int64_t data_bytes) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::int64_t at = 0;
  for (const TensorInfo& info : tensors) {
    if (info.begin != at) {
      Corrupt(path, "tensor " + info.name + " begins at byte " + std::to_string(info.begin) +
                        (info.begin < at ? ", inside another tensor that ends at "
                                         : ", which leaves a hole after ") +
                        std::to_string(at));
    }
    at = info.end;
  }
  if (at != data_bytes) {
    Corrupt(path, "the tensors hold " + std::to_string(at) + " bytes, the file has " +
                      std::to_string(data_bytes) + " (cut short or something behind)");
  }
}

// The value of a 16-bit float of 5 bits exponent, 10 mantissa.
float FromHalf(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                              : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  if (exponent == 0x1f) value = mantissa == 0 ? INFINITY : NAN;
  return (bits & 0x8000) != 0 ? -value : value;
}

// Calls convert(bits) for every element of a tensor's bytes, read as Bits.
template <class Bits>
std::vector<float> Convert(std::span<const std::byte> bytes, auto&& convert) {
  std::vector<float> values(bytes.size() / sizeof(Bits));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
    values[i] = convert(bits);
  }
  return values;
}

// Bits of bf16 numbers.
std::int64_t FirstNotFinite(std::span<const std::uint16_t> bits) {
  const auto bad =
      std::ranges::find_if(bits, [](std::uint16_t value) { return (value & 0x7f80) == 0x7f80; });
  return bad == bits.end() ? -1 : bad - bits.begin();
}

std::int64_t FirstNotFinite(std::span<const float> values) {
  std::uint32_t bad = 0;
  for (const float value : values) {
    bad |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & 0x7f800000) ==
                                      0x7f800000);
  }
  if (bad == 0) return -1;
  return std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); }) -
         values.begin();
}

}  // namespace

std::string ShapeText(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

struct TensorFile::State {
  explicit State(const std::filesystem::path& file) : path(file.string()), mapped(file) {}

  std::string path;
  MappedFile mapped;
  std::vector<float> copy;  // of the data, where the file does not align it
  const std::byte* data = nullptr;
  std::vector<TensorInfo> tensors;
  TensorMetadata metadata;
};

TensorFile::TensorFile(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {
  State& s = *state_;
  const std::span<const std::byte> bytes = s.mapped.bytes();
  std::uint64_t header_bytes = 0;
  if (bytes.size() < 8) {
    Corrupt(s.path, "it has " + std::to_string(bytes.size()) + " bytes, the header needs 8");
  }
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - 8) {
    Corrupt(s.path, "a header of " + std::to_string(header_bytes) + " bytes, the file has " +
                        std::to_string(bytes.size()) + " (limit " +
                        std::to_string(kMaxHeaderBytes) + "): not a safetensors file or cut short");
  }
  const json header = ParseHeader(s.path, s.mapped.text().substr(8, header_bytes));
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      s.metadata = ParseMetadata(s.path, entry);
    } else {
      s.tensors.push_back(ParseTensor(s.path, name, entry));
    }
  }
  std::sort(s.tensors.begin(), s.tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  const std::span<const std::byte> data = bytes.subspan(8 + header_bytes);
  CheckCover(s.path, s.tensors, static_cast<std::int64_t>(data.size()));
  s.data = data.data();
  if (reinterpret_cast<std::uintptr_t>(s.data) % alignof(float) != 0) {
    s.copy.resize((data.size() + sizeof(float) - 1) / sizeof(float));
    std::memcpy(s.copy.data(), data.data(), data.size());
    s.data = reinterpret_cast<const std::byte*>(s.copy.data());
  }
  for (const TensorInfo& info : s.tensors) {
    if (info.dtype != "F32" || info.begin % 4 != 0) continue;
    if (const auto at = FirstNotFinite(Floats(info.name)); at >= 0) {
      Corrupt(s.path, "tensor " + info.name + ": value " + std::to_string(at) + " is not finite");
    }
  }
}

TensorFile::~TensorFile() = default;
TensorFile::TensorFile(TensorFile&&) noexcept = default;
TensorFile& TensorFile::operator=(TensorFile&&) noexcept = default;

std::span<const TensorInfo> TensorFile::tensors() const { return state_->tensors; }
const TensorMetadata& TensorFile::metadata() const { return state_->metadata; }

const TensorInfo* TensorFile::Find(std::string_view name) const {
  const auto& list = state_->tensors;
  const auto it =
      std::lower_bound(list.begin(), list.end(), name,
                       [](const TensorInfo& a, std::string_view b) { return a.name < b; });
  return it != list.end() && it->name == name ? &*it : nullptr;
}

std::span<const float> TensorFile::Floats(std::string_view name) const {
  const TensorInfo* info = Find(name);
  if (info == nullptr) {
    throw Error(ErrorCode::kNotFound, state_->path + " has no tensor " + std::string(name));
  }
  if (info->dtype != "F32" || info->begin % 4 != 0) {
    Corrupt(state_->path, "tensor " + info->name + " is " + info->dtype + " at byte " +
                              std::to_string(info->begin) + ", expected F32 at a multiple of 4");
  }
  return {reinterpret_cast<const float*>(state_->data + info->begin),
          static_cast<std::size_t>(info->end - info->begin) / sizeof(float)};
}

std::span<const std::byte> TensorFile::Bytes(std::string_view name) const {
  const TensorInfo* info = Find(name);
  if (info == nullptr) {
    throw Error(ErrorCode::kNotFound, state_->path + " has no tensor " + std::string(name));
  }
  return {state_->data + info->begin, static_cast<std::size_t>(info->end - info->begin)};
}

std::vector<float> TensorFile::ConvertedFloats(std::string_view name) const {
  const std::span<const std::byte> bytes = Bytes(name);
  const TensorInfo* info = Find(name);
  std::vector<float> values;
  if (info->dtype == "F32") {
    values = Convert<float>(bytes, [](float value) { return value; });
  } else if (info->dtype == "F64") {
    values = Convert<double>(bytes, [](double value) { return static_cast<float>(value); });
  } else if (info->dtype == "F16") {
    values = Convert<std::uint16_t>(bytes, FromHalf);
  } else if (info->dtype == "BF16") {
    values = Convert<std::uint16_t>(bytes, [](std::uint16_t bits) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    });
  } else {
    Corrupt(state_->path,
            "tensor " + info->name + " is " + info->dtype + ", expected F32, F64, F16 or BF16");
  }
  if (const auto at = FirstNotFinite(values); at >= 0) {
    Corrupt(state_->path, "tensor " + info->name + ": value " + std::to_string(at) +
                              " is not finite as a 32-bit float");
  }
  return values;
}

std::span<const float> TensorFile::Floats(std::string_view name,
                                          std::span<const std::int64_t> shape) const {
  const std::span<const float> values = Floats(name);
  const TensorInfo* info = Find(name);
  if (!std::equal(info->shape.begin(), info->shape.end(), shape.begin(), shape.end())) {
    Corrupt(state_->path, "tensor " + info->name + " has shape " + ShapeText(info->shape) +
                              ", expected " + ShapeText(shape));
  }
  return values;
}

void SaveTensors(const std::filesystem::path& path, std::vector<TensorView> tensors,
                 const TensorMetadata& metadata) {
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  std::int64_t at = 0;
  for (const TensorView& tensor : tensors) {
    std::int64_t count = 1;
    for (const std::int64_t size : tensor.shape) count *= size;
    const std::string what = "cannot write tensor " + tensor.name + " to " + path.string() + ": ";
    const bool is_bf16 = !tensor.bf16_bits.empty();
    const std::int64_t values = std::ssize(tensor.values) + std::ssize(tensor.bf16_bits);
    if (count != values) {
      throw Error(ErrorCode::kInvalidArgument, what + "shape " + ShapeText(tensor.shape) +
                                                   " does not hold " + std::to_string(values) +
                                                   " values");
    }
    if (header.contains(tensor.name) || tensor.name == kMetadataKey) {
      throw Error(ErrorCode::kInvalidArgument, what + "the name is taken");
    }
    const std::int64_t bad =
        is_bf16 ? FirstNotFinite(tensor.bf16_bits) : FirstNotFinite(tensor.values);
    if (bad >= 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  what + "value " + std::to_string(bad) + " is not finite");
    }
    const char* const dtype = is_bf16 ? "BF16" : "F32";
    const std::int64_t end = at + count * ElementBytes(dtype);
    header[tensor.name] = {{"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t header_bytes = text.size();
  FileWriter file(path);
  file.Write(std::as_bytes(std::span(&header_bytes, 1)));
  file.Write(text);
  for (const TensorView& tensor : tensors) {
    file.Write(std::as_bytes(tensor.values));
    file.Write(std::as_bytes(tensor.bf16_bits));
  }
  file.Close();
}

}  // namespace raie
