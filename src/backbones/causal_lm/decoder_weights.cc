#include "backbones/causal_lm/decoder_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <set>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/ranking.h"
#include "raie/error.h"
#include "tensorfile/tensor_folder.h"

namespace raie {
namespace {

using kernels::Bfloat16;

// Where the numbers of a map [outputs, inputs], or of a vector [outputs], come from.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual void Read(const std::string& name, std::span<const std::int64_t> shape,
                    std::span<Bfloat16> to) = 0;
  virtual void Read(const std::string& name, std::span<const std::int64_t> shape,
                    std::span<float> to) = 0;
};

// Tensors of a checkpoint, checked as they are read. May be used by several threads.
class FolderSource : public TensorSource {
 public:
  explicit FolderSource(const TensorFolder& folder) : folder_(folder) {}

  void Read(const std::string& name, std::span<const std::int64_t> shape,
            std::span<Bfloat16> to) override {
    const TensorInfo& info = Checked(name, shape);
    const std::span<const std::byte> bytes = folder_.Bytes(name);
    if (info.dtype == "BF16") {
      std::memcpy(to.data(), bytes.data(), bytes.size());
      if (const auto at = kernels::FirstNotFinite(to); at >= 0) NotFinite(name, at);
      return;
    }
    std::vector<float> piece(std::min<std::size_t>(kPiece, to.size()));
    for (std::size_t at = 0; at < to.size(); at += kPiece) {
      const auto part = std::span(piece).first(std::min(kPiece, to.size() - at));
      ReadPiece(name, info.dtype, bytes, at, part);
      kernels::RoundToBfloat16(part, to.subspan(at, part.size()));
    }
    // A finite float may round to infinity.
    if (const auto at = kernels::FirstNotFinite(to); at >= 0) NotFinite(name, at);
  }

  void Read(const std::string& name, std::span<const std::int64_t> shape,
            std::span<float> to) override {
    const TensorInfo& info = Checked(name, shape);
    const std::span<const std::byte> bytes = folder_.Bytes(name);
    for (std::size_t at = 0; at < to.size(); at += kPiece) {
      ReadPiece(name, info.dtype, bytes, at, to.subspan(at, std::min(kPiece, to.size() - at)));
    }
  }

 private:
  static constexpr std::size_t kPiece = 1 << 14;

  const TensorInfo& Checked(const std::string& name, std::span<const std::int64_t> shape) const {
    const TensorInfo* const info = folder_.Find(name);
    if (info == nullptr) {
      throw Error(ErrorCode::kNotFound, "the checkpoint has no tensor " + name + " " +
                                            ShapeText(shape) + ", which its config.json asks for");
    }
    if (!std::equal(info->shape.begin(), info->shape.end(), shape.begin(), shape.end())) {
      Corrupt(name, "has shape " + ShapeText(info->shape) + ", expected " + ShapeText(shape));
    }
    if (info->dtype != "BF16" && info->dtype != "F16" && info->dtype != "F32") {
      Corrupt(name, "is " + info->dtype + ", expected BF16, F16 or F32");
    }
    return *info;
  }

  void ReadPiece(const std::string& name, const std::string& dtype,
                 std::span<const std::byte> bytes, std::size_t at, std::span<float> to) const {
    if (dtype == "F32") {
      std::memcpy(to.data(), bytes.data() + at * sizeof(float), to.size_bytes());
    } else if (dtype == "BF16") {
      std::vector<Bfloat16> bits(to.size());
      std::memcpy(bits.data(), bytes.data() + at * 2, to.size() * 2);
      kernels::WidenBfloat16(bits, to);
    } else {
      std::vector<std::uint16_t> bits(to.size());
      std::memcpy(bits.data(), bytes.data() + at * 2, to.size() * 2);
      kernels::WidenHalf(bits, to);
    }
    if (kernels::AllFinite(to)) return;
    const auto bad = std::find_if(to.begin(), to.end(), [](float v) { return !std::isfinite(v); });
    NotFinite(name, static_cast<std::int64_t>(at) + (bad - to.begin()));
  }

  [[noreturn]] void Corrupt(const std::string& name, const std::string& what) const {
    throw Error(ErrorCode::kCorruptData, folder_.FileOf(name) + ": tensor " + name + " " + what);
  }
  [[noreturn]] void NotFinite(const std::string& name, std::int64_t at) const {
    Corrupt(name, "is not finite at value " + std::to_string(at));
  }

  const TensorFolder& folder_;
};

// Numbers drawn by (seed, name).
class RandomSource : public TensorSource {
 public:
  explicit RandomSource(std::uint64_t seed) : seed_(seed) {}

  void Read(const std::string& name, std::span<const std::int64_t> shape,
            std::span<Bfloat16> to) override {
    std::vector<float> values(to.size());
    Read(name, shape, values);
    kernels::RoundToBfloat16(values, to);
  }
  void Read(const std::string& name, std::span<const std::int64_t> /*shape*/,
            std::span<float> to) override {
    if (name.ends_with(".bias") || name.ends_with("norm.weight")) {
      std::fill(to.begin(), to.end(), name.ends_with(".bias") ? 0.0f : 1.0f);
      return;
    }
    std::uint64_t key = 0;  // FNV: the stream of a name is the same everywhere
    for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 1099511628211u;
    RandomStream random(seed_, key);
    for (float& value : to) value = static_cast<float>(0.02 * random.Normal());
  }

 private:
  std::uint64_t seed_;
};

// One part of a fused map, by its module's name.
struct MapPart {
  std::string module;
  std::int64_t outputs;
};

class Builder {
 public:
  Builder(const DecoderConfig& config, const LoadOptions& options, TensorSource& source)
      : config_(config), options_(options), source_(source) {}

  DecoderLayer Layer(std::int64_t number) {
    const DecoderConfig& c = config_;
    const std::string at = "model.layers." + std::to_string(number) + ".";
    const std::string attention = at + "self_attn.", mlp = at + "mlp.";
    const MapPart qkv[] = {{attention + "q_proj", c.query_width()},
                           {attention + "k_proj", c.kv_width()},
                           {attention + "v_proj", c.kv_width()}};
    const MapPart o[] = {{attention + "o_proj", c.dim}};
    const MapPart gate_up[] = {{mlp + "gate_proj", c.ffn_width}, {mlp + "up_proj", c.ffn_width}};
    const MapPart down[] = {{mlp + "down_proj", c.dim}};
    DecoderLayer layer;
    layer.qkv = Map(qkv, c.dim);
    layer.o = Map(o, c.query_width());
    layer.gate_up = Map(gate_up, c.dim);
    layer.down = Map(down, c.ffn_width);
    if (c.qkv_bias) layer.qkv_bias = Bias(qkv);
    if (c.o_bias) layer.o_bias = Bias(o);
    if (c.mlp_bias) {
      layer.gate_up_bias = Bias(gate_up);
      layer.down_bias = Bias(down);
    }
    layer.input_norm = Vector(at + "input_layernorm.weight", c.dim);
    layer.ffn_norm = Vector(at + "post_attention_layernorm.weight", c.dim);
    if (c.qk_norm) {
      layer.q_norm = Vector(attention + "q_norm.weight", c.head_dim);
      layer.k_norm = Vector(attention + "k_norm.weight", c.head_dim);
    }
    return layer;
  }

  TokenRows Rows(const std::string& name) {
    TokenRows rows(config_.vocabulary, config_.dim, options_.precision);
    const std::int64_t shape[] = {config_.vocabulary, config_.dim};
    if (options_.precision == Precision::kBf16) {
      source_.Read(name, shape, rows.bf16());
    } else {
      source_.Read(name, shape, rows.fp32());
    }
    return rows;
  }

  std::vector<float> Vector(const std::string& name, std::int64_t size) {
    std::vector<float> values(size);
    const std::int64_t shape[] = {size};
    source_.Read(name, shape, std::span(values));
    return values;
  }

 private:
  std::unique_ptr<nn::FrozenMap> Map(std::span<const MapPart> parts, std::int64_t inputs) {
    return options_.precision == Precision::kBf16 ? MapOf<Bfloat16>(parts, inputs)
                                                  : MapOf<float>(parts, inputs);
  }

  template <class Number>
  std::unique_ptr<nn::FrozenMap> MapOf(std::span<const MapPart> parts, std::int64_t inputs) {
    std::int64_t outputs = 0;
    for (const MapPart& part : parts) outputs += part.outputs;
    std::vector<Number> w(outputs * inputs);
    std::int64_t begin = 0;
    for (const MapPart& part : parts) {
      const std::int64_t shape[] = {part.outputs, inputs};
      source_.Read(part.module + ".weight", shape,
                   std::span(w).subspan(begin * inputs, part.outputs * inputs));
      begin += part.outputs;
    }
    if constexpr (std::is_same_v<Number, float>) {
      return std::make_unique<nn::FrozenMap>(kernels::View(w, outputs, inputs));
    } else {
      return std::make_unique<nn::FrozenMap>(
          kernels::ConstBfloat16Matrix{w.data(), outputs, inputs, inputs});
    }
  }

  std::vector<float> Bias(std::span<const MapPart> parts) {
    std::vector<float> bias;
    for (const MapPart& part : parts) {
      const std::vector<float> own = Vector(part.module + ".bias", part.outputs);
      bias.insert(bias.end(), own.begin(), own.end());
    }
    return bias;
  }

  const DecoderConfig& config_;
  const LoadOptions& options_;
  TensorSource& source_;
};

// The names a checkpoint of this architecture has.
std::set<std::string> ExpectedNames(const DecoderConfig& config) {
  std::set<std::string> names = {"model.embed_tokens.weight", "model.norm.weight"};
  if (!config.tied) names.insert("lm_head.weight");
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    const auto add = [&](const std::string& module, bool bias) {
      names.insert(at + module + ".weight");
      if (bias) names.insert(at + module + ".bias");
    };
    for (const char* map : {"q_proj", "k_proj", "v_proj"}) {
      add(std::string("self_attn.") + map, config.qkv_bias);
    }
    add("self_attn.o_proj", config.o_bias);
    for (const char* map : {"gate_proj", "up_proj", "down_proj"}) {
      add(std::string("mlp.") + map, config.mlp_bias);
    }
    add("input_layernorm", false);
    add("post_attention_layernorm", false);
    if (config.qk_norm) {
      add("self_attn.q_norm", false);
      add("self_attn.k_norm", false);
    }
  }
  return names;
}

// Tensors that old checkpoints hold and no model reads.
bool IsIgnored(const std::string& name, const DecoderConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") || (config.tied && name == "lm_head.weight");
}

void RefuseUnexpected(const TensorFolder& folder, const DecoderConfig& config) {
  const std::set<std::string> expected = ExpectedNames(config);
  for (const TensorInfo& info : folder.tensors()) {
    if (expected.contains(info.name) || IsIgnored(info.name, config)) continue;
    throw Error(ErrorCode::kCorruptData, folder.FileOf(info.name) + ": tensor " + info.name + " " +
                                             ShapeText(info.shape) +
                                             " is not part of the model its config.json describes");
  }
}

}  // namespace

TokenRows::TokenRows(std::int64_t rows, std::int64_t dim, Precision precision)
    : rows_(rows), dim_(dim) {
  if (precision == Precision::kBf16) {
    bf16_.resize(rows * dim);
  } else {
    fp32_.resize(rows * dim);
  }
}

void TokenRows::CopyRow(std::int64_t token, std::span<float> to) const {
  if (!bf16_.empty()) {
    kernels::WidenBfloat16(std::span(bf16_).subspan(token * dim_, dim_), to);
  } else {
    std::copy_n(fp32_.data() + token * dim_, dim_, to.data());
  }
}

void TokenRows::SetRow(std::int64_t token, std::span<const float> from) {
  if (!bf16_.empty()) {
    kernels::RoundToBfloat16(from, std::span(bf16_).subspan(token * dim_, dim_));
  } else {
    std::copy_n(from.data(), dim_, fp32_.data() + token * dim_);
  }
}

void TokenRows::Score(std::span<const float> x, std::span<float> scores) const {
  std::vector<float> row(dim_);
  for (std::int64_t v = 0; v < rows_; ++v) {
    CopyRow(v, row);
    float sums[8] = {};
    for (std::int64_t i = 0; i < dim_; ++i) sums[i % 8] += row[i] * x[i];
    scores[v] =
        ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }
}

bool DecoderWeights::widens_bf16() const {
  return precision == Precision::kBf16 &&
         kernels::BestBfloat16Path() == kernels::Bfloat16Path::kWide;
}

double WeightBytes(const DecoderConfig& c, const LoadOptions& options) {
  const auto product = [](std::int64_t a, std::int64_t b) {
    return static_cast<double>(a) * static_cast<double>(b);
  };
  const std::int64_t qkv = c.query_width() + 2 * c.kv_width();
  const double layer =
      product(c.dim, qkv) + product(c.dim, c.query_width()) + 3 * product(c.dim, c.ffn_width);
  const int tables = !c.tied && options.output == OutputRows::kKeep ? 2 : 1;
  const double numbers =
      static_cast<double>(c.layers) * layer + tables * product(c.vocabulary, c.dim);
  return numbers * (options.precision == Precision::kBf16 ? 2 : 4);
}

void CheckFitsInMemory(const DecoderConfig& config, const LoadOptions& options,
                       std::int64_t available, const std::string& place) {
  const double needed = WeightBytes(config, options);
  if (needed <= static_cast<double>(available)) return;
  const auto mb = [](double bytes) { return std::to_string(std::llround(bytes / 1e6)) + " MB"; };
  const bool is_bf16 = options.precision == Precision::kBf16;
  throw Error(ErrorCode::kUnavailable,
              place + ": the weights of the model its config.json describes take " + mb(needed) +
                  " in " + (is_bf16 ? "bf16" : "fp32") + ", and " +
                  mb(static_cast<double>(available)) +
                  " of memory are available; take a smaller model, " +
                  (is_bf16 ? "" : "precision bf16, ") + "or a machine with more memory");
}

std::shared_ptr<const DecoderWeights> LoadDecoder(const std::filesystem::path& folder,
                                                  const LoadOptions& options, TaskPool& pool) {
  auto weights = std::make_shared<DecoderWeights>();
  weights->config = ReadDecoderConfig(folder / "config.json");
  weights->precision = options.precision;
  CheckFitsInMemory(weights->config, options, AvailableMemory(), folder.string());
  const TensorFolder tensors(folder);
  DecoderConfig& config = weights->config;
  if (!config.says_tied) config.tied = tensors.Find("lm_head.weight") == nullptr;
  RefuseUnexpected(tensors, config);
  FolderSource source(tensors);
  Builder builder(config, options, source);
  weights->layers.resize(config.layers);
  // The embedding first: it is the largest.
  pool.ForEach(config.layers + 1, [&](std::int64_t task, int) {
    if (task == 0) {
      weights->embedding = builder.Rows("model.embed_tokens.weight");
    } else {
      weights->layers[task - 1] = builder.Layer(task - 1);
    }
  });
  weights->final_norm = builder.Vector("model.norm.weight", config.dim);
  if (!config.tied) {
    TokenRows rows = builder.Rows("lm_head.weight");  // read in any case: a bad one is an error
    if (options.output == OutputRows::kKeep) weights->output = std::move(rows);
  }
  return weights;
}

std::shared_ptr<const DecoderWeights> RandomDecoder(const DecoderConfig& config,
                                                    const LoadOptions& options,
                                                    std::uint64_t seed) {
  CheckDecoderConfig(config, "a random decoder");
  CheckFitsInMemory(config, options, AvailableMemory(), "a random decoder");
  auto weights = std::make_shared<DecoderWeights>();
  weights->config = config;
  weights->precision = options.precision;
  RandomSource source(seed);
  Builder builder(weights->config, options, source);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    weights->layers.push_back(builder.Layer(layer));
  }
  weights->embedding = builder.Rows("model.embed_tokens.weight");
  weights->final_norm = builder.Vector("model.norm.weight", config.dim);
  if (!config.tied && options.output == OutputRows::kKeep) {
    weights->output = builder.Rows("lm_head.weight");
  }
  return weights;
}

}  // namespace raie
