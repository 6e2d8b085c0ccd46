#include "backbones/causal_lm/tensor_list.h"

#include <algorithm>
#include <utility>

#include "kernels/bf16.h"

namespace raie {

void TensorList::Add(const std::string& name, std::vector<std::int64_t> shape,
                     std::vector<float> values) {
  const bool fits = rounding_ == Rounding::kAll || std::ranges::all_of(values, [](float value) {
                      return kernels::ToFloat(kernels::ToBfloat16(value)) == value;
                    });
  if (precision_ == nn::Precision::kFp32 || !fits) {
    tensors_.push_back({name, std::move(shape), floats_.emplace_back(std::move(values))});
    return;
  }
  std::vector<std::uint16_t>& bits = bits_.emplace_back();
  bits.reserve(values.size());
  for (const float value : values) bits.push_back(kernels::ToBfloat16(value).bits);
  tensors_.push_back({.name = name, .shape = std::move(shape), .values = {}, .bf16_bits = bits});
}

}  // namespace raie
