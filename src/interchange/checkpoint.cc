#include "interchange/checkpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/options.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::string_view kItemRows = "items";
constexpr std::string_view kItemBias = "items.bias";
constexpr std::string_view kPositions = "position.weight";
constexpr std::string_view kFirstMap = "blocks.{b}.attention.q.weight";
constexpr std::string_view kWideMap = "blocks.{b}.ffn_in.weight";

std::int64_t SizeOf(std::span<const std::int64_t> shape) {
  std::int64_t size = 1;
  for (const std::int64_t extent : shape) size *= extent;
  return size;
}

// At most two dimensions: kernels of convolutions of width 1, and tables with a batch of 1, have
// more.
std::vector<std::int64_t> Squeezed(std::vector<std::int64_t> shape) {
  for (std::size_t i = shape.size(); i-- > 0 && shape.size() > 2;) {
    if (shape[i] == 1) shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return shape;
}

std::vector<std::int64_t> WithoutOnes(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> result(shape.begin(), shape.end());
  std::erase(result, 1);
  return result;
}

// The rows a rule takes of `rows`.
struct RowRange {
  std::int64_t begin = 0, end = 0;
};

RowRange RangeOf(const TensorRule& rule, std::int64_t rows) {
  const auto at = [&](std::optional<std::int64_t> number, std::int64_t absent) {
    if (!number.has_value()) return absent;
    return *number < 0 ? rows + *number : *number;
  };
  return {at(rule.begin, 0), at(rule.end, rows)};
}

// What is done to the tensor, for messages.
std::string StepsOf(const TensorRule& rule) {
  std::string text;
  const auto add = [&](const std::string& step) { text += (text.empty() ? "" : ", ") + step; };
  if (rule.transpose) add("transposed");
  if (rule.parts > 1) {
    add("part " + std::to_string(rule.part) + " of " + std::to_string(rule.parts));
  }
  if (rule.begin.has_value() || rule.end.has_value()) {
    const auto number = [](std::optional<std::int64_t> n) { return n ? std::to_string(*n) : ""; };
    add("rows " + number(rule.begin) + ":" + number(rule.end));
  }
  return text;
}

std::string Nearest(std::string_view name, const std::vector<std::string>& names) {
  const std::string nearest = NearestName(name, names);
  return nearest.empty() ? "" : "; the nearest name is '" + nearest + "'";
}

// Splits "blocks.3.norm1.weight" into the name with {b} and the block; -1: none.
std::pair<std::string, std::int64_t> SplitBlock(const std::string& name) {
  constexpr std::string_view kStart = "blocks.";
  if (!name.starts_with(kStart)) return {name, -1};
  const std::size_t dot = name.find('.', kStart.size());
  return {std::string(kStart) + "{b}" + name.substr(dot),
          std::stoll(name.substr(kStart.size(), dot - kStart.size()))};
}

}  // namespace

ForeignCheckpoint::ForeignCheckpoint(const std::filesystem::path& folder, NameMap map)
    : folder_(folder), map_(std::move(map)), item_ids_(ReadItemList(folder_ / map_.items)) {
  for (const std::string& name : map_.weights) files_.emplace_back(folder_ / name);
  const std::vector<std::string> names = Names();
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i] != names[i - 1]) continue;
    throw Error(ErrorCode::kCorruptData,
                Places() + ": tensor " + names[i] + " is in two of the files; it must be in one");
  }
  if (std::ranges::all_of(names, [&](auto& name) { return name.starts_with(map_.prefix); })) {
    prefix_ = map_.prefix;
  }
  sizes_.blocks = CountBlocks();
  const std::vector<std::int64_t> items = ShapeOf(RuleOf(kItemRows), -1);
  if (items.size() != 2) {
    throw Error(ErrorCode::kCorruptData, Places() + ": tensor " + RuleOf(kItemRows).source +
                                             " is " + ShapeText(items) +
                                             ", item rows need two dimensions");
  }
  sizes_.dim = items[1];
  if (items[0] != std::ssize(item_ids_)) {
    throw Error(ErrorCode::kCorruptData,
                (folder_ / map_.items).string() + " names " + std::to_string(item_ids_.size()) +
                    " items where " + Places() + " has " + std::to_string(items[0]) +
                    " item rows (" + SourceOf(RuleOf(kItemRows), -1) + " " +
                    StepsOf(RuleOf(kItemRows)) +
                    "); the list needs one id for each row, in their order, none for padding or "
                    "special tokens");
  }
  if (const TensorRule& rule = RuleOf(kPositions); !rule.source.empty()) {
    sizes_.positions = ShapeOf(rule, -1)[0];
  }
  if (const TensorRule& rule = RuleOf(kWideMap); !rule.source.empty()) {
    sizes_.ffn_width = ShapeOf(rule, 0)[0];
  }
}

const TensorRule& ForeignCheckpoint::RuleOf(std::string_view target) const {
  for (const TensorRule& rule : map_.rules) {
    if (rule.target == target) return rule;
  }
  throw Error(ErrorCode::kInvalidArgument,
              map_.path + ": no rule for '" + std::string(target) +
                  "', which the backbone has; add it to [tensors] (fill = NUMBER if the checkpoint "
                  "has no such tensor)");
}

std::string ForeignCheckpoint::SourceOf(const TensorRule& rule, std::int64_t block) const {
  return prefix_ + WithBlock(rule.source, block);
}

std::int64_t ForeignCheckpoint::CountBlocks() const {
  const TensorRule& rule = RuleOf(kFirstMap);
  std::int64_t blocks = 0;
  while (!rule.source.empty() && Find(SourceOf(rule, blocks)).info != nullptr) ++blocks;
  if (blocks == 0) Need(rule, 0);  // throws
  return blocks;
}

ForeignCheckpoint::Found ForeignCheckpoint::Find(const std::string& name) const {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const TensorInfo* info = files_[i].Find(name);
    if (info != nullptr) return {info, &files_[i], (folder_ / map_.weights[i]).string()};
  }
  return {};
}

ForeignCheckpoint::Found ForeignCheckpoint::Need(const TensorRule& rule, std::int64_t block) const {
  const std::string name = SourceOf(rule, block);
  Found found = Find(name);
  if (found.info != nullptr) return found;
  throw Error(ErrorCode::kNotFound,
              Places() + " has no tensor '" + name + "', which " + rule.place + " takes for '" +
                  WithBlock(rule.target, block) + "'" + Nearest(name, Names()));
}

std::vector<std::string> ForeignCheckpoint::Names() const {
  std::vector<std::string> names;
  for (const TensorFile& file : files_) {
    for (const TensorInfo& info : file.tensors()) names.push_back(info.name);
  }
  std::ranges::sort(names);
  return names;
}

std::string ForeignCheckpoint::Places() const {
  std::string text;
  for (const std::string& name : map_.weights) {
    text += (text.empty() ? "" : ", ") + (folder_ / name).string();
  }
  return text;
}

std::vector<std::int64_t> ForeignCheckpoint::ShapeOf(const TensorRule& rule,
                                                     std::int64_t block) const {
  const Found found = Need(rule, block);
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kCorruptData, found.path + ": tensor " + found.info->name + " is " +
                                             ShapeText(found.info->shape) + ", " + rule.place +
                                             " " + what);
  };
  std::vector<std::int64_t> shape = Squeezed(found.info->shape);
  if (shape.empty() || shape.size() > 2) refuse("needs one or two dimensions");
  if (rule.transpose) {
    if (shape.size() != 2) refuse("wants to transpose it");
    std::swap(shape[0], shape[1]);
  }
  if (shape[0] % rule.parts != 0) {
    refuse("wants one of " + std::to_string(rule.parts) + " equal parts of its " +
           std::to_string(shape[0]) + " rows");
  }
  shape[0] /= rule.parts;
  const RowRange rows = RangeOf(rule, shape[0]);
  if (rows.begin < 0 || rows.end > shape[0] || rows.begin >= rows.end) {
    refuse("wants " + StepsOf(rule) + ", which it does not have");
  }
  shape[0] = rows.end - rows.begin;
  return shape;
}

ForeignCheckpoint::Values ForeignCheckpoint::Take(const TensorRule& rule, std::int64_t block) {
  Values result{.shape = ShapeOf(rule, block), .values = {}};
  const Found found = Need(rule, block);
  used_.insert(found.info->name);
  std::vector<float> values = found.file->ConvertedFloats(found.info->name);
  const std::vector<std::int64_t> whole = Squeezed(found.info->shape);
  if (rule.transpose) {
    std::vector<float> turned(values.size());
    for (std::int64_t r = 0; r < whole[0]; ++r) {
      for (std::int64_t c = 0; c < whole[1]; ++c) {
        turned[c * whole[0] + r] = values[r * whole[1] + c];
      }
    }
    values = std::move(turned);
  }
  const std::int64_t width = result.shape.size() == 2 ? result.shape[1] : 1;
  const std::int64_t rows_of_part = std::ssize(values) / width / rule.parts;
  const std::int64_t first = rule.part * rows_of_part + RangeOf(rule, rows_of_part).begin;
  const std::int64_t rows = result.shape[0];
  result.values.reserve(rows * width);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto from = values.begin() + (first + (rule.reverse ? rows - 1 - r : r)) * width;
    result.values.insert(result.values.end(), from, from + width);
  }
  return result;
}

void ForeignCheckpoint::CheckShape(const TensorRule& rule, std::int64_t block,
                                   const std::string& parameter,
                                   std::span<const std::int64_t> wanted) const {
  const std::vector<std::int64_t> shape = ShapeOf(rule, block);
  if (WithoutOnes(shape) == WithoutOnes(wanted)) return;
  const Found found = Need(rule, block);
  const std::string steps = StepsOf(rule);
  throw Error(ErrorCode::kCorruptData,
              found.path + ": tensor " + found.info->name + " is " + ShapeText(found.info->shape) +
                  (steps.empty() ? "" : " (" + steps + ": " + ShapeText(shape) + ")") +
                  " where parameter " + parameter + " is " + ShapeText(wanted) + "; see " +
                  rule.place);
}

void ForeignCheckpoint::Fill(Backbone& backbone) {
  std::set<std::string> known = {std::string(kItemRows), std::string(kItemBias)};
  for (const Backbone::Parameter& parameter : backbone.parameter_list()) {
    known.insert(SplitBlock(parameter.name).first);
  }
  for (const TensorRule& rule : map_.rules) {
    if (known.contains(rule.target)) continue;
    const std::string nearest = NearestName(rule.target, {known.begin(), known.end()});
    throw Error(ErrorCode::kInvalidArgument,
                rule.place + ": '" + rule.target +
                    "' is no parameter of the backbone that [backbone] describes" +
                    (nearest.empty() ? "" : "; the nearest is '" + nearest + "'"));
  }
  for (const Backbone::Parameter& parameter : backbone.parameter_list()) {
    const auto [target, block] = SplitBlock(parameter.name);
    const TensorRule& rule = RuleOf(target);
    const auto to = backbone.parameters().subspan(parameter.begin, SizeOf(parameter.shape));
    if (rule.source.empty()) {
      std::ranges::fill(to, rule.fill);
      continue;
    }
    CheckShape(rule, block, parameter.name, parameter.shape);
    std::ranges::copy(Take(rule, block).values, to.begin());
  }
}

std::vector<float> ForeignCheckpoint::ItemRows(const Backbone& backbone) {
  const std::int64_t items = std::ssize(item_ids_), width = backbone.dim();
  const Values rows = Take(RuleOf(kItemRows), -1);
  const bool biased = width == sizes_.dim + 1;
  const bool has_rule = std::ranges::any_of(
      map_.rules, [](const TensorRule& rule) { return rule.target == kItemBias; });
  if (!biased) {
    if (has_rule) {
      throw Error(ErrorCode::kInvalidArgument,
                  RuleOf(kItemBias).place +
                      ": a rule for 'items.bias' of a backbone without item_bias; set it in "
                      "[backbone]");
    }
    return rows.values;
  }
  const TensorRule& rule = RuleOf(kItemBias);
  std::vector<float> bias(items, rule.fill);
  if (!rule.source.empty()) {
    CheckShape(rule, -1, std::string(kItemBias), std::array<std::int64_t, 1>{items});
    bias = Take(rule, -1).values;
  }
  std::vector<float> result;
  result.reserve(items * width);
  for (std::int64_t i = 0; i < items; ++i) {
    const auto row = rows.values.begin() + i * sizes_.dim;
    result.insert(result.end(), row, row + sizes_.dim);
    result.push_back(bias[i]);
  }
  return result;
}

void ForeignCheckpoint::CheckAllUsed() const {
  std::string unused;
  std::int64_t count = 0;
  for (const std::string& full : Names()) {
    const std::string_view name = std::string_view(full).substr(prefix_.size());
    const bool ignored = std::ranges::any_of(
        map_.ignored, [&](const std::string& pattern) { return MatchesPattern(pattern, name); });
    if (ignored || used_.contains(full)) continue;
    if (++count > 5) continue;
    unused += (count > 1 ? ", " : "") + full + " " + ShapeText(Find(full).info->shape);
  }
  if (count == 0) return;
  throw Error(ErrorCode::kCorruptData,
              Places() + " has " + std::to_string(count) + " tensors that " + map_.path +
                  " does not use: " + unused + (count > 5 ? ", ..." : "") +
                  "; the model computes something with them, or list them under ignore");
}

}  // namespace raie
