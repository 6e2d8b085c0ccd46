#include "kernels/dropout.h"

namespace raie::kernels {

std::vector<TokenKey> TokenKeys(std::span<const std::uint32_t> row_keys_S,
                                std::span<const std::int32_t> offsets_S1) {
  std::vector<TokenKey> tokens;
  tokens.reserve(offsets_S1.empty() ? 0 : offsets_S1.back());
  for (std::size_t s = 0; s < row_keys_S.size(); ++s) {
    const std::int32_t length = offsets_S1[s + 1] - offsets_S1[s];
    for (std::int32_t p = 0; p < length; ++p) {
      tokens.push_back({row_keys_S[s], static_cast<std::uint32_t>(p)});
    }
  }
  return tokens;
}

}  // namespace raie::kernels
