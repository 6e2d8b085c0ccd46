#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace raie {
namespace {

constexpr int kNumStandIns = 68;
constexpr char32_t kFirstStandIn = 0x100;

bool StandsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

struct ByteAlphabet {
  std::array<char32_t, 256> characters{};
  std::array<std::int16_t, kFirstStandIn + kNumStandIns> bytes{};  // -1: outside the alphabet

  ByteAlphabet() {
    bytes.fill(-1);
    char32_t next = kFirstStandIn;
    for (int byte = 0; byte < 256; ++byte) {
      const char32_t character = StandsForItself(byte) ? static_cast<char32_t>(byte) : next++;
      characters[byte] = character;
      bytes[character] = static_cast<std::int16_t>(byte);
    }
  }
};

const ByteAlphabet& Alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

}  // namespace

const std::array<char32_t, 256>& ByteCharacters() { return Alphabet().characters; }

std::optional<std::string> BytesOfPiece(std::string_view piece) {
  const ByteAlphabet& alphabet = Alphabet();
  std::string bytes;
  for (std::size_t at = 0; at < piece.size();) {
    const CodePoint read = CodePointAt(piece, at);
    if (read.value >= alphabet.bytes.size() || alphabet.bytes[read.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet.bytes[read.value]));
    at += read.bytes;
  }
  return bytes;
}

std::string PieceOfBytes(std::string_view bytes) {
  std::string piece;
  for (const char byte : bytes) {
    AppendUtf8(ByteCharacters()[static_cast<unsigned char>(byte)], piece);
  }
  return piece;
}

}  // namespace raie
