// Where does the weight of a linear map live that never changes again?
//
// Concept: packed once for the forward pass, in bf16 or float, and shared by every adapter; the
//          layout of the backward pass is made when it is first asked for, so that a model that
//          only scores never has it.
// Shapes:  W [O, I].
// Threads: const methods may run concurrently.
// Cost:    O I numbers a direction.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>

#include "kernels/bf16_gemm.h"
#include "kernels/gemm.h"
#include "kernels/matrix.h"

namespace raie::nn {

enum class Precision { kFp32, kBf16 };

inline std::span<const char* const> EnumNames(Precision) {
  static constexpr const char* kNames[] = {"fp32", "bf16"};
  return kNames;
}

class FrozenMap {
 public:
  explicit FrozenMap(kernels::ConstMatrix w_OI);
  explicit FrozenMap(kernels::ConstBfloat16Matrix w_OI);

  Precision precision() const { return forward16_.empty() ? Precision::kFp32 : Precision::kBf16; }
  std::int64_t outputs() const;
  std::int64_t inputs() const;

  // y = x W^T + bias; `bias_O` may be empty.
  void Forward(kernels::ConstMatrix x_TI, std::span<const float> bias_O,
               kernels::Matrix y_TO) const;
  // dx = or += dy W.
  void Backward(kernels::ConstMatrix dy_TO, kernels::Store store, kernels::Matrix dx_TI) const;
  // Writes rows begin .. begin + to.rows - 1 of W.
  void CopyRows(std::int64_t begin, kernels::Matrix to) const;

 private:
  void MakeBackward() const;

  kernels::PackedWeights forward32_;
  kernels::PackedBfloat16 forward16_;
  mutable std::once_flag backward_made_;
  mutable kernels::PackedWeights backward32_;
  mutable kernels::PackedBfloat16 backward16_;
};

}  // namespace raie::nn
