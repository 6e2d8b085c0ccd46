// Which character stands for a byte in the vocabulary of a byte-level model?
//
// Concept: printable Latin-1 stands for itself; the other 68 bytes, in their order, are U+0100 and
//          on (a blank is "Ġ", a line feed "Ċ"). So every vocabulary entry is readable text.
// Source:  GPT-2's byte encoder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace raie {

// Returns the character of every byte.
const std::array<char32_t, 256>& ByteCharacters();

// Returns the bytes that a piece stands for; nothing where it has a character outside the alphabet.
std::optional<std::string> BytesOfPiece(std::string_view piece);

// Returns the piece of some bytes.
std::string PieceOfBytes(std::string_view bytes);

}  // namespace raie
