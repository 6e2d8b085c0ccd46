#include "service/keep_border.h"

#include <memory>
#include <utility>

#include "data/prepare.h"
#include "data/windows.h"
#include "methods/setup.h"

namespace raie {

Snapshot KeepingBorder(Snapshot snapshot, const Configuration& configuration, std::int64_t windows,
                       const PhaseControl& control) {
  const BorderOptions& options = configuration.border;
  std::shared_ptr<const Backbone> keeping =
      WithBorder(*snapshot.backbone, options, BorderRequestOf(configuration.edit));
  if (keeping == nullptr) return snapshot;
  if (control.note) control.note(BorderText(*keeping, options, windows, keeping->max_length()));
  snapshot.backbone = std::move(keeping);
  return snapshot;
}

void CheckBorder(const Configuration& configuration, const PreparedData& data) {
  if (configuration.border.use != BorderUse::kOn) return;
  const auto backbone =
      MakeBackbone(configuration.backbone, static_cast<std::uint64_t>(configuration.seed),
                   {.saved = {}, .texts = [&] { return TextsOf(data); }});
  BorderLayer(*backbone, configuration.border, BorderRequestOf(configuration.edit));
}

std::int64_t WindowsOfAllSlices(const PreparedData& data) {
  std::int64_t windows = 0;
  for (int slice = 0; slice < data.num_slices(); ++slice) {
    windows += MakeWindows(data, slice, WindowOptionsOf(data)).size();
  }
  return windows;
}

Settings KeepingBorderWherePossible(Settings settings) {
  const BorderUse use = WherePossible(Configure(settings).border).use;
  settings.values.push_back({"border.use", EnumNames(use)[static_cast<int>(use)], "preparing"});
  return settings;
}

}  // namespace raie
