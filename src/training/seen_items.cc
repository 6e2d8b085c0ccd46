#include "training/seen_items.h"

#include "data/prepare.h"

namespace raie {

SeenItems SeenItemsOf(const PreparedData& data) {
  if (data.contexts_cross_slices()) return SeenItems::kHistoryMasked;
  return MasksContext(data) ? SeenItems::kContextMasked : SeenItems::kRanked;
}

MaskedItems MaskSeen(SeenItems seen, const PreparedData& data, const WindowSet& windows,
                     std::span<const std::int64_t> numbers, const WindowBatch& contexts) {
  if (seen == SeenItems::kContextMasked) return MaskContexts(contexts);
  MaskedItems masked;
  for (const std::int64_t number : numbers) {
    const Window& window = windows.windows[number];
    const std::int64_t count =
        seen == SeenItems::kHistoryMasked ? window.target - window.context_begin : 0;
    const auto items = data.items().subspan(window.context_begin, count);
    masked.AppendRow({items.begin(), items.end()});
  }
  return masked;
}

}  // namespace raie
