#include "compare/cell.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/stopwatch.h"
#include "compare/curve.h"
#include "compare/stream_cell.h"
#include "data/prepare.h"
#include "evaluation/comparison.h"
#include "evaluation/window_results.h"
#include "methods/popularity_prior.h"
#include "methods/snapshot_scorer.h"
#include "raie/version.h"
#include "service/edit_model.h"
#include "service/slice_windows.h"
#include "store/journal.h"
#include "store/regions_file.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTop = 20;                  // best items kept of every window
constexpr char kLearnSeconds[] = "learn_seconds";  // these go to times.json
constexpr char kPriorSeconds[] = "prior_seconds";

void SaveWindows(const fs::path& folder, const std::string& part, const WindowResults& results) {
  WriteFileAtomically(folder / (part + ".windows"), EncodeWindowResults(results));
}

void SaveRegions(const fs::path& folder, const EditorState& state) {
  if (state.regions.size() == 0) return;
  fs::create_directories(folder);
  SaveEditorState(folder, state);
}

// S, F and T.
nlohmann::ordered_json RunSlices(const CellInput& input, const fs::path& folder) {
  const PreparedData& data = input.data;
  const WindowOptions options = WindowOptionsOf(data);
  const SetupWindows setup = MakeSetupWindows(data, 0, options);
  const SliceWindows windows = MakeSliceWindows(data, kLearnSlice);
  CheckHasTraining(windows, kLearnSlice, data);
  const AdaptSlice slice = MakeAdaptSlice(data, kLearnSlice, windows);
  const Protocol protocol = OptionsOf(data).protocol;
  const bool released = protocol == Protocol::kAsReleased;
  const std::string setup_part = WindowParts(protocol)[0];
  const WindowSet& setup_ranked = released ? setup.training : setup.held_out;
  CurveRecorder curve(data, input.configuration.edit, slice, {setup_part, setup_ranked},
                      input.context.Pass("curve"));
  RunContext context = input.context;
  double curve_seconds = 0;
  context.on_checkpoint = [&](const Checkpoint& checkpoint) {
    const Stopwatch watch;
    curve.Add(checkpoint);
    curve_seconds += watch.seconds();
  };

  const ComparedMethod compared{input.method, input.method, input.configuration.edit};
  ComparisonRequest request{
      .setup = input.setup, .setup_windows = setup, .slice = slice, .evaluation = {}, .seeds = {}};
  request.evaluation = {.windows = options,
                        .test_slice = kTestSlice,
                        .catalogue_size = slice.catalogue_size,
                        .seen = slice.seen,
                        .setup_part = protocol == Protocol::kPaper || released
                                          ? SetupPart::kAll
                                          : SetupPart::kHeldOutOnly};
  const Learnt learnt = LearnFromSlice(compared, context, request);
  const auto scorer = learnt.method->MakeScorer();
  request.evaluation.prior = learnt.method->prior();
  const EvaluationReport report =
      Evaluate(*scorer, data, request.evaluation, context.Pass("evaluate"));

  RankSetRequest top{
      .context = options.context, .catalogue_size = FittedCatalogue(data), .seen = slice.seen};
  std::optional<EarlierRequests> earlier;
  if (learnt.method->prior() != nullptr) {
    earlier.emplace(data, *learnt.method->prior(), 0, setup.removed_events);
    top.earlier = &*earlier;
  }
  SaveWindows(
      folder, setup_part,
      MakeWindowResults(
          data, setup_ranked, released ? report.in_sample_ranks : report.held_out_ranks,
          TopOfWindows(*scorer, data, setup_ranked, top, kTop, context.Pass("best items"))));
  top.catalogue_size = slice.catalogue_size;
  top.earlier = nullptr;
  const WindowSet test = MakeWindows(data, kTestSlice, options);
  SaveWindows(
      folder, "T",
      MakeWindowResults(data, test, report.test_ranks,
                        TopOfWindows(*scorer, data, test, top, kTop, context.Pass("best items"))));
  if (!learnt.report.journal.empty()) {
    WriteFileAtomically(folder / "journal.tsv",
                        JournalText(learnt.report.journal, windows.training, data));
    SaveRegions(folder / "regions_before", input.setup.editor);
    const Snapshot* after = learnt.method->snapshot();
    if (after != nullptr) SaveRegions(folder / "regions_after", after->editor);
  }
  nlohmann::ordered_json cell = {{"evaluation", ToJson(report)},
                                 {"budget", BudgetToJson(learnt.report)},
                                 {"edits", ToJson(learnt.report.edits)},
                                 {"comparison", ToJson(learnt.report.comparison)},
                                 {"drift", ToJson(learnt.report.drift, data)},
                                 {"curve", curve.ToJson()},
                                 {kLearnSeconds, learnt.report.seconds - curve_seconds}};
  if (learnt.report.prior.has_value()) {
    cell["popularity_prior"] = ToJson(*learnt.report.prior);
    cell[kPriorSeconds] = learnt.report.prior->seconds;
  }
  return cell;
}

// leave-last-out: the backbone as it was fitted.
nlohmann::ordered_json RunSanity(const CellInput& input, const fs::path& folder) {
  const PreparedData& data = input.data;
  const SetupWindows setup = MakeSetupWindows(data, 0, WindowOptionsOf(data));
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(input.setup));
  nlohmann::ordered_json evaluation;
  for (const auto& [part, windows] :
       {std::pair{"validation", &setup.validation}, std::pair{"test", &setup.held_out}}) {
    const RankedSet ranked = RankWindows(scorer, data, *windows,
                                         {.context = WindowOptionsOf(data).context,
                                          .catalogue_size = data.num_items(),
                                          .seen = SeenItemsOf(data)},
                                         input.context.Pass("evaluate"));
    SaveWindows(folder, part, MakeWindowResults(data, *windows, ranked, {}));
    evaluation[part] = ToJson(Summarise(ranked.ranks, ranked.users));
  }
  return {{"evaluation", evaluation}};
}

}  // namespace

std::vector<std::string> WindowParts(Protocol protocol) {
  if (protocol == Protocol::kLeaveLastOut) return {"validation", "test"};
  if (protocol == Protocol::kStream) return {"next"};
  if (protocol == Protocol::kAsReleased) return {"S_in_sample", "T"};
  return {"S_held_out", "T"};
}

double JudgeOnValidation(const CellInput& input) {
  const SetupWindows setup = MakeSetupWindows(input.data, 0, WindowOptionsOf(input.data));
  const SliceWindows windows = MakeSliceWindows(input.data, kLearnSlice);
  CheckHasTraining(windows, kLearnSlice, input.data);
  AdaptSlice slice = MakeAdaptSlice(input.data, kLearnSlice, windows);
  slice.passes = AdaptPasses::kTuningOnly;
  const ComparedMethod compared{input.method, input.method, input.configuration.edit};
  const ComparisonRequest request{
      .setup = input.setup, .setup_windows = setup, .slice = slice, .evaluation = {}, .seeds = {}};
  const AdaptReport report = LearnFromSlice(compared, input.context, request).report;
  if (report.prior.has_value()) return report.prior->chosen.validation_ndcg10;
  if (report.kept_validation_ndcg10.has_value()) return *report.kept_validation_ndcg10;
  double best = 0;
  for (const CheckpointScore& score : report.curve) best = std::max(best, score.validation_ndcg10);
  return best;
}

void RunCell(const CellInput& input, const fs::path& folder) {
  const Stopwatch watch;
  fs::create_directories(folder.parent_path());
  AtomicDirectory writing(folder);
  const Protocol protocol = OptionsOf(input.data).protocol;
  nlohmann::ordered_json cell = {{"format", "raie-cell"},
                                 {"version", 1},
                                 {"raie", kVersion},
                                 {"protocol", EnumNames(Protocol{})[static_cast<int>(protocol)]}};
  cell.update(input.about);
  cell.update(protocol == Protocol::kLeaveLastOut ? RunSanity(input, writing.path())
              : protocol == Protocol::kStream     ? RunStream(input, writing.path())
                                                  : RunSlices(input, writing.path()));
  nlohmann::ordered_json times;
  for (const char* key : {kLearnSeconds, kPriorSeconds}) {
    if (!cell.contains(key)) continue;
    times[key] = cell.at(key);
    cell.erase(key);
  }
  cell["configuration"] =
      SectionsToJson(input.configuration, {"", "backbone", "fit", "regions", "edit"});
  WriteFileAtomically(writing.path() / "cell.json", cell.dump(2) + "\n");
  times["seconds"] = watch.seconds();
  WriteFileAtomically(writing.path() / "times.json", times.dump(2) + "\n");
  writing.Commit();
}

}  // namespace raie
