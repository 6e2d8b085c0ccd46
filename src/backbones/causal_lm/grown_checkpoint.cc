#include "backbones/causal_lm/grown_checkpoint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "backbones/causal_lm/decoder_config.h"
#include "backbones/causal_lm/tensor_list.h"
#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/tensor_folder.h"

namespace raie {
namespace {

// A table [vocabulary, D] with the items' rows in it.
std::vector<float> WithItems(std::vector<float> table, std::int64_t dim,
                             const GrownCheckpoint& grown) {
  const std::int64_t begin = grown.first * dim, size = std::ssize(grown.rows_ND);
  table.resize(std::max<std::size_t>(table.size(), begin + size));
  std::copy_n(grown.rows_ND.begin(), size, table.begin() + begin);
  return table;
}

}  // namespace

void SetWeightType(nlohmann::ordered_json& config, nn::Precision precision) {
  const char* const type = precision == nn::Precision::kBf16 ? "bfloat16" : "float32";
  const bool is_new_dialect = config.contains("dtype") || config.contains("rope_parameters");
  config[is_new_dialect ? "dtype" : "torch_dtype"] = type;
}

std::int64_t SaveGrown(const std::filesystem::path& folder, const GrownCheckpoint& grown) {
  const DecoderConfig sizes = ReadDecoderConfig(grown.from / "config.json");
  const std::int64_t items = std::ssize(grown.rows_ND) / sizes.dim;
  const std::int64_t vocabulary = std::max(sizes.vocabulary, grown.first + items);
  auto config = nlohmann::ordered_json::parse(ReadFile(grown.from / "config.json"));
  config["vocab_size"] = vocabulary;
  SetWeightType(config, grown.precision);
  WriteFileAtomically(folder / "config.json", config.dump(2) + "\n");

  const TensorFolder tensors(grown.from);
  TensorList list(grown.precision, Rounding::kAll);
  for (const TensorInfo& info : tensors.tensors()) {
    std::vector<float> values = tensors.ConvertedFloats(info.name);
    std::vector<std::int64_t> shape = info.shape;
    if (info.name == "model.embed_tokens.weight" || info.name == "lm_head.weight") {
      const std::array<std::int64_t, 2> expected{sizes.vocabulary, sizes.dim};
      if (!std::ranges::equal(shape, expected)) {
        throw Error(ErrorCode::kCorruptData, tensors.FileOf(info.name) + ": tensor " + info.name +
                                                 " has shape " + ShapeText(shape) + ", expected " +
                                                 ShapeText(expected));
      }
      values = WithItems(std::move(values), sizes.dim, grown);
      shape[0] = vocabulary;
    }
    list.Add(info.name, std::move(shape), std::move(values));
  }
  SaveTensors(folder / "model.safetensors", list.Take(), {{"format", "pt"}});
  return vocabulary;
}

}  // namespace raie
