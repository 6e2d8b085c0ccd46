#include <algorithm>

#include "backbones/causal_lm/decoder.h"
#include "backbones/transformer_pass.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"

namespace raie {

using kernels::ConstMatrix;
using kernels::Matrix;
using nn::Flat;

class Decoder::ForwardPass {
 public:
  ForwardPass(const Decoder& decoder, const Pass& pass)
      : decoder_(decoder),
        config_(decoder.weights_->config),
        pass_(pass),
        bound_(pass.bound),
        call_(pass.call),
        keep_(call_.keep_tape),
        arena_(pass.arena),
        tokens_(call_.num_tokens()),
        scratch_(ScratchSize(decoder, call_)),
        normed_(scratch_->Rows(tokens_, config_.dim)),
        delta_(scratch_->Rows(tokens_, config_.dim)),
        active_(scratch_->Rows(tokens_, config_.ffn_width)),
        gate_up_(scratch_->Rows(tokens_, 2 * config_.ffn_width)) {
    for (const kernels::TokenKey& token : call_.tokens_T) {
      positions_T_.push_back(static_cast<std::int32_t>(token.position));
    }
    if (pass.prefix != nullptr) {
      keys_values_ = scratch_->Rows(call_.num_keys(), 2 * config_.kv_width());
    }
    if (keep_) return;
    qkv_ = scratch_->Rows(tokens_, decoder.qkv_width());
    mixed_ = scratch_->Rows(tokens_, config_.query_width());
  }

  void Run(Matrix x_TD, Tape* tape, std::span<float> hidden_PD) {
    stream_ = x_TD;
    if (tape != nullptr) tape->layers.resize(pass_.first_layer);
    for (std::int64_t layer = pass_.first_layer; layer < config_.layers; ++layer) {
      LayerTape kept = RunLayer(layer);
      if (tape != nullptr) tape->layers.push_back(kept);
      temporary_->Reset();
    }
    const std::int64_t rows = call_.num_outputs();
    const Matrix h = keep_ ? arena_.Rows(rows, config_.dim) : stream_;
    const std::span<float> rstd = Statistics(rows);
    kernels::RmsNormForward({.dim = config_.dim,
                             .eps = static_cast<float>(config_.norm_epsilon),
                             .x = delta_.Rows(0, rows),
                             .residual = stream_,
                             .gamma_D = decoder_.weights_->final_norm,
                             .h = h,
                             .y = {hidden_PD.data(), rows, config_.dim, config_.dim},
                             .rstd_TG = rstd});
    if (tape == nullptr) return;
    tape->h = h;
    tape->rstd = rstd;
  }

  void RunBelow(std::int64_t end, Matrix x_TD) {
    stream_ = x_TD;
    for (std::int64_t layer = pass_.first_layer; layer < end; ++layer) {
      RunLayer(layer);
      temporary_->Reset();
    }
    const std::span<float> sum = Flat(stream_);
    const std::span<const float> delta = Flat(delta_);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += delta[i];
  }

 private:
  // Of all buffers of the pass, and a cache line each.
  static std::int64_t ScratchSize(const Decoder& decoder, const TransformerCall& call) {
    const DecoderConfig& c = decoder.weights_->config;
    const std::int64_t row = 2 * c.dim + 3 * c.ffn_width + decoder.qkv_width() + c.query_width();
    const std::int64_t keys = call.padded() ? call.num_keys() : 0;
    return call.num_tokens() * row + keys * 2 * c.kv_width() + 8 * 16;
  }

  std::span<float> Statistics(std::int64_t size) {
    return keep_ ? arena_.Floats(size) : std::span<float>();
  }

  // h = stream + delta, normed = its norm; the stream moves on.
  Matrix AddAndNormalise(std::span<const float> gamma, bool first, std::span<float> rstd) {
    const std::int64_t rows = stream_.rows;
    const Matrix h = first || !keep_ ? stream_ : arena_.Rows(rows, config_.dim);
    kernels::RmsNormForward(
        {.dim = config_.dim,
         .eps = static_cast<float>(config_.norm_epsilon),
         .x = stream_,
         .residual = first ? kernels::ConstMatrix{} : kernels::ConstMatrix(delta_.Rows(0, rows)),
         .gamma_D = gamma,
         .h = first ? Matrix{} : h,
         .y = normed_.Rows(0, rows),
         .rstd_TG = rstd});
    stream_ = h;
    return h;
  }

  LayerTape RunLayer(std::int64_t number) {
    const DecoderLayer& layer = decoder_.weights_->layers[number];
    const Bound::Layer& maps = bound_.layers[number];
    const bool selects = Selects(call_, number, config_.layers);
    const std::int64_t rows = selects ? call_.num_outputs() : tokens_;
    nn::Arena& low_rank = keep_ ? arena_ : *temporary_;
    const nn::LinearContext all = LinearContextOf(call_, low_rank, false);
    const nn::LinearContext some = LinearContextOf(call_, low_rank, selects);
    LayerTape tape;

    tape.rstd1 = Statistics(tokens_);
    tape.h1 = AddAndNormalise(layer.input_norm, number == pass_.first_layer, tape.rstd1);
    tape.qkv_rows = keep_ ? arena_.Rows(tokens_, decoder_.qkv_width()) : qkv_;
    tape.qkv = maps.qkv.Forward(all, normed_, layer.qkv_bias, tape.qkv_rows);
    NormaliseHeads(layer, tape);
    kernels::Rotate(decoder_.rotations(), kernels::Turn::kForward, positions_T_,
                    tape.qkv_rows.Columns(0, config_.query_width() + config_.kv_width()));
    KeepPrefix(tape.qkv_rows);
    Attend(number, selects, rows, tape);
    tape.o = maps.o.Forward(some, tape.mixed, layer.o_bias, delta_.Rows(0, rows));

    if (selects) stream_ = Gather(stream_);
    tape.rstd2 = Statistics(rows);
    tape.h2 = AddAndNormalise(layer.ffn_norm, false, tape.rstd2);
    FeedForward(layer, maps, some, tape);
    return tape;
  }

  void NormaliseHeads(const DecoderLayer& layer, LayerTape& tape) {
    if (!config_.qk_norm) return;
    const std::int64_t q = config_.query_width(), k = config_.kv_width();
    if (keep_) {
      tape.raw_qk = arena_.Rows(tokens_, q + k);
      for (std::int64_t t = 0; t < tokens_; ++t) {
        std::copy_n(tape.qkv_rows.row(t), q + k, tape.raw_qk.row(t));
      }
    }
    tape.q_rstd = Statistics(tokens_ * config_.heads);
    tape.k_rstd = Statistics(tokens_ * config_.kv_heads);
    const auto normalise = [&](Matrix rows, std::span<const float> gamma, std::span<float> rstd) {
      kernels::RmsNormForward({.dim = config_.head_dim,
                               .eps = static_cast<float>(config_.norm_epsilon),
                               .x = rows,
                               .gamma_D = gamma,
                               .y = rows,
                               .rstd_TG = rstd});
    };
    normalise(tape.qkv_rows.Columns(0, q), layer.q_norm, tape.q_rstd);
    normalise(tape.qkv_rows.Columns(q, q + k), layer.k_norm, tape.k_rstd);
  }

  ConstMatrix KeysAndValues(ConstMatrix qkv_rows) const {
    const std::int64_t q = config_.query_width();
    return qkv_rows.Columns(q, q + 2 * config_.kv_width());
  }

  void KeepPrefix(ConstMatrix qkv_rows) {
    if (pass_.made_prefix == nullptr) return;
    const ConstMatrix from = KeysAndValues(qkv_rows);
    std::vector<float>& kept = pass_.made_prefix->layers.emplace_back(from.rows * from.cols);
    CopyRows(from, kernels::MutableView(kept, from.rows, from.cols));
  }

  // Returns the keys and values of the prefix and the tokens, sequence by sequence.
  ConstMatrix BehindPrefix(std::int64_t number, ConstMatrix qkv_rows) {
    const ConstMatrix from = KeysAndValues(qkv_rows);
    const std::int64_t before = pass_.prefix->tokens;
    const ConstMatrix prefix =
        kernels::View(pass_.prefix->layers[number], before, keys_values_.cols);
    for (std::size_t s = 0; s + 1 < call_.offsets_S1.size(); ++s) {
      const std::int32_t at = call_.key_offsets_S1[s], end = call_.key_offsets_S1[s + 1];
      CopyRows(prefix, keys_values_.Rows(at, at + before));
      CopyRows(from.Rows(call_.offsets_S1[s], call_.offsets_S1[s + 1]),
               keys_values_.Rows(at + before, end));
    }
    return keys_values_;
  }

  static void CopyRows(ConstMatrix from, Matrix to) {
    for (std::int64_t row = 0; row < from.rows; ++row) {
      std::copy_n(from.row(row), from.cols, to.row(row));
    }
  }

  Matrix Gather(Matrix from_TD) {
    const Matrix rows = arena_.Rows(call_.num_outputs(), from_TD.cols);
    for (std::int64_t p = 0; p < rows.rows; ++p) {
      std::copy_n(from_TD.row(call_.output_tokens_P[p]), rows.cols, rows.row(p));
    }
    return rows;
  }

  void Attend(std::int64_t number, bool selects, std::int64_t rows, LayerTape& tape) {
    const std::int64_t q = config_.query_width(), k = config_.kv_width();
    const kernels::AttentionShape shape = decoder_.AttentionShapeOf(call_, selects);
    Matrix query = tape.qkv_rows.Columns(0, q);
    if (selects) tape.query = query = Gather(query);
    tape.mixed = keep_ ? arena_.Rows(rows, q) : mixed_.Rows(0, rows);
    tape.attention_state = Statistics(kernels::AttentionStateSize(shape));
    const ConstMatrix keys_values = pass_.prefix == nullptr ? KeysAndValues(tape.qkv_rows)
                                                            : BehindPrefix(number, tape.qkv_rows);
    kernels::AttentionForward({.shape = shape,
                               .scale = decoder_.attention_scale(),
                               .q_PD = query,
                               .k_TD = keys_values.Columns(0, k),
                               .v_TD = keys_values.Columns(k, 2 * k),
                               .out_PD = tape.mixed,
                               .state = tape.attention_state});
  }

  void FeedForward(const DecoderLayer& layer, const Bound::Layer& maps,
                   const nn::LinearContext& context, LayerTape& tape) {
    const std::int64_t rows = stream_.rows;
    const bool kept_as_bf16 = decoder_.weights_->precision == Precision::kBf16;
    Matrix gate_up = gate_up_.Rows(0, rows);
    const std::int64_t size = rows * gate_up.cols;
    if (keep_) tape.gate_up_rows = arena_.Floats(kept_as_bf16 ? (size + 1) / 2 : size);
    if (keep_ && !kept_as_bf16) gate_up.data = tape.gate_up_rows.data();
    tape.gate_up =
        maps.gate_up.Forward(context, normed_.Rows(0, rows), layer.gate_up_bias, gate_up);
    if (keep_ && kept_as_bf16) {
      kernels::RoundToBfloat16(Flat(gate_up),
                               {reinterpret_cast<kernels::Bfloat16*>(tape.gate_up_rows.data()),
                                static_cast<std::size_t>(size)});
    }
    const Matrix active = active_.Rows(0, rows);
    kernels::SwigluForward(gate_up, active);
    tape.down = maps.down.Forward(context, active, layer.down_bias, delta_.Rows(0, rows));
  }

  const Decoder& decoder_;
  const DecoderConfig& config_;
  const Pass& pass_;
  const Bound& bound_;
  const TransformerCall& call_;
  bool keep_;  // a tape
  nn::Arena& arena_;
  std::int64_t tokens_;
  nn::ArenaLease scratch_;    // of the whole pass
  nn::ArenaLease temporary_;  // of one layer
  std::vector<std::int32_t> positions_T_;
  Matrix normed_, delta_, active_, gate_up_;
  Matrix qkv_, mixed_;  // where nothing is kept
  Matrix keys_values_;  // behind a prefix
  Matrix stream_;       // the residual
};

Decoder::Prefix Decoder::MakePrefix(const Bound& bound, Matrix x_TD) const {
  const auto tokens = static_cast<std::int32_t>(x_TD.rows), last = tokens - 1;
  const std::int32_t offsets[] = {0, tokens}, query_offsets[] = {0, 1};
  const std::uint32_t row_keys[] = {0};
  const std::vector<kernels::TokenKey> keys = kernels::TokenKeys(row_keys, offsets);
  // One output, since the last layer computes nothing else.
  const TransformerCall call{.offsets_S1 = offsets,
                             .row_keys_S = row_keys,
                             .tokens_T = keys,
                             .all_outputs = false,
                             .output_tokens_P = std::span(&last, 1),
                             .query_offsets_S1 = query_offsets,
                             .query_positions_P = std::span(&last, 1),
                             .tokens_P = std::span(keys).last(1)};
  Prefix prefix{.tokens = tokens};
  const nn::ArenaLease arena;
  std::vector<float> hidden(x_TD.cols);
  Forward({.bound = bound, .call = call, .arena = *arena, .made_prefix = &prefix}, x_TD, nullptr,
          hidden);
  return prefix;
}

void Decoder::Forward(const Pass& pass, Matrix x_TD, Tape* tape, std::span<float> hidden_PD) const {
  ForwardPass(*this, pass).Run(x_TD, tape, hidden_PD);
}

void Decoder::ForwardBelow(const Pass& pass, std::int64_t end, Matrix x_TD) const {
  ForwardPass(*this, pass).RunBelow(end, x_TD);
}

}  // namespace raie
