#include "service/evaluate_model.h"

#include <memory>
#include <string>

#include "methods/group_trainer.h"
#include "methods/setup.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"
#include "store/model_directory.h"

namespace raie {

nlohmann::ordered_json EvaluateModel(const std::filesystem::path& path, const PreparedData& data,
                                     const EvaluateOptions& options, const PhaseControl& control) {
  const ModelDirectory model = ModelDirectory::Open(path);
  const std::int32_t version =
      options.version == kCurrentVersion ? model.current() : options.version;
  const VersionInfo info = model.LoadInfo(version);
  CheckDataMatches(data, info, model.LoadItemNames(version));
  const int slice = options.slice == kLastSlice ? data.num_slices() - 1 : options.slice;
  if (slice < 1 || slice >= data.num_slices()) {
    throw Error(ErrorCode::kInvalidArgument, "slice " + std::to_string(slice) +
                                                 ": the test slice must lie between 1 and " +
                                                 std::to_string(data.num_slices() - 1));
  }
  // Items that are new since the version was made get rows, as they would at an edit.
  const auto snapshot = std::make_shared<const Snapshot>(
      WithCatalogue(ForData(model.LoadSnapshot(version), data), RankedCatalogue(data, slice - 1),
                    info.configuration.at("seed").get<std::uint64_t>()));
  NoteArithmetic(control, *snapshot->backbone);
  const SnapshotScorer scorer(snapshot);
  EvaluationRequest request;
  request.windows = model.info().windows;
  request.test_slice = slice;
  request.catalogue_size = snapshot->catalogue_size;
  request.seen = model.info().seen();
  request.setup_part = options.setup_part;
  request.prior = snapshot->prior.get();
  StartPhase(control, "evaluating");
  const EvaluationReport report = Evaluate(scorer, data, request, control.Pass("evaluate"));
  CheckNotCancelled(control, "the result was complete");
  nlohmann::ordered_json result = ToJson(report);
  result["slice"] = slice;
  result["version"] = version;
  result["in_sample"] = slice <= info.slice;
  return result;
}

}  // namespace raie
