#include <algorithm>
#include <limits>

#include "backbones/causal_lm/decoder.h"
#include "backbones/transformer_pass.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"

namespace raie {

using kernels::ConstMatrix;
using kernels::Matrix;

// Walks the layers back. `d_` is the gradient of the stream of residuals.
class Decoder::BackwardPass {
 public:
  BackwardPass(const Decoder& decoder, const Pass& pass, const GradientSink& sink)
      : decoder_(decoder),
        config_(decoder.weights_->config),
        bound_(pass.bound),
        call_(pass.call),
        arena_(pass.arena),
        temporary_(TemporarySize(decoder, call_)),
        sink_(sink),
        lowest_(LowestTrained()) {}

  Matrix Run(const Tape& tape, std::span<const float> grad_PD) {
    const std::int64_t d = config_.dim, rows = call_.num_outputs();
    if (lowest_ == kNothing) return {};
    d_ = arena_.Rows(rows, d);
    kernels::RmsNormBackward({.dim = d,
                              .dy = {grad_PD.data(), rows, d, d},
                              .h = tape.h,
                              .rstd_TG = tape.rstd,
                              .gamma_D = decoder_.weights_->final_norm,
                              .dh = d_});
    for (std::int64_t layer = config_.layers - 1; layer >= 0; --layer) {
      if (Place(layer, Stage::kDown) < lowest_) break;
      BackLayer(layer, tape.layers[layer]);
      temporary_->Reset();
    }
    return lowest_ == kInput ? d_ : Matrix{};
  }

 private:
  // The maps of a layer, as they come forward.
  enum class Stage { kQkv, kO, kGateUp, kDown };
  static constexpr std::int64_t kInput = -1;
  static constexpr std::int64_t kNothing = std::numeric_limits<std::int64_t>::max();

  static std::int64_t Place(std::int64_t layer, Stage stage) {
    return 4 * layer + static_cast<std::int64_t>(stage);
  }

  // Of the buffers of one layer, low-rank paths of usual ranks among them.
  static std::int64_t TemporarySize(const Decoder& decoder, const TransformerCall& call) {
    const DecoderConfig& c = decoder.weights_->config;
    const std::int64_t row =
        5 * c.dim + 5 * c.ffn_width + decoder.qkv_width() + 2 * c.query_width();
    return call.num_tokens() * row + 16 * 16;
  }

  std::int64_t LowestTrained() const {
    if (!sink_.input_TD.empty()) return kInput;
    if (sink_.adapter.empty()) return kNothing;
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      const Bound::Layer& maps = bound_.layers[layer];
      if (maps.qkv.adapted()) return Place(layer, Stage::kQkv);
      if (maps.o.adapted()) return Place(layer, Stage::kO);
      if (maps.gate_up.adapted()) return Place(layer, Stage::kGateUp);
      if (maps.down.adapted()) return Place(layer, Stage::kDown);
    }
    return kNothing;
  }

  Matrix Rows(std::int64_t rows, std::int64_t cols) { return temporary_->Rows(rows, cols); }

  // Gradients of one map; returns those of its input, or nothing if nothing below is trained.
  Matrix BackMap(const nn::BoundLinear& map, const nn::LinearContext& context,
                 const nn::LinearTape& tape, ConstMatrix dy, std::int64_t place,
                 std::int64_t inputs) {
    const Matrix input = place > lowest_ ? Rows(dy.rows, inputs) : Matrix{};
    map.Backward(context, tape, dy, {.adapter = sink_.adapter, .input_TI = input});
    return input;
  }

  void BackLayer(std::int64_t number, const LayerTape& tape) {
    const DecoderLayer& layer = decoder_.weights_->layers[number];
    const Bound::Layer& maps = bound_.layers[number];
    const bool selects = Selects(call_, number, config_.layers);
    const nn::LinearContext all = LinearContextOf(call_, *temporary_, false);
    const nn::LinearContext some = LinearContextOf(call_, *temporary_, selects);
    if (!BackFeedForward(number, layer, some, tape)) return;
    const Matrix dmixed = BackMap(maps.o, some, WithInput(tape.o, tape.mixed), d_,
                                  Place(number, Stage::kO), config_.query_width());
    if (dmixed.empty()) return;
    const Matrix dqkv = BackAttention(layer, selects, tape, dmixed);
    nn::LinearTape qkv = tape.qkv;
    if (maps.qkv.adapted()) {
      qkv.x_TI = NormedAgain(tape.h1, tape.rstd1, layer.input_norm);
    }
    const Matrix dnormed =
        BackMap(maps.qkv, all, qkv, dqkv, Place(number, Stage::kQkv), config_.dim);
    if (dnormed.empty()) return;
    if (selects) d_ = AtTokens(d_, arena_.Rows(call_.num_tokens(), config_.dim));
    BackNorm(dnormed, tape.h1, tape.rstd1, layer.input_norm);
  }

  // Returns whether anything below is trained.
  bool BackFeedForward(std::int64_t number, const DecoderLayer& layer,
                       const nn::LinearContext& context, const LayerTape& tape) {
    const Bound::Layer& maps = bound_.layers[number];
    const Matrix gate_up = GateUp(tape);
    nn::LinearTape down = tape.down;
    if (maps.down.adapted()) {
      const Matrix active = Rows(d_.rows, config_.ffn_width);
      kernels::SwigluForward(gate_up, active);
      down.x_TI = active;
    }
    const Matrix dactive =
        BackMap(maps.down, context, down, d_, Place(number, Stage::kDown), config_.ffn_width);
    if (dactive.empty()) return false;
    kernels::SwigluBackward(dactive, gate_up);
    nn::LinearTape in = tape.gate_up;
    if (maps.gate_up.adapted()) in.x_TI = NormedAgain(tape.h2, tape.rstd2, layer.ffn_norm);
    const Matrix dnormed =
        BackMap(maps.gate_up, context, in, gate_up, Place(number, Stage::kGateUp), config_.dim);
    if (dnormed.empty()) return false;
    BackNorm(dnormed, tape.h2, tape.rstd2, layer.ffn_norm);
    return true;
  }

  static nn::LinearTape WithInput(nn::LinearTape tape, ConstMatrix x) {
    tape.x_TI = x;
    return tape;
  }

  // A copy that may be overwritten.
  Matrix GateUp(const LayerTape& tape) {
    const Matrix rows = Rows(d_.rows, 2 * config_.ffn_width);
    const auto size = static_cast<std::size_t>(rows.rows * rows.cols);
    if (decoder_.weights_->precision == Precision::kBf16) {
      kernels::WidenBfloat16(
          {reinterpret_cast<const kernels::Bfloat16*>(tape.gate_up_rows.data()), size},
          {rows.data, size});
    } else {
      std::copy_n(tape.gate_up_rows.data(), size, rows.data);
    }
    return rows;
  }

  Matrix NormedAgain(ConstMatrix h, std::span<const float> rstd, std::span<const float> gamma) {
    const Matrix normed = Rows(h.rows, config_.dim);
    kernels::RmsNormAgain(config_.dim, h, rstd, gamma, normed);
    return normed;
  }

  // d_ += the gradient that came through a norm.
  void BackNorm(ConstMatrix dnormed, ConstMatrix h, std::span<const float> rstd,
                std::span<const float> gamma) {
    kernels::RmsNormBackward({.dim = config_.dim,
                              .dy = dnormed,
                              .extra_dh = d_,
                              .h = h,
                              .rstd_TG = rstd,
                              .gamma_D = gamma,
                              .dh = d_});
  }

  // Returns the gradient of what the map of queries, keys and values made.
  Matrix BackAttention(const DecoderLayer& layer, bool selects, const LayerTape& tape,
                       ConstMatrix dmixed) {
    const std::int64_t q = config_.query_width(), k = config_.kv_width();
    const Matrix dqkv = Rows(call_.num_tokens(), q + 2 * k);
    const Matrix dquery = selects ? Rows(dmixed.rows, q) : dqkv.Columns(0, q);
    kernels::AttentionBackward({.shape = decoder_.AttentionShapeOf(call_, selects),
                                .scale = decoder_.attention_scale(),
                                .q_PD = selects ? tape.query : tape.qkv_rows.Columns(0, q),
                                .k_TD = tape.qkv_rows.Columns(q, q + k),
                                .v_TD = tape.qkv_rows.Columns(q + k, q + 2 * k),
                                .state = tape.attention_state,
                                .out_PD = tape.mixed,
                                .dout_PD = dmixed,
                                .dq_PD = dquery,
                                .dk_TD = dqkv.Columns(q, q + k),
                                .dv_TD = dqkv.Columns(q + k, q + 2 * k)});
    if (selects) AtTokens(dquery, dqkv.Columns(0, q));
    std::vector<std::int32_t> positions;
    for (const kernels::TokenKey& token : call_.tokens_T) {
      positions.push_back(static_cast<std::int32_t>(token.position));
    }
    kernels::Rotate(decoder_.rotations(), kernels::Turn::kBack, positions, dqkv.Columns(0, q + k));
    if (!config_.qk_norm) return dqkv;
    const auto back = [&](Matrix rows, ConstMatrix raw, std::span<const float> rstd,
                          std::span<const float> gamma) {
      kernels::RmsNormBackward({.dim = config_.head_dim,
                                .dy = rows,
                                .h = raw,
                                .rstd_TG = rstd,
                                .gamma_D = gamma,
                                .dh = rows});
    };
    back(dqkv.Columns(0, q), tape.raw_qk.Columns(0, q), tape.q_rstd, layer.q_norm);
    back(dqkv.Columns(q, q + k), tape.raw_qk.Columns(q, q + k), tape.k_rstd, layer.k_norm);
    return dqkv;
  }

  // Sets rows of all tokens: those of outputs, zero elsewhere.
  Matrix AtTokens(ConstMatrix from_PD, Matrix to_TD) const {
    for (std::int64_t t = 0; t < to_TD.rows; ++t) std::fill_n(to_TD.row(t), to_TD.cols, 0.0f);
    for (std::int64_t p = 0; p < from_PD.rows; ++p) {
      std::copy_n(from_PD.row(p), from_PD.cols, to_TD.row(call_.output_tokens_P[p]));
    }
    return to_TD;
  }

  const Decoder& decoder_;
  const DecoderConfig& config_;
  const Bound& bound_;
  const TransformerCall& call_;
  nn::Arena& arena_;
  nn::ArenaLease temporary_;  // of one layer
  const GradientSink& sink_;
  std::int64_t lowest_;
  Matrix d_;
};

Matrix Decoder::Backward(const Pass& pass, const Tape& tape, std::span<const float> grad_PD,
                         const GradientSink& sink) const {
  return BackwardPass(*this, pass, sink).Run(tape, grad_PD);
}

}  // namespace raie
