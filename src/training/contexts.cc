#include "training/contexts.h"

namespace raie {

ReadContexts ReadContextsOf(const PreparedData& data, std::span<const Window> windows,
                            std::int64_t begin, const ReadContextsRequest& request) {
  ReadContexts read;
  for (std::int64_t i = 0; i < std::ssize(windows); ++i) {
    const Window& window = windows[i];
    const std::int64_t count = AppendContext(data, window, request.length, request.catalogue_size,
                                             read.rows.items, read.rows.times);
    if (count == 0) {
      read.empty.push_back(begin + i);
      continue;
    }
    read.rows.offsets.push_back(static_cast<std::int32_t>(read.rows.items.size()));
    read.rows.users.push_back(window.user);
    read.rows.row_keys.push_back(static_cast<std::uint32_t>(begin + i));
    read.windows.push_back(begin + i);
    read.targets.push_back(data.items()[window.target]);
  }
  return read;
}

}  // namespace raie
