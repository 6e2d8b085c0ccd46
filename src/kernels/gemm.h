// How are matrices multiplied in training and scoring?
//
// Concept: an own register-blocked FMA kernel over packed panels (Highway, run-time dispatch). A
//          weight is packed once a step (PackedWeights) and used by all tiles of that step. Every
//          row of a product is summed in the same order whatever else is in the call, so a window
//          has the same bits in any tile.
// Source:  docs/decisions/004: measured against oneDNN (dnnl_sgemm and matmul with packed weights).
// Shapes:  T rows (tokens, outputs), O outputs, I inputs of a linear map with W [O, I].
// Errors:  kInternal if shapes do not agree.
// Threads: a PackedWeights may be read by many threads; each call runs in its own thread.
// Cost:    2 T O I flops; packing moves O I numbers once per layout.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/aligned.h"
#include "kernels/matrix.h"

namespace raie::kernels {

// Which products a packed weight will serve.
enum class PackFor {
  kForward,   // x W^T
  kBackward,  // dy W
  kBoth,
};

// A weight W [O, I] in the layout of the multiplication kernel. A copy: W may change afterwards.
// Packing again into the same object reuses its memory.
class PackedWeights {
 public:
  // A range of rows of W (output units, items) given to the products must begin at a multiple of
  // this.
  static constexpr std::int64_t kRowAlignment = 64;

  PackedWeights() = default;
  PackedWeights(ConstMatrix w_OI, PackFor use) { Pack(w_OI, use); }
  void Pack(ConstMatrix w_OI, PackFor use);

  // Writes rows begin .. begin + to.rows - 1 of W; packed forward only.
  void CopyRows(std::int64_t begin, Matrix to) const;

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }
  bool empty() const { return outputs_ == 0; }

  bool packed_forward() const { return forward_.size() > 0; }
  bool packed_backward() const { return backward_.size() > 0; }
  const float* forward_panels() const { return forward_.data(); }
  const float* backward_panels() const { return backward_.data(); }

 private:
  std::int64_t outputs_ = 0;
  std::int64_t inputs_ = 0;
  AlignedFloats forward_;   // panels of output units, each [I, panel width]
  AlignedFloats backward_;  // panels of inputs, each [O, panel width]
};

// y = x W^T + bias; `bias_O` may be empty; with Store::kAdd it is added to what is in y as well.
// Semantics: y[t, o] = (store == kAdd ? y[t, o] : 0) + bias[o] + sum_i x[t, i] W[o, i]
void MultiplyTransposed(ConstMatrix x_TI, const PackedWeights& w, std::span<const float> bias_O,
                        Store store, Matrix y_TO);

// The same for rows begin .. begin + y.cols - 1 of W only (a tile of items).
// Semantics: y[t, j] = sum_i x[t, i] W[begin + j, i]
void MultiplyTransposedRange(ConstMatrix x_TI, const PackedWeights& w, std::int64_t begin,
                             Matrix y_TJ);

// dx = dy W.
// Semantics: dx[t, i] = (store == kAdd ? dx[t, i] : 0) + sum_o dy[t, o] W[o, i]
void Multiply(ConstMatrix dy_TO, const PackedWeights& w, Store store, Matrix dx_TI);

// The same over rows begin .. begin + dy.cols - 1 of W only.
// Semantics: dx[t, i] = (store == kAdd ? dx[t, i] : 0) + sum_j dy[t, j] W[begin + j, i]
void MultiplyRange(ConstMatrix dy_TJ, const PackedWeights& w, std::int64_t begin, Store store,
                   Matrix dx_TI);

// dW = or += dy^T x: gradients of weights. Either side may be skinny (LoRA).
// Semantics: dw[o, i] = (store == kAdd ? dw[o, i] : 0) + sum_t dy[t, o] x[t, i]
void MultiplyOuter(ConstMatrix dy_TO, ConstMatrix x_TI, Store store, Matrix dw_OI);

// Products with a weight that is used once: packs inside. W + B A is MultiplyPlain(b, a, kAdd, w).
// Semantics: c[m, n] = (store == kAdd ? c[m, n] : 0) + sum_k a[m, k] b[k, n]
void MultiplyPlain(ConstMatrix a_MK, ConstMatrix b_KN, Store store, Matrix c_MN);

// Semantics: sums[c] += sum_r x[r, c], in row order.
void AddColumnSums(ConstMatrix x_RC, std::span<float> sums_C);

}  // namespace raie::kernels
