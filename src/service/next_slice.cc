#include "service/next_slice.h"

#include <string>
#include <utility>

#include "methods/setup.h"
#include "raie/error.h"
#include "service/keep_border.h"

namespace raie {
namespace {

int ChooseSlice(const VersionInfo& current, int asked) {
  const int next = current.slice + 1;
  if (asked == kNextSlice || asked == next) return next;
  throw Error(ErrorCode::kInvalidArgument,
              "slice " + std::to_string(asked) + ": version " + std::to_string(current.number) +
                  " has learnt from slices 0 to " + std::to_string(current.slice) +
                  ", so the next one is " + std::to_string(next) +
                  (asked <= current.slice ? "; to learn from slice " + std::to_string(asked) +
                                                " again, go back with raie rollback first"
                                          : "; edit with the slices in between first"));
}

void CheckHasRegions(const ModelDirectory& model, const Snapshot& snapshot) {
  if (snapshot.editor.regions.size() > 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              "model " + model.path().string() +
                  " has no regions (its data has no held-out windows: protocol leave-last-out or "
                  "as-released), so there is nothing to edit; prepare the data with another "
                  "--protocol (raie compare runs the RAIE of as-released)");
}

}  // namespace

AdaptSlice NextSlice::adapt_slice(const PreparedData& data) const {
  AdaptSlice made = MakeAdaptSlice(data, slice, windows);
  made.context = model.info().windows.context;
  made.seen = model.info().seen();
  return made;
}

RunContext NextSlice::run_context(const PreparedData& data, const PhaseControl& control) const {
  return {.data = data,
          .pool = control.pool,
          .seed = static_cast<std::uint64_t>(configuration.seed),
          .observer = control.progress,
          .cancel = control.cancel};
}

NextSlice LoadNextSlice(const std::filesystem::path& path, const PreparedData& data, int asked,
                        const PhaseControl& control) {
  ModelDirectory model = ModelDirectory::Open(path);
  VersionInfo current = model.LoadInfo(model.current());
  CheckDataMatches(data, current, model.LoadItemNames(current.number));
  NextSlice next{.model = std::move(model), .current = std::move(current)};
  next.before = ForData(next.model.LoadSnapshot(next.current.number), data);
  NoteArithmetic(control, *next.before.backbone);
  next.prior = std::exchange(next.before.prior, nullptr);
  CheckHasRegions(next.model, next.before);
  next.configuration = ConfigureAgain(control.settings, OptionsOf(data).protocol,
                                      next.model.info().backbone.name, next.current.configuration);
  next.configuration.edit.Validate();
  next.slice = ChooseSlice(next.current, asked);
  next.windows = MakeSliceWindows(data, next.slice);
  const SliceWindows& windows = next.windows;
  next.before = KeepingBorder(
      std::move(next.before), next.configuration,
      windows.training.size() + windows.memory.size() + windows.reference.size(), control);
  return next;
}

}  // namespace raie
