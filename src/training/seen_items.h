// Which items does the target of a window not compete with?
//
// Source:  METHOD section 2 ("Ranking"; leave-last-out masks the user's other items).
#pragma once

#include <cstdint>
#include <span>

#include "backbones/backbone.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "training/score.h"

namespace raie {

// None, those of the context, or all earlier ones of the user, also those before the context.
enum class SeenItems { kRanked, kContextMasked, kHistoryMasked };
inline std::span<const char* const> EnumNames(SeenItems) {
  static constexpr const char* kNames[] = {"ranked", "context-masked", "history-masked"};
  return kNames;
}

// Returns what the protocol of a data set masks.
SeenItems SeenItemsOf(const PreparedData& data);

// Returns a row for each context; context i is that of windows.windows[numbers[i]].
MaskedItems MaskSeen(SeenItems seen, const PreparedData& data, const WindowSet& windows,
                     std::span<const std::int64_t> numbers, const WindowBatch& contexts);

}  // namespace raie
