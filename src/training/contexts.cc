#include "training/contexts.h"

#include <numeric>

namespace raie {

ReadWindows ReadContexts(const PreparedData& data, const WindowSet& windows,
                         std::span<const std::int64_t> chosen, std::int64_t length,
                         std::int64_t catalogue_size) {
  ReadWindows read;
  WindowBatch& contexts = read.contexts;
  for (const std::int64_t i : chosen) {
    const Window& window = windows.windows[i];
    if (AppendContext(data, window, length, catalogue_size, contexts.items, contexts.times) == 0) {
      continue;
    }
    contexts.offsets.push_back(static_cast<std::int32_t>(contexts.items.size()));
    contexts.users.push_back(window.user);
    contexts.row_keys.push_back(static_cast<std::uint32_t>(i));
    read.targets.push_back(data.items()[window.target]);
    read.windows.push_back(i);
  }
  return read;
}

ReadWindows ReadContexts(const PreparedData& data, const WindowSet& windows, std::int64_t begin,
                         std::int64_t end, std::int64_t length, std::int64_t catalogue_size) {
  std::vector<std::int64_t> chosen(end - begin);
  std::iota(chosen.begin(), chosen.end(), begin);
  return ReadContexts(data, windows, chosen, length, catalogue_size);
}

}  // namespace raie
