// How does a text of any size pass through a bounded amount of memory?
//
// Concept: the text at hand is a mapped file as a whole, or a buffer that is refilled behind what
//          was consumed. The buffer grows only when one record does not fit.
// Errors:  kCorruptData: a record of more than 256 MB; what TextInput throws.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/column.h"
#include "data/archive_input.h"
#include "data/readers/row_parser.h"

namespace raie {

class TextSource {
 public:
  TextSource(const InputName& name, std::size_t buffer_bytes);

  const TextBlock& block() const { return block_; }
  bool mapped() const { return mapped_; }
  std::size_t consumed_before() const { return consumed_before_; }  // bytes in front of the block

  // Drops the first `consumed` bytes of a block that is not complete and reads on.
  void Refill(std::size_t consumed);
  // Says that the first `consumed` bytes of a mapped text will not be looked at again.
  void Release(std::size_t consumed) { input_->Release(consumed); }

 private:
  void Fill(std::size_t filled);

  std::string name_;
  std::unique_ptr<TextInput> input_;
  Column<char> buffer_;
  TextBlock block_;
  bool mapped_ = false;
  std::size_t consumed_before_ = 0;
};

}  // namespace raie
