// Where are the tensors of a checkpoint that may be cut into several files?
//
// Concept: a Hugging Face folder holds `model.safetensors`, or shards and
//          `model.safetensors.index.json`, whose `weight_map` says which file has which tensor. The
//          map and the shards must agree, tensor by tensor.
// Errors:  kNotFound (no such file, a shard that the map names), kCorruptData (a file cut short, a
//          map that does not fit); see safetensors.h.
// Threads: const methods may run concurrently.
// Cost:    files stay mapped; only F32 values are read when it opens.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorfile/safetensors.h"

namespace raie {

class TensorFolder {
 public:
  explicit TensorFolder(const std::filesystem::path& folder);

  std::span<const TensorInfo> tensors() const { return tensors_; }  // of all files, by name
  const TensorInfo* Find(std::string_view name) const;              // null: not there
  // Returns the file that holds a tensor, for messages.
  const std::string& FileOf(std::string_view name) const;
  std::span<const std::byte> Bytes(std::string_view name) const;
  // See TensorFile.
  std::vector<float> ConvertedFloats(std::string_view name) const;

 private:
  void OpenShards(const std::filesystem::path& folder, const std::filesystem::path& index);
  void Add(const std::filesystem::path& path);
  std::size_t IndexOf(std::string_view name) const;

  std::vector<TensorFile> files_;
  std::vector<std::string> paths_;  // of files_
  std::vector<TensorInfo> tensors_;
  std::vector<std::size_t> file_of_;  // of tensors_
};

}  // namespace raie
