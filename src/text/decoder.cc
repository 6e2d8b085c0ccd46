#include "text/decoder.h"

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/pattern_json.h"
#include "text/utf8.h"

namespace raie {
namespace {

class ByteLevelDecoder : public Decoder {
 public:
  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    std::string bytes;
    for (const std::string& piece : pieces) bytes += BytesOfPiece(piece).value_or(piece);
    return {ReplaceInvalidUtf8(bytes)};
  }
};

// Joins runs of "<0x..>"; a run that is not UTF-8 is U+FFFD a byte.
class ByteFallbackDecoder : public Decoder {
 public:
  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    std::vector<std::string> texts;
    std::string run;
    const auto end_run = [&] {
      if (run.empty()) return;
      if (FindInvalidUtf8(run)) {
        texts.insert(texts.end(), run.size(), "\uFFFD");
      } else {
        texts.push_back(run);
      }
      run.clear();
    };
    for (std::string& piece : pieces) {
      if (const std::optional<char> byte = ByteOf(piece)) {
        run.push_back(*byte);
      } else {
        end_run();
        texts.push_back(std::move(piece));
      }
    }
    end_run();
    return texts;
  }

 private:
  static std::optional<char> ByteOf(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with(">")) {
      return std::nullopt;
    }
    std::uint8_t byte = 0;
    const char* end = piece.data() + 5;
    const auto [stop, error] = std::from_chars(piece.data() + 3, end, byte, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    return static_cast<char>(byte);
  }
};

class Fuse : public Decoder {
 public:
  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return {all};
  }
};

// Takes up to so many of a character off both ends of every piece.
class Strip : public Decoder {
 public:
  Strip(std::string content, std::int64_t start, std::int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    for (std::string& piece : pieces) {
      std::string_view kept = piece;
      for (std::int64_t i = 0; i < start_ && kept.starts_with(content_); ++i) {
        kept.remove_prefix(content_.size());
      }
      for (std::int64_t i = 0; i < stop_ && kept.ends_with(content_); ++i) {
        kept.remove_suffix(content_.size());
      }
      piece = std::string(kept);
    }
    return pieces;
  }

 private:
  std::string content_;
  std::int64_t start_;
  std::int64_t stop_;
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    std::string text;
    const auto match = [&](std::string_view) { text += content_; };
    const auto gap = [&](std::string_view part) { text += part; };
    for (std::string& piece : pieces) {
      text.clear();
      pattern_.Split(piece, match, gap);
      piece = text;
    }
    return pieces;
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class DecoderSequence : public Decoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<Decoder>> parts)
      : parts_(std::move(parts)) {}

  std::vector<std::string> Apply(std::vector<std::string> pieces) const override {
    for (const auto& part : parts_) pieces = part->Apply(std::move(pieces));
    return pieces;
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

std::unique_ptr<Decoder> MakeStrip(const JsonPart& part) {
  part.RequireFields({"content", "start", "stop"});
  std::string content = part.At("content").Text();
  if (content.empty() || CodePointAt(content, 0).bytes != static_cast<int>(content.size())) {
    part.Fail("content: expected one character, found \"" + content + "\"");
  }
  return std::make_unique<Strip>(std::move(content), part.At("start").Number(),
                                 part.At("stop").Number());
}

}  // namespace

std::unique_ptr<Decoder> MakeDecoder(const JsonPart& part) {
  if (part.value().is_null()) return nullptr;
  const std::string type = part.TextOr("type", "");
  if (type == "ByteLevel") {
    part.RequireFields({"add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<ByteLevelDecoder>();
  }
  if (type == "ByteFallback") {
    part.RequireFields({});
    return std::make_unique<ByteFallbackDecoder>();
  }
  if (type == "Fuse") {
    part.RequireFields({});
    return std::make_unique<Fuse>();
  }
  if (type == "Strip") return MakeStrip(part);
  if (type == "Replace") {
    part.RequireFields({"pattern", "content"});
    return std::make_unique<ReplaceDecoder>(ReadPattern(part.At("pattern")),
                                            part.At("content").Text());
  }
  if (type == "Sequence") {
    part.RequireFields({"decoders"});
    std::vector<std::unique_ptr<Decoder>> parts;
    for (const JsonPart& item : part.At("decoders").Items()) {
      if (item.value().is_null()) item.Fail("expected a decoder, found null");
      parts.push_back(MakeDecoder(item));
    }
    return std::make_unique<DecoderSequence>(std::move(parts));
  }
  FailOnType(part, "ByteLevel, ByteFallback, Fuse, Strip, Replace, Sequence");
}

std::string DecodePieces(const Decoder* decoder, std::vector<std::string> pieces) {
  std::string text;
  if (decoder != nullptr) {
    for (const std::string& piece : decoder->Apply(std::move(pieces))) text += piece;
    return text;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) text += ' ';
    text += pieces[i];
  }
  return text;
}

}  // namespace raie
