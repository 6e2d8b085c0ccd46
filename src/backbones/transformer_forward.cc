#include <algorithm>
#include <cmath>

#include "backbones/transformer.h"
#include "backbones/transformer_pass.h"
#include "kernels/norm.h"

namespace raie {

using kernels::ConstMatrix;
using kernels::Matrix;
using nn::Flat;

class TransformerStack::ForwardPass {
 public:
  ForwardPass(const TransformerStack& stack, const Bound& weights, const TransformerCall& call,
              nn::Arena& arena)
      : stack_(stack), shape_(stack.shape_), weights_(weights), call_(call), arena_(arena) {}

  void Run(Matrix x_TD, Tape* tape, std::span<float> hidden_PD) {
    const std::int64_t rows = call_.num_outputs();
    const Matrix hidden{hidden_PD.data(), rows, shape_.dim, shape_.dim};
    const bool post = shape_.norm == NormPlace::kPost;
    stream_ = x_TD;
    input_ = x_TD;
    raw_ = x_TD;
    if (!post) {
      StageTape first = NewStage(x_TD.rows);
      first.h = x_TD;
      first.n = arena_.Rows(x_TD.rows, shape_.dim);
      Normalise(first, stack_.blocks_[0].norm1);
      input_ = first.n;
      if (shape_.norm == NormPlace::kQuery) stream_ = first.n;
      if (tape != nullptr) tape->first = first;
    }
    for (std::int64_t b = 0; b < shape_.blocks; ++b) {
      const bool writes_hidden = b + 1 == shape_.blocks && (!post || !shape_.final_norm);
      const BlockTape block = RunBlock(b, writes_hidden ? hidden : Matrix{});
      if (tape != nullptr) tape->blocks.push_back(block);
    }
    if (!post || !shape_.final_norm) return;
    StageTape last = NewStage(rows);
    last.h = stream_;
    last.n = hidden;
    Normalise(last, stack_.final_norm_);
    if (tape != nullptr) tape->final = last;
  }

 private:
  std::span<const float> Weight(std::int64_t begin, std::int64_t size) const {
    return weights_.parameters.subspan(begin, size);
  }

  StageTape NewStage(std::int64_t rows) {
    StageTape stage;
    if (call_.keep_tape) {
      stage.mean = arena_.Floats(rows);
      stage.rstd = arena_.Floats(rows);
    }
    return stage;
  }

  void Normalise(const StageTape& stage, const Norm& norm) {
    kernels::NormForward({.dim = shape_.dim,
                          .eps = norm.epsilon,
                          .x_TD = Flat(stage.h),
                          .bias_D = {},
                          .residual_TD = {},
                          .dropout = {},
                          .tokens_T = {},
                          .gamma_D = Weight(norm.weight, shape_.dim),
                          .beta_D = Weight(norm.bias, shape_.dim),
                          .h_TD = {},
                          .y_TD = Flat(stage.n),
                          .mean_T = stage.mean,
                          .rstd_T = stage.rstd});
  }

  // h = residual + dropout(h + bias), n = norm(h); moves the stream on. Without a norm n is h.
  void EndStage(StageTape& stage, Matrix residual, std::int64_t bias, const Norm& norm,
                const kernels::Dropout& dropout, std::span<const kernels::TokenKey> tokens) {
    if (!norm.there) {
      kernels::ResidualForward({.dim = shape_.dim,
                                .x_TD = Flat(stage.h),
                                .bias_D = Weight(bias, shape_.dim),
                                .residual_TD = Flat(residual),
                                .dropout = dropout,
                                .tokens_T = tokens,
                                .h_TD = Flat(stage.n)});
      return;
    }
    kernels::NormForward({.dim = shape_.dim,
                          .eps = norm.epsilon,
                          .x_TD = Flat(stage.h),
                          .bias_D = Weight(bias, shape_.dim),
                          .residual_TD = Flat(residual),
                          .dropout = dropout,
                          .tokens_T = tokens,
                          .gamma_D = Weight(norm.weight, shape_.dim),
                          .beta_D = Weight(norm.bias, shape_.dim),
                          .h_TD = Flat(stage.h),
                          .y_TD = Flat(stage.n),
                          .mean_T = stage.mean,
                          .rstd_T = stage.rstd});
    stream_ = shape_.norm == NormPlace::kPre ? stage.h : stage.n;
    input_ = stage.n;
    raw_ = stage.h;
  }

  Matrix Gather(Matrix x_TD) {
    const Matrix rows = arena_.Rows(call_.num_outputs(), shape_.dim);
    for (std::int64_t p = 0; p < rows.rows; ++p) {
      std::copy_n(x_TD.row(call_.output_tokens_P[p]), shape_.dim, rows.row(p));
    }
    return rows;
  }

  BlockTape RunBlock(std::int64_t b, Matrix final_n) {
    const BlockLayout& layout = stack_.blocks_[b];
    const Bound::Block& maps = weights_.blocks[b];
    const bool selects = Selects(call_, b, shape_.blocks);
    const std::int64_t d = shape_.dim, rows = selects ? call_.num_outputs() : call_.num_tokens();
    const auto tokens = selects ? call_.tokens_P : call_.tokens_T;
    const nn::LinearContext all = LinearContextOf(call_, arena_, false);
    const nn::LinearContext some = LinearContextOf(call_, arena_, selects);
    BlockTape tape;

    const Matrix keys_input = shape_.norm == NormPlace::kQuery ? raw_ : input_;
    if (selects) {
      const bool same = stream_.data == input_.data;
      input_ = Gather(input_);
      stream_ = same ? input_ : Gather(stream_);
    }
    tape.query = arena_.Rows(rows, d);
    tape.kv_rows = arena_.Rows(call_.num_keys(), 2 * d);
    const Matrix kv = call_.padded() ? arena_.Rows(keys_input.rows, 2 * d) : tape.kv_rows;
    tape.q = maps.q.Forward(some, input_, Weight(layout.q.bias, d), tape.query);
    tape.kv = maps.kv.Forward(all, keys_input, Weight(layout.k.bias, 2 * d), kv);
    if (call_.padded()) Pad(kv, Weight(layout.k.bias, 2 * d), tape.kv_rows);
    Attend(b, selects, tape);

    tape.attention = NewStage(rows);
    tape.attention.h = arena_.Rows(rows, d);
    tape.attention.n = arena_.Rows(rows, d);
    tape.attention.last = maps.out.Forward(some, tape.mixed, {}, tape.attention.h);
    EndStage(tape.attention, stream_, layout.out.bias,
             shape_.norm == NormPlace::kPost ? layout.norm1 : layout.norm2,
             DropoutAt(call_, b, DropoutPlace::kAttentionOut), tokens);
    FeedForward(b, some, final_n, tape);
    return tape;
  }

  // Puts the rows of tokens behind their padding.
  void Pad(Matrix tokens, std::span<const float> padding, Matrix keys) {
    for (std::int64_t k = 0; k < keys.rows; ++k) std::ranges::copy(padding, keys.row(k));
    VisitKeys(call_, [&](std::int32_t token, std::int32_t key) {
      std::copy_n(tokens.row(token), tokens.cols, keys.row(key));
    });
  }

  void Attend(std::int64_t b, bool selects, BlockTape& tape) {
    const std::int64_t d = shape_.dim;
    const kernels::AttentionShape shape = AttentionShapeOf(shape_, call_, selects);
    tape.mixed = arena_.Rows(tape.query.rows, d);
    if (call_.keep_tape) tape.attention_state = arena_.Floats(kernels::AttentionStateSize(shape));
    const kernels::AttentionForwardArgs args{
        .shape = shape,
        .scale = 1 / std::sqrt(static_cast<float>(d / shape_.heads)),
        .q_PD = tape.query,
        .k_TD = tape.kv_rows.Columns(0, d),
        .v_TD = tape.kv_rows.Columns(d, 2 * d),
        .dropout = DropoutAt(call_, b, DropoutPlace::kAttention),
        .row_keys_S = call_.row_keys_S,
        .out_PD = tape.mixed,
        .state = tape.attention_state};
    if (call_.relative == nullptr) {
      kernels::AttentionForward(args);
    } else {
      kernels::IntervalAttentionForward(args, TermsOf(*call_.relative, weights_.parameters));
    }
  }

  void FeedForward(std::int64_t b, const nn::LinearContext& context, Matrix final_n,
                   BlockTape& tape) {
    const BlockLayout& layout = stack_.blocks_[b];
    const Bound::Block& maps = weights_.blocks[b];
    const std::int64_t rows = input_.rows, f = shape_.ffn_width;
    const Matrix raw = arena_.Rows(rows, f);
    // Without a tape the activation overwrites its input; with one the derivative does.
    const Matrix active = call_.keep_tape ? arena_.Rows(rows, f) : raw;
    tape.ffn_in = maps.ffn_in.Forward(context, input_, {}, raw);
    tape.derivative = call_.keep_tape ? raw : Matrix{};
    kernels::ActivationForward({.activation = shape_.activation,
                                .dim = f,
                                .x_TF = Flat(raw),
                                .bias_F = Weight(layout.ffn_in.bias, f),
                                .dropout = DropoutAt(call_, b, DropoutPlace::kFfnIn),
                                .tokens_T = context.tokens_T,
                                .y_TF = Flat(active),
                                .derivative_TF = Flat(tape.derivative)});
    tape.ffn = NewStage(rows);
    tape.ffn.h = arena_.Rows(rows, shape_.dim);
    tape.ffn.n = final_n.empty() ? arena_.Rows(rows, shape_.dim) : final_n;
    tape.ffn.last = maps.ffn_out.Forward(context, active, {}, tape.ffn.h);
    EndStage(tape.ffn, stream_, layout.ffn_out.bias, stack_.NormAfterFfn(b),
             DropoutAt(call_, b, DropoutPlace::kFfnOut), context.tokens_T);
  }

  const TransformerStack& stack_;
  const TransformerShape& shape_;
  const Bound& weights_;
  const TransformerCall& call_;
  nn::Arena& arena_;
  Matrix stream_;  // the residual of the next stage
  Matrix input_;   // what the next stage's maps read
  Matrix raw_;     // the same before its norm
};

void TransformerStack::Forward(const Bound& weights, const TransformerCall& call, nn::Arena& arena,
                               Matrix x_TD, Tape* tape, std::span<float> hidden_PD) const {
  ForwardPass(*this, weights, call, arena).Run(x_TD, tape, hidden_PD);
}

}  // namespace raie
