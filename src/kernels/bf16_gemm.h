// How is a matrix of floats multiplied with a frozen weight that is kept in bf16?
//
// Concept: the weight is packed once, in panels of kPanelOutputs columns whose rows go in pairs,
// the
//          order in which AVX512_BF16 and AMX multiply. Where the machine has one of them
//          (`kNative`, `kAmx`), rows of the other side are rounded to bf16 and multiplied two by
//          two into float sums. Elsewhere (`kWide`) weights are widened to floats as they are read
//          and nothing else is rounded. Sums are floats, one chain an element in an order that the
//          depth alone decides, so a row has the same bits whatever else is in the call.
// Source:  docs/decisions/013; kernels/gemm.h is the same for weights kept in float.
// Shapes:  T rows, O outputs, I inputs of a linear map W [O, I].
// Errors:  kInternal if shapes do not agree.
// Threads: a PackedBfloat16 may be read by many threads; each call runs in its own thread.
// Cost:    2 T O I flops, at up to twice the rate of floats where native, sixteen times with AMX.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/bf16.h"
#include "kernels/gemm.h"
#include "kernels/matrix.h"

namespace raie::kernels {

enum class Bfloat16Path { kAmx, kNative, kWide };

// Returns whether this machine can go it.
bool HasBfloat16Path(Bfloat16Path path);
// Returns what this machine does best: kAmx if it has AMX for bf16, kNative if AVX512_BF16.
Bfloat16Path BestBfloat16Path();

// A weight W [O, I] for products one way: x W^T (kForward) or dy W (kBackward). A copy.
class PackedBfloat16 {
 public:
  static constexpr std::int64_t kPanelOutputs = 32;

  PackedBfloat16() = default;
  // `use` is kForward or kBackward.
  PackedBfloat16(ConstBfloat16Matrix w_OI, PackFor use, Bfloat16Path path = BestBfloat16Path());

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }
  PackFor use() const { return use_; }
  Bfloat16Path path() const { return path_; }
  bool empty() const { return outputs_ == 0; }
  std::int64_t bytes() const { return panels_.size() * std::int64_t{sizeof(float)}; }
  const Bfloat16* panels() const { return reinterpret_cast<const Bfloat16*>(panels_.data()); }

  // Writes rows begin .. begin + count - 1 of W, [count, I]; packed forward only.
  void CopyRows(std::int64_t begin, std::int64_t count, std::span<Bfloat16> rows_NI) const;

 private:
  std::int64_t outputs_ = 0;
  std::int64_t inputs_ = 0;
  PackFor use_ = PackFor::kForward;
  Bfloat16Path path_ = Bfloat16Path::kWide;
  AlignedFloats panels_;  // two numbers a float
};

// y = x W^T + bias; W packed forward; `bias_O` may be empty.
// Semantics: y[t, o] = (store == kAdd ? y[t, o] : 0) + bias[o] + sum_i r(x[t, i]) W[o, i]
//            where r does nothing if the path is wide, and rounds to bf16 otherwise.
void MultiplyTransposed(ConstMatrix x_TI, const PackedBfloat16& w, std::span<const float> bias_O,
                        Store store, Matrix y_TO);

// dx = dy W; W packed backward.
// Semantics: dx[t, i] = (store == kAdd ? dx[t, i] : 0) + sum_o r(dy[t, o]) W[o, i]
void Multiply(ConstMatrix dy_TO, const PackedBfloat16& w, Store store, Matrix dx_TI);

}  // namespace raie::kernels
