// How does a checkpoint of another library become a backbone's parameters and item rows?
//
// Concept: a folder with weights (safetensors) and a list of raw item ids, one a line, in the order
//          of the item rows; a name map says which tensor is which parameter. Every tensor must be
//          used or listed as ignored, every parameter must have a rule, every shape must fit:
//          nothing is guessed. What shapes tell (width, blocks, context, feed-forward width) is
//          taken from them.
// Shapes:  item rows [N, D], or [N, D + 1] where the backbone's rows end in a bias.
// Errors:  kNotFound for a missing file or tensor; kCorruptData for a shape that does not fit, for
//          unused tensors, for an item list that is not as long as the item rows or names an item
//          twice; kInvalidArgument for a rule without a parameter or a parameter without a rule.
//          The message names file, tensor, both shapes and the rule's place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backbones/backbone.h"
#include "interchange/name_map.h"
#include "tensorfile/safetensors.h"

namespace raie {

// What the shapes of the tensors say; 0: the rule fills, no tensor says it.
struct CheckpointSizes {
  std::int64_t dim = 0;
  std::int64_t blocks = 0;
  std::int64_t positions = 0;  // rows of the position table
  std::int64_t ffn_width = 0;
};

class ForeignCheckpoint {
 public:
  ForeignCheckpoint(const std::filesystem::path& folder, NameMap map);

  const NameMap& map() const { return map_; }
  const CheckpointSizes& sizes() const { return sizes_; }
  // Raw ids by item row.
  const std::vector<std::string>& item_ids() const { return item_ids_; }

  // Sets every parameter of the backbone.
  void Fill(Backbone& backbone);
  // Returns the item rows, as wide as `backbone` reads them.
  std::vector<float> ItemRows(const Backbone& backbone);
  // Throws if a tensor was neither used by Fill and ItemRows nor is to be ignored.
  void CheckAllUsed() const;

 private:
  // A rule's tensor after all its steps.
  struct Values {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };

  const TensorRule& RuleOf(std::string_view target) const;
  std::string SourceOf(const TensorRule& rule, std::int64_t block) const;
  Values Take(const TensorRule& rule, std::int64_t block);
  // The shape after all steps, without reading a value.
  std::vector<std::int64_t> ShapeOf(const TensorRule& rule, std::int64_t block) const;
  // Throws unless the shapes are the same but for sizes of 1.
  void CheckShape(const TensorRule& rule, std::int64_t block, const std::string& parameter,
                  std::span<const std::int64_t> wanted) const;
  std::int64_t CountBlocks() const;

  // A tensor and the file it is in.
  struct Found {
    const TensorInfo* info = nullptr;  // null: there is none
    const TensorFile* file = nullptr;
    std::string path;
  };
  Found Find(const std::string& name) const;
  Found Need(const TensorRule& rule, std::int64_t block) const;
  // All names; "DIR/model.safetensors", or several.
  std::vector<std::string> Names() const;
  std::string Places() const;

  std::filesystem::path folder_;
  NameMap map_;
  std::vector<TensorFile> files_;  // as map_.weights
  std::string prefix_;             // that all tensors have
  CheckpointSizes sizes_;
  std::vector<std::string> item_ids_;
  std::set<std::string> used_;
};

// Reads a list of raw ids, one a line; a carriage return before the line's end is not part of it.
std::vector<std::string> ReadItemList(const std::filesystem::path& path);

}  // namespace raie
