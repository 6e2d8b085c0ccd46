#include "data/thin_windows.h"

namespace raie {

WindowSet Thinned(const WindowSet& windows, std::int64_t most) {
  if (windows.size() <= most) return windows;
  WindowSet thinned;
  for (std::int64_t i = 0; i < most; ++i) {
    thinned.windows.push_back(windows.windows[i * windows.size() / most]);
  }
  return thinned;
}

}  // namespace raie
