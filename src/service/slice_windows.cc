#include "service/slice_windows.h"

#include <string>

#include "data/prepare.h"
#include "raie/error.h"

namespace raie {
namespace {

// The training windows of one slice, and those it keeps out.
StreamPart SliceParts(const PreparedData& data, int slice) {
  if (slice == 0) {
    SetupWindows setup = MakeSetupWindows(data, 0, MemoryWindowOptionsOf(data));
    return {std::move(setup.training), std::move(setup.held_out)};
  }
  WindowSet windows = MakeWindows(data, slice, WindowOptionsOf(data));
  if (OptionsOf(data).protocol == Protocol::kStream) return SplitLastWindows(windows);
  return {std::move(windows), {}};
}

}  // namespace

void CheckHasTraining(const SliceWindows& windows, int slice, const PreparedData& data) {
  if (windows.training.size() > 0) return;
  throw Error(ErrorCode::kNotFound,
              "slice " + std::to_string(slice) + " has no training windows (contexts of " +
                  std::to_string(WindowOptionsOf(data).context) +
                  " items); prepare the data with a smaller --context, or longer slices");
}

AdaptSlice MakeAdaptSlice(const PreparedData& data, int slice, const SliceWindows& windows) {
  return {.slice = slice,
          .windows = &windows.training,
          .memory = &windows.memory,
          .reference = &windows.reference,
          .catalogue_size = RankedCatalogue(data, slice),
          .loss_catalogue = LossCatalogue(data, slice),
          .context = WindowOptionsOf(data).context,
          .seen = SeenItemsOf(data)};
}

SliceWindows MakeSliceWindows(const PreparedData& data, int slice) {
  if (slice < 1 || slice >= data.num_slices()) {
    throw Error(ErrorCode::kInvalidArgument,
                "slice " + std::to_string(slice) + ": the data set has slices 0 to " +
                    std::to_string(data.num_slices() - 1) +
                    (slice == data.num_slices() ? "; add the next one with raie data append"
                                                : ", and slice 0 is what raie fit learns from"));
  }
  SliceWindows result;
  result.training = SliceParts(data, slice).training;
  for (int earlier = 0; earlier < slice; ++earlier) {
    StreamPart parts = SliceParts(data, earlier);
    auto& memory = result.memory.windows;
    memory.insert(memory.end(), parts.training.windows.begin(), parts.training.windows.end());
    if (parts.part.size() > 0) result.reference = std::move(parts.part);
  }
  return result;
}

}  // namespace raie
