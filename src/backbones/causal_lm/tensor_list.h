// Which tensors are to be written to a checkpoint, in which type?
//
// Concept: tensors, and the copies they are views of, until SaveTensors has written them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "nn/frozen_map.h"
#include "tensorfile/safetensors.h"

namespace raie {

// What becomes of values that bf16 does not hold, where bf16 is asked for.
enum class Rounding {
  kNone,  // their tensor stays F32
  kAll,   // they are rounded to the nearest
};

class TensorList {
 public:
  TensorList(nn::Precision precision, Rounding rounding)
      : precision_(precision), rounding_(rounding) {}

  void Add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values);

  // What SaveTensors takes, valid as long as this list; it is empty afterwards.
  std::vector<TensorView> Take() { return std::move(tensors_); }

 private:
  nn::Precision precision_;
  Rounding rounding_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<std::uint16_t>> bits_;
  std::vector<TensorView> tensors_;
};

}  // namespace raie
