// A model written as another library would save it, for tests: the inverse of a name map.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "backbones/registry.h"
#include "base/files.h"
#include "base/random.h"
#include "interchange/name_map.h"
#include "tensorfile/safetensors.h"

namespace raie::testing_support {

struct OwnedTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
using OwnedTensors = std::map<std::string, OwnedTensor>;

inline void SaveOwned(const std::filesystem::path& path, const OwnedTensors& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back({name, tensor.shape, tensor.values});
  std::filesystem::remove(path);
  SaveTensors(path, std::move(views));
}

// Gives every parameter a value of its own.
inline void Randomise(Backbone& backbone, std::uint64_t seed) {
  RandomStream random(seed, 5);
  for (float& value : backbone.parameters()) {
    value += static_cast<float>(0.3 * random.Normal());
  }
}

class CheckpointExport {
 public:
  // Rows that a rule leaves out get numbers of their own.
  CheckpointExport(const NameMap& map, const Backbone& backbone, std::int64_t dim,
                   const std::vector<float>& rows)
      : map_(map) {
    const std::int64_t width = backbone.dim(), items = std::ssize(rows) / width;
    OwnedTensor own{{items, dim}, {}}, bias{{items}, {}};
    for (std::int64_t i = 0; i < items; ++i) {
      own.values.insert(own.values.end(), &rows[i * width], &rows[i * width] + dim);
      if (width > dim) bias.values.push_back(rows[i * width + dim]);
    }
    targets_["items"] = own;
    if (width > dim) targets_["items.bias"] = bias;
    for (const Backbone::Parameter& p : backbone.parameter_list()) {
      std::int64_t size = 1;
      for (const std::int64_t extent : p.shape) size *= extent;
      const auto values = backbone.parameters().subspan(p.begin, size);
      targets_[p.name] = {p.shape, {values.begin(), values.end()}};
    }
    // Rules whose rows say how long the tensor is, first.
    for (const bool says : {true, false}) {
      for (const TensorRule& rule : map.rules) {
        if (!rule.source.empty() && SaysLength(rule) == says) AddRule(rule);
      }
    }
  }

  OwnedTensors& tensors() { return tensors_; }

 private:
  static bool SaysLength(const TensorRule& rule) {
    const bool from_front = !rule.begin.has_value() || *rule.begin >= 0;
    return from_front && (!rule.end.has_value() || *rule.end < 0);
  }

  void AddRule(const TensorRule& rule) {
    for (std::int64_t b = 0;; ++b) {
      const auto target = targets_.find(WithBlock(rule.target, b));
      if (target == targets_.end()) return;
      Put(rule, b, target->second);
      if (rule.target.find("{b}") == std::string::npos) return;
    }
  }

  void Put(const TensorRule& rule, std::int64_t block, const OwnedTensor& from) {
    const std::int64_t rows = from.shape[0];
    const std::int64_t width = std::ssize(from.values) / rows;
    const std::string name = WithBlock(rule.source, block);
    if (!tensors_.contains(name)) {
      const std::int64_t whole =
          rule.parts * (rows + rule.begin.value_or(0) - rule.end.value_or(0));
      RandomStream random(17, 3);
      OwnedTensor fresh{from.shape, std::vector<float>(whole * width)};
      fresh.shape[0] = whole;
      if (rule.transpose) std::swap(fresh.shape[0], fresh.shape[1]);
      for (float& value : fresh.values) value = static_cast<float>(random.Normal());
      tensors_[name] = fresh;
    }
    OwnedTensor& to = tensors_.at(name);
    const std::int64_t all = rule.transpose ? to.shape[1] : to.shape[0];
    const std::int64_t part = all / rule.parts;
    const std::int64_t begin = rule.begin.value_or(0);
    const std::int64_t first = rule.part * part + (begin < 0 ? part + begin : begin);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t at = first + (rule.reverse ? rows - 1 - r : r);
      for (std::int64_t c = 0; c < width; ++c) {
        to.values[rule.transpose ? c * all + at : at * width + c] = from.values[r * width + c];
      }
    }
  }

  const NameMap& map_;
  std::map<std::string, OwnedTensor> targets_;
  OwnedTensors tensors_;
};

// "a7", "a6", ...: one id a row.
inline std::string ItemListText(std::int64_t items) {
  std::string text;
  for (std::int64_t i = 0; i < items; ++i) text += "a" + std::to_string(items - i) + "\n";
  return text;
}

}  // namespace raie::testing_support
