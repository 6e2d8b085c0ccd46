#include "backbones/causal_lm/save_decoder.h"

#include <utility>
#include <vector>

#include "backbones/causal_lm/tensor_list.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

// Rows begin .. begin + rows - 1 of a map.
void AddMap(const std::string& name, const nn::FrozenMap& map, std::int64_t begin,
            std::int64_t rows, TensorList& list) {
  std::vector<float> values(rows * map.inputs());
  map.CopyRows(begin, kernels::MutableView(values, rows, map.inputs()));
  list.Add(name, {rows, map.inputs()}, std::move(values));
}

void AddRows(const std::string& name, const TokenRows& rows, std::int64_t dim, TensorList& list) {
  std::vector<float> values(rows.rows() * dim);
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    rows.CopyRow(row, std::span(values).subspan(row * dim, dim));
  }
  list.Add(name, {rows.rows(), dim}, std::move(values));
}

// Values begin .. begin + size - 1; nothing if there are none.
void AddVector(const std::string& name, std::span<const float> values, std::int64_t begin,
               std::int64_t size, TensorList& list) {
  if (values.empty()) return;
  const auto part = values.subspan(begin, size);
  list.Add(name, {size}, {part.begin(), part.end()});
}

void AddLayer(const DecoderWeights& weights, std::int64_t number, TensorList& list) {
  const DecoderConfig& c = weights.config;
  const DecoderLayer& layer = weights.layers[number];
  const std::string at = "model.layers." + std::to_string(number) + ".";
  const auto add = [&](const std::string& module, const nn::FrozenMap& map,
                       std::span<const float> bias, std::int64_t begin, std::int64_t rows) {
    AddMap(at + module + ".weight", map, begin, rows, list);
    AddVector(at + module + ".bias", bias, begin, rows, list);
  };
  const std::int64_t q = c.query_width(), kv = c.kv_width(), f = c.ffn_width;
  add("self_attn.q_proj", *layer.qkv, layer.qkv_bias, 0, q);
  add("self_attn.k_proj", *layer.qkv, layer.qkv_bias, q, kv);
  add("self_attn.v_proj", *layer.qkv, layer.qkv_bias, q + kv, kv);
  add("self_attn.o_proj", *layer.o, layer.o_bias, 0, c.dim);
  add("mlp.gate_proj", *layer.gate_up, layer.gate_up_bias, 0, f);
  add("mlp.up_proj", *layer.gate_up, layer.gate_up_bias, f, f);
  add("mlp.down_proj", *layer.down, layer.down_bias, 0, c.dim);
  AddVector(at + "input_layernorm.weight", layer.input_norm, 0, c.dim, list);
  AddVector(at + "post_attention_layernorm.weight", layer.ffn_norm, 0, c.dim, list);
  AddVector(at + "self_attn.q_norm.weight", layer.q_norm, 0, c.head_dim, list);
  AddVector(at + "self_attn.k_norm.weight", layer.k_norm, 0, c.head_dim, list);
}

}  // namespace

void SaveDecoder(const std::filesystem::path& folder, const DecoderWeights& weights) {
  const DecoderConfig& config = weights.config;
  if (!config.tied && weights.output.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the output rows of this decoder were not kept, so it cannot be written whole");
  }
  // Norms and biases are floats in memory; what bf16 does not hold stays one on disk.
  TensorList list(weights.precision, Rounding::kNone);
  AddRows("model.embed_tokens.weight", weights.embedding, config.dim, list);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) AddLayer(weights, layer, list);
  AddVector("model.norm.weight", weights.final_norm, 0, config.dim, list);
  if (!config.tied) AddRows("lm_head.weight", weights.output, config.dim, list);
  SaveTensors(folder / "model.safetensors", list.Take(), {{"format", "pt"}});
}

}  // namespace raie
