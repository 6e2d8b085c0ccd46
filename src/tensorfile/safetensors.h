// How are named tensors kept in a file that other tools read as well?
//
// Concept: the safetensors format: 8 bytes of header length, a JSON header {name: {dtype, shape,
//          data_offsets}}, then the bytes of the tensors. The reader is strict: what it accepts is
//          whole, without holes, overlaps or values that are not finite.
// Source:  huggingface/safetensors, "Format".
// Errors:  kCorruptData for a file that breaks a rule above, kNotFound for a missing tensor,
//          kInvalidArgument for what the writer cannot represent. The message names the file, the
//          tensor, what was found and what was expected.
// Threads: const methods may run concurrently.
// Cost:    opening reads every byte once (the values are checked); memory stays mapped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

using TensorMetadata = std::map<std::string, std::string>;

struct TensorInfo {
  std::string name;
  std::string dtype;  // "F32", ...
  std::vector<std::int64_t> shape;
  std::int64_t begin;  // bytes, from the end of the header
  std::int64_t end;
};

// Returns "[3, 128]".
std::string ShapeText(std::span<const std::int64_t> shape);

class TensorFile {
 public:
  explicit TensorFile(const std::filesystem::path& path);
  ~TensorFile();
  TensorFile(TensorFile&&) noexcept;
  TensorFile& operator=(TensorFile&&) noexcept;

  std::span<const TensorInfo> tensors() const;  // sorted by name
  const TensorMetadata& metadata() const;
  const TensorInfo* Find(std::string_view name) const;  // null: not there

  // Returns the values of a tensor of dtype F32 and exactly this shape; valid as long as the file.
  std::span<const float> Floats(std::string_view name, std::span<const std::int64_t> shape) const;
  // The same, of any shape.
  std::span<const float> Floats(std::string_view name) const;
  // Returns the bytes of a tensor as they are in the file, aligned to its type or not; valid as
  // long as the file. Values of other types than F32 are not checked.
  std::span<const std::byte> Bytes(std::string_view name) const;
  // Returns the values of a tensor of dtype F32, F64, F16 or BF16 as float, rounded to the nearest.
  std::vector<float> ConvertedFloats(std::string_view name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct TensorView {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
  std::span<const std::uint16_t> bf16_bits = {};  // instead of values: dtype BF16
};

// Writes the tensors, sorted by name, to a new file and syncs it. The same tensors and metadata
// give the same bytes. The caller commits by renaming the folder (AtomicDirectory).
void SaveTensors(const std::filesystem::path& path, std::vector<TensorView> tensors,
                 const TensorMetadata& metadata = {});

}  // namespace raie
