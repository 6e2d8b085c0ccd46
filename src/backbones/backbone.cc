#include "backbones/backbone.h"

namespace raie {

void WindowBatch::Append(const WindowBatch& from, std::int64_t row) {
  const std::int32_t begin = from.offsets[row], end = from.offsets[row + 1];
  items.insert(items.end(), from.items.begin() + begin, from.items.begin() + end);
  if (!from.times.empty()) {
    times.insert(times.end(), from.times.begin() + begin, from.times.begin() + end);
  }
  if (!from.users.empty()) users.push_back(from.users[row]);
  row_keys.push_back(from.row_keys[row]);
  offsets.push_back(static_cast<std::int32_t>(items.size()));
}

}  // namespace raie
