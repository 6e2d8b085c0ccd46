#include "tensorfile/tensor_folder.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr const char* kWhole = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

[[noreturn]] void Disagree(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, path.string() + ": " + what);
}

// Returns the file of every tensor.
std::map<std::string, std::string> ReadMap(const std::filesystem::path& path) {
  nlohmann::json index;
  try {
    index = nlohmann::json::parse(ReadFile(path));
  } catch (const nlohmann::json::exception& error) {
    Disagree(path, std::string("not JSON: ") + error.what());
  }
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    Disagree(path, "expected an object weight_map {tensor: file}");
  }
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string()) Disagree(path, "weight_map." + tensor + " is no file name");
    const auto name = file.get<std::string>();
    if (name.empty() || name.find('/') != std::string::npos || name == "..") {
      Disagree(path, "weight_map." + tensor + ": \"" + name + "\" is not a file of the folder");
    }
    map[tensor] = name;
  }
  if (map.empty()) Disagree(path, "weight_map is empty");
  return map;
}

}  // namespace

TensorFolder::TensorFolder(const std::filesystem::path& folder) {
  const std::filesystem::path whole = folder / kWhole, index = folder / kIndex;
  if (std::filesystem::exists(whole)) {
    Add(whole);
  } else if (std::filesystem::exists(index)) {
    OpenShards(folder, index);
  } else {
    throw Error(ErrorCode::kNotFound, folder.string() + " has neither " + kWhole + " nor " +
                                          kIndex + ": weights are read as safetensors only");
  }
  std::vector<std::pair<TensorInfo, std::size_t>> all;
  for (std::size_t file = 0; file < files_.size(); ++file) {
    for (const TensorInfo& info : files_[file].tensors()) all.emplace_back(info, file);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first.name < b.first.name; });
  for (auto& [info, file] : all) {
    if (!tensors_.empty() && tensors_.back().name == info.name) {
      Disagree(paths_[file],
               "tensor " + info.name + " is in " + paths_[file_of_.back()] + " as well");
    }
    tensors_.push_back(std::move(info));
    file_of_.push_back(file);
  }
}

void TensorFolder::Add(const std::filesystem::path& path) {
  files_.emplace_back(path);
  paths_.push_back(path.string());
}

void TensorFolder::OpenShards(const std::filesystem::path& folder,
                              const std::filesystem::path& index) {
  const auto map = ReadMap(index);
  std::map<std::string, std::set<std::string>> tensors_of;
  for (const auto& [tensor, file] : map) tensors_of[file].insert(tensor);
  for (const auto& [file, expected] : tensors_of) {
    if (!std::filesystem::exists(folder / file)) {
      throw Error(ErrorCode::kNotFound, index.string() + " names the file " + file + " (" +
                                            std::to_string(expected.size()) +
                                            " tensors), which is not in the folder");
    }
    Add(folder / file);
    for (const std::string& tensor : expected) {
      if (files_.back().Find(tensor) == nullptr) {
        Disagree(index, "tensor " + tensor + " is not in " + file);
      }
    }
    for (const TensorInfo& info : files_.back().tensors()) {
      if (!expected.contains(info.name)) {
        Disagree(index, "tensor " + info.name + " of " + file + " is not listed for it");
      }
    }
  }
}

std::size_t TensorFolder::IndexOf(std::string_view name) const {
  const TensorInfo* const info = Find(name);
  if (info == nullptr) {
    throw Error(ErrorCode::kNotFound, std::filesystem::path(paths_[0]).parent_path().string() +
                                          " has no tensor " + std::string(name));
  }
  return static_cast<std::size_t>(info - tensors_.data());
}

const TensorInfo* TensorFolder::Find(std::string_view name) const {
  const auto it =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const TensorInfo& a, std::string_view b) { return a.name < b; });
  return it != tensors_.end() && it->name == name ? &*it : nullptr;
}

const std::string& TensorFolder::FileOf(std::string_view name) const {
  return paths_[file_of_[IndexOf(name)]];
}

std::span<const std::byte> TensorFolder::Bytes(std::string_view name) const {
  return files_[file_of_[IndexOf(name)]].Bytes(name);
}

std::vector<float> TensorFolder::ConvertedFloats(std::string_view name) const {
  return files_[file_of_[IndexOf(name)]].ConvertedFloats(name);
}

}  // namespace raie
