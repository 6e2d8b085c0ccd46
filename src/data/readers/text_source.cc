#include "data/readers/text_source.h"

#include <cstring>

#include "raie/error.h"

namespace raie {
namespace {
constexpr std::size_t kMostRecordBytes = std::size_t{256} << 20;
}  // namespace

TextSource::TextSource(const InputName& name, std::size_t buffer_bytes)
    : name_(name.ToString()), input_(OpenInput(name)) {
  if (const auto text = input_->mapped()) {
    mapped_ = true;
    block_ = {*text, true};
    return;
  }
  buffer_.resize(buffer_bytes);
  Fill(0);
}

void TextSource::Fill(std::size_t filled) {
  const std::span<char> room = std::span(buffer_).subspan(filled);
  const std::size_t got = input_->Read(room);
  block_ = {std::string_view(buffer_.data(), filled + got), got < room.size()};
}

void TextSource::Refill(std::size_t consumed) {
  const std::size_t kept = block_.text.size() - consumed;
  if (consumed == 0) {
    if (buffer_.size() >= kMostRecordBytes) {
      throw Error(ErrorCode::kCorruptData,
                  name_ + ": a row of more than 256 MB: a binary file, or one without line ends?");
    }
    buffer_.resize(buffer_.size() * 2);
  } else {
    std::memmove(buffer_.data(), buffer_.data() + consumed, kept);
  }
  consumed_before_ += consumed;
  Fill(kept);
}

}  // namespace raie
