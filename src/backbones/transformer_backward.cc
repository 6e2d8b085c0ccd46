#include <algorithm>
#include <cmath>

#include "backbones/transformer.h"
#include "backbones/transformer_pass.h"
#include "kernels/norm.h"

namespace raie {

using kernels::ConstMatrix;
using kernels::Matrix;
using kernels::Store;
using nn::Flat;

// Walks the chain of stages back and stops below the lowest thing that is trained. `d_input_` is
// the gradient of what the maps above read, `d_stream_` that of their residual; with post-norm the
// two are one, held in d_input_, and d_stream_ is empty. With `query` they are one as well, and at
// the border of two blocks d_stream_ is the gradient of what keys and values are made of.
class TransformerStack::BackwardPass {
 public:
  BackwardPass(const TransformerStack& stack, const Bound& weights, const TransformerCall& call,
               nn::Arena& arena, const GradientSink& sink)
      : stack_(stack),
        shape_(stack.shape_),
        weights_(weights),
        call_(call),
        arena_(arena),
        sink_(sink),
        lowest_(LowestTrained()) {}

  Matrix Run(const Tape& tape, std::span<const float> grad_PD) {
    const std::int64_t d = shape_.dim;
    d_input_ = arena_.Rows(call_.num_outputs(), d);
    if (post() && shape_.final_norm) {
      BackNorm(tape.final, {grad_PD.data(), d_input_.rows, d, d}, {}, stack_.final_norm_, d_input_);
    } else {
      std::copy(grad_PD.begin(), grad_PD.end(), d_input_.data);
    }
    for (std::int64_t b = shape_.blocks; b-- > 0;) {
      if (lowest_ > LevelOf(b, kFfnOutLevel)) return {};
      BackFeedForward(b, tape.blocks[b]);
      if (lowest_ > LevelOf(b, kOutLevel)) return {};
      BackAttention(b, tape.blocks[b]);
    }
    if (lowest_ > 0) return {};
    if (!post()) BackNorm(tape.first, d_input_, d_stream_, stack_.blocks_[0].norm1, d_input_);
    return d_input_;
  }

 private:
  // Levels of what can be trained: 0 the input, then four a block.
  static constexpr int kQkvLevel = 1, kOutLevel = 2, kFfnInLevel = 3, kFfnOutLevel = 4;
  static std::int64_t LevelOf(std::int64_t block, int level) { return 4 * block + level; }

  std::int64_t LowestTrained() const {
    if (!sink_.parameters.empty() || !sink_.input_TD.empty()) return 0;
    const std::int64_t none = 4 * shape_.blocks + 1;
    if (sink_.adapter.empty()) return none;
    for (std::int64_t b = 0; b < shape_.blocks; ++b) {
      const Bound::Block& maps = weights_.blocks[b];
      if (maps.q.adapted() || maps.kv.adapted()) return LevelOf(b, kQkvLevel);
      if (maps.out.adapted()) return LevelOf(b, kOutLevel);
      if (maps.ffn_in.adapted()) return LevelOf(b, kFfnInLevel);
      if (maps.ffn_out.adapted()) return LevelOf(b, kFfnOutLevel);
    }
    return none;
  }

  bool post() const { return shape_.norm == NormPlace::kPost; }
  bool query() const { return shape_.norm == NormPlace::kQuery; }
  // Is the residual of a stage what its maps read?
  bool joined() const { return shape_.norm != NormPlace::kPre; }
  std::span<const float> Weight(std::int64_t begin, std::int64_t size) const {
    return weights_.parameters.subspan(begin, size);
  }
  std::span<float> Gradient(std::int64_t begin, std::int64_t size) const {
    return sink_.parameters.empty() ? std::span<float>() : sink_.parameters.subspan(begin, size);
  }
  Matrix WeightGradient(std::int64_t begin, std::int64_t outputs, std::int64_t inputs) const {
    if (sink_.parameters.empty()) return {};
    return {sink_.parameters.data() + begin, outputs, inputs, inputs};
  }

  void BackNorm(const StageTape& stage, ConstMatrix dy, ConstMatrix extra, const Norm& norm,
                Matrix dh) {
    EndStage(stage, dy, extra, norm, dh, {}, -1, {}, {});
  }

  // Gradients of h = residual + dropout(x + bias), n = norm(h): dh is the residual's, dx the map's.
  // Without a norm, dy is dh already.
  void EndStage(const StageTape& stage, ConstMatrix dy, ConstMatrix extra, const Norm& norm,
                Matrix dh, const kernels::Dropout& dropout, std::int64_t bias,
                std::span<const kernels::TokenKey> tokens, Matrix dx) {
    if (!norm.there) {
      kernels::ResidualBackward({.dim = shape_.dim,
                                 .dh_TD = Flat(dh),
                                 .dropout = dropout,
                                 .tokens_T = tokens,
                                 .dx_TD = Flat(dx),
                                 .dbias_D = Gradient(bias, shape_.dim)});
      return;
    }
    kernels::NormBackward({.dim = shape_.dim,
                           .dy_TD = Flat(dy),
                           .extra_dh_TD = Flat(extra),
                           .h_TD = Flat(stage.h),
                           .mean_T = stage.mean,
                           .rstd_T = stage.rstd,
                           .gamma_D = Weight(norm.weight, shape_.dim),
                           .dropout = dropout,
                           .tokens_T = tokens,
                           .dh_TD = Flat(dh),
                           .dx_TD = Flat(dx),
                           .dgamma_D = Gradient(norm.weight, shape_.dim),
                           .dbeta_D = Gradient(norm.bias, shape_.dim),
                           .dbias_D = bias < 0 ? std::span<float>() : Gradient(bias, shape_.dim)});
  }

  // A buffer for the map's side of a stage: the residual's own if dropout changes nothing.
  Matrix MapSide(const kernels::Dropout& dropout, Matrix dh) {
    return dropout.active() ? arena_.Rows(dh.rows, dh.cols) : dh;
  }

  // Where the residual of a stage is also its maps' input, gradients add up there.
  void BackFeedForward(std::int64_t b, const BlockTape& tape) {
    const BlockLayout& layout = stack_.blocks_[b];
    const Bound::Block& maps = weights_.blocks[b];
    const std::int64_t d = shape_.dim, f = shape_.ffn_width, rows = d_input_.rows;
    const auto tokens = Selects(call_, b, shape_.blocks) ? call_.tokens_P : call_.tokens_T;
    const nn::LinearContext context =
        LinearContextOf(call_, arena_, Selects(call_, b, shape_.blocks));
    const kernels::Dropout dropout = DropoutAt(call_, b, DropoutPlace::kFfnOut);
    const Matrix dh = d_input_, dv = MapSide(dropout, dh);
    EndStage(tape.ffn, d_input_, d_stream_, stack_.NormAfterFfn(b), dh, dropout,
             layout.ffn_out.bias, tokens, dv);

    const bool deeper = lowest_ <= LevelOf(b, kFfnInLevel);
    const Matrix du = deeper ? arena_.Rows(rows, f) : Matrix{};
    maps.ffn_out.Backward(context, tape.ffn.last, dv,
                          {.weight_OI = WeightGradient(layout.ffn_out.weight, d, f),
                           .adapter = sink_.adapter,
                           .input_TI = du});
    if (!deeper) return;
    kernels::ActivationBackward({.dim = f,
                                 .dy_TF = Flat(du),
                                 .derivative_TF = Flat(tape.derivative),
                                 .dx_TF = Flat(du),
                                 .dbias_F = Gradient(layout.ffn_in.bias, f)});
    const bool below = lowest_ <= LevelOf(b, kOutLevel);
    d_input_ = joined() || !below ? dh : arena_.Rows(rows, d);
    d_stream_ = joined() ? Matrix{} : dh;
    maps.ffn_in.Backward(context, tape.ffn_in, du,
                         {.weight_OI = WeightGradient(layout.ffn_in.weight, f, d),
                          .adapter = sink_.adapter,
                          .input_TI = below ? d_input_ : Matrix{},
                          .input_store = joined() ? Store::kAdd : Store::kSet});
  }

  void BackAttention(std::int64_t b, const BlockTape& tape) {
    const BlockLayout& layout = stack_.blocks_[b];
    const bool selects = Selects(call_, b, shape_.blocks);
    const std::int64_t d = shape_.dim, rows = d_input_.rows;
    const auto tokens = selects ? call_.tokens_P : call_.tokens_T;
    const nn::LinearContext some = LinearContextOf(call_, arena_, Selects(call_, b, shape_.blocks));
    const kernels::Dropout dropout = DropoutAt(call_, b, DropoutPlace::kAttentionOut);
    const Matrix dh = d_input_, dy = MapSide(dropout, dh);
    EndStage(tape.attention, d_input_, d_stream_, post() ? layout.norm1 : layout.norm2, dh, dropout,
             layout.out.bias, tokens, dy);

    const bool deeper = lowest_ <= LevelOf(b, kQkvLevel);
    const Matrix d_mixed = deeper ? arena_.Rows(rows, d) : Matrix{};
    weights_.blocks[b].out.Backward(some, tape.attention.last, dy,
                                    {.weight_OI = WeightGradient(layout.out.weight, d, d),
                                     .adapter = sink_.adapter,
                                     .input_TI = d_mixed});
    if (!deeper) return;
    const Matrix dq = arena_.Rows(rows, d), dkv = arena_.Rows(call_.num_keys(), 2 * d);
    const kernels::AttentionBackwardArgs args{
        .shape = AttentionShapeOf(shape_, call_, selects),
        .scale = 1 / std::sqrt(static_cast<float>(d / shape_.heads)),
        .q_PD = tape.query,
        .k_TD = tape.kv_rows.Columns(0, d),
        .v_TD = tape.kv_rows.Columns(d, 2 * d),
        .dropout = DropoutAt(call_, b, DropoutPlace::kAttention),
        .state = tape.attention_state,
        .out_PD = tape.mixed,
        .dout_PD = d_mixed,
        .dq_PD = dq,
        .dk_TD = dkv.Columns(0, d),
        .dv_TD = dkv.Columns(d, 2 * d)};
    if (call_.relative == nullptr) {
      kernels::AttentionBackward(args);
    } else {
      kernels::IntervalAttentionBackward(args, TermsOf(*call_.relative, weights_.parameters),
                                         GradientsOf(*call_.relative, sink_.parameters));
    }
    BackQkv(b, tape, dh, dq, dkv);
  }

  // Returns the rows of tokens without their padding, whose keys and values are biases alone.
  Matrix Unpadded(Matrix keys) {
    if (!call_.padded()) return keys;
    const Matrix tokens = arena_.Rows(call_.num_tokens(), keys.cols);
    VisitKeys(call_, [&](std::int32_t token, std::int32_t key) {
      std::copy_n(keys.row(key), keys.cols, tokens.row(token));
    });
    return tokens;
  }

  // dh: the gradient of the residual of the attention stage.
  void BackQkv(std::int64_t b, const BlockTape& tape, Matrix dh, Matrix dq, Matrix dkeys) {
    const BlockLayout& layout = stack_.blocks_[b];
    const Bound::Block& maps = weights_.blocks[b];
    const bool selects = Selects(call_, b, shape_.blocks);
    const bool below = lowest_ < LevelOf(b, kQkvLevel);
    const std::int64_t d = shape_.dim;
    const nn::LinearContext all = LinearContextOf(call_, arena_, false);
    const nn::LinearContext some = LinearContextOf(call_, arena_, selects);
    if (!sink_.parameters.empty()) {
      kernels::AddColumnSums(dq, Gradient(layout.q.bias, d));
      kernels::AddColumnSums(dkeys, Gradient(layout.k.bias, 2 * d));
    }
    const Matrix dkv = Unpadded(dkeys);
    const Matrix query_side = joined() || !below ? dh : arena_.Rows(dh.rows, d);
    maps.q.Backward(some, tape.q, dq,
                    {.weight_OI = WeightGradient(layout.q.weight, d, d),
                     .adapter = sink_.adapter,
                     .input_TI = below ? query_side : Matrix{},
                     .input_store = joined() ? Store::kAdd : Store::kSet});
    // In the last block the two sides meet by one addition whether outputs are few or all, so that
    // a row's bits do not depend on the tile it is in.
    const bool last = b + 1 == shape_.blocks;
    const bool apart = last || query();
    const Matrix token_side = apart && below ? arena_.Rows(dkv.rows, d) : query_side;
    maps.kv.Backward(all, tape.kv, dkv,
                     {.weight_OI = WeightGradient(layout.k.weight, 2 * d, d),
                      .adapter = sink_.adapter,
                      .input_TI = below ? token_side : Matrix{},
                      .input_store = apart ? Store::kSet : Store::kAdd});
    if (!below) return;
    if (query()) {
      d_stream_ = token_side;
      d_input_ = selects ? AtTokens(query_side) : query_side;
      return;
    }
    d_input_ = token_side;
    d_stream_ = post() ? Matrix{} : dh;
    if (last) AddAtOutputs(query_side, d_input_);
    if (selects && !post()) d_stream_ = AtTokens(dh);
  }

  // Returns rows for all tokens, zero but where outputs are.
  Matrix AtTokens(Matrix from_PD) {
    const Matrix rows = arena_.Rows(call_.num_tokens(), shape_.dim);
    std::fill_n(rows.data, rows.rows * rows.cols, 0.0f);
    AddAtOutputs(from_PD, rows);
    return rows;
  }

  void AddAtOutputs(Matrix from_PD, Matrix to_TD) {
    for (std::int64_t p = 0; p < from_PD.rows; ++p) {
      const float* const from = from_PD.row(p);
      float* const to = to_TD.row(call_.all_outputs ? p : call_.output_tokens_P[p]);
      for (std::int64_t i = 0; i < shape_.dim; ++i) to[i] += from[i];
    }
  }

  const TransformerStack& stack_;
  const TransformerShape& shape_;
  const Bound& weights_;
  const TransformerCall& call_;
  nn::Arena& arena_;
  const GradientSink& sink_;
  std::int64_t lowest_;
  Matrix d_input_, d_stream_;
};

Matrix TransformerStack::Backward(const Bound& weights, const TransformerCall& call,
                                  nn::Arena& arena, const Tape& tape,
                                  std::span<const float> grad_PD, const GradientSink& sink) const {
  return BackwardPass(*this, weights, call, arena, sink).Run(tape, grad_PD);
}

}  // namespace raie
