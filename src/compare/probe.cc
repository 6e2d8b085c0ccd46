#include "compare/probe.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/stopwatch.h"
#include "compare/cell.h"
#include "data/prepare.h"
#include "evaluation/comparison.h"
#include "methods/budget.h"
#include "service/fit_model.h"
#include "service/keep_border.h"
#include "service/slice_windows.h"

namespace raie {
namespace {

constexpr std::int64_t kProbeWindows = 2000;
constexpr std::int64_t kAssumedEpochs = 30;
constexpr double kCurveWindows = 20000;

// The windows of the first users, whole users at a time.
WindowSet FirstUsers(const WindowSet& windows) {
  WindowSet first;
  for (const Window& window : windows.windows) {
    if (first.size() >= kProbeWindows && window.user != first.windows.back().user) break;
    first.windows.push_back(window);
  }
  return first;
}

}  // namespace

ProbeTimes ProbeComparison(const PreparedData& data, const PhaseControl& control) {
  Settings settings = KeepingBorderWherePossible(control.settings);
  const Configuration wanted = ConfigureFit(data, settings);
  settings.values.push_back({"fit.max_epochs", "1", "probe"});
  const PhaseControl probe = control.With(settings);
  const Stopwatch fit;
  const FitOutcome model = FitInMemory(data, {}, Resume::kNo, probe);
  ProbeTimes times;
  times.fit_seconds =
      fit.seconds() * static_cast<double>(std::min(wanted.fit.max_epochs, kAssumedEpochs));
  if (data.contexts_cross_slices()) {
    times.cell_seconds = fit.seconds();
    return times;
  }

  const SetupWindows setup = MakeSetupWindows(data, 0, WindowOptionsOf(data));
  SliceWindows windows = MakeSliceWindows(data, kLearnSlice);
  CheckHasTraining(windows, kLearnSlice, data);
  const auto all_windows = static_cast<double>(windows.training.size());
  windows.training = FirstUsers(windows.training);
  const AdaptSlice slice = MakeAdaptSlice(data, kLearnSlice, windows);
  ComparedMethod lora{"lora", "lora", wanted.edit};
  lora.options.budget = BudgetKind::kOwn;
  lora.options.epochs = 1;
  const ComparisonRequest request{.setup = model.snapshot,
                                  .setup_windows = setup,
                                  .slice = slice,
                                  .evaluation = {},
                                  .seeds = {}};
  const RunContext context{.data = data, .pool = control.pool, .cancel = control.cancel};
  const Stopwatch adapt;
  const Learnt learnt = LearnFromSlice(lora, context, request);
  const double per_sample = adapt.seconds() / static_cast<double>(std::max<std::int64_t>(
                                                  1, learnt.report.training.samples));

  const WindowSet test = MakeWindows(data, kTestSlice, WindowOptionsOf(data));
  const WindowSet some = FirstUsers(test);
  const Stopwatch rank;
  RankWindows(
      *learnt.method->MakeScorer(), data, some,
      {.context = slice.context, .catalogue_size = slice.catalogue_size, .seen = slice.seen},
      control.Pass("measuring"));
  const double per_window =
      rank.seconds() / static_cast<double>(std::max<std::int64_t>(1, some.size()));

  const bool equal = wanted.edit.budget == BudgetKind::kEqual;
  const double samples =
      static_cast<double>(wanted.edit.epochs) * all_windows / (equal ? 1 - kBudgetRho : 1);
  const auto held_out = static_cast<double>(setup.held_out.size());
  const auto tested = static_cast<double>(test.size());
  const double curve =
      static_cast<double>(equal ? wanted.edit.checkpoints : wanted.edit.epochs + 1) *
      (std::min(held_out, kCurveWindows) + std::min(tested, kCurveWindows) + 0.2 * all_windows);
  times.tune_seconds = 0.9 * samples * per_sample;
  // The tuning pass, a final pass of about half the maximum, ranks and best items.
  times.cell_seconds =
      (equal ? 1.4 : 1.0) * samples * per_sample + (curve + 2 * (held_out + tested)) * per_window;
  if (OptionsOf(data).protocol == Protocol::kStream) {
    times.cell_seconds *= static_cast<double>(data.num_slices() - 1);
  }
  return times;
}

}  // namespace raie
