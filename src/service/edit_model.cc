#include "service/edit_model.h"

#include <numbers>
#include <optional>
#include <string>
#include <utility>

#include "evaluation/comparison.h"
#include "methods/group_trainer.h"
#include "methods/method.h"
#include "methods/popularity_prior.h"
#include "methods/slice_plan.h"
#include "service/next_slice.h"
#include "store/journal.h"
#include "store/model_directory.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

nlohmann::ordered_json DegreesOrNull(const std::optional<double>& radians) {
  return radians.has_value() ? OrNull(*radians * 180 / std::numbers::pi) : OrNull(std::nullopt);
}

nlohmann::ordered_json TrainingToJson(const AdaptReport& report) {
  nlohmann::ordered_json gains = nlohmann::ordered_json::array();
  for (const RegionGain& gain : report.gains) {
    gains.push_back({{"region", Index(gain.region)},
                     {"gains", gain.gains},
                     {"change", gain.change},
                     {"users", gain.users},
                     {"p_value", gain.p_value},
                     {"p_adjusted", gain.p_adjusted}});
  }
  return {{"samples", report.training.samples},
          {"steps", report.training.steps},
          {"trained_parameters", report.training.trained_parameters},
          {"tuning_samples", report.tuning.samples},
          {"chosen_share", report.chosen_share},
          {"bytes_kept", report.bytes_kept},
          {"gains", gains},
          {"regions", RegionsToJson(report)}};
}

nlohmann::ordered_json ReportOf(const AdaptReport& report, const PreparedData& data) {
  nlohmann::ordered_json json = {{"edits", ToJson(report.edits)},
                                 {"comparison", ToJson(report.comparison)},
                                 {"drift", ToJson(report.drift, data)},
                                 {"training", TrainingToJson(report)}};
  if (report.prior.has_value()) json["popularity_prior"] = ToJson(*report.prior);
  return json;
}

struct Edited {
  Snapshot snapshot;
  AdaptReport report;
};

Edited Learn(const NextSlice& next, const PreparedData& data, const PhaseControl& control) {
  const std::unique_ptr<Method> raie =
      MakeMethod("raie", next.run_context(data, control), next.configuration.edit);
  raie->Prepare(next.before, next.windows.memory);
  AdaptReport report = raie->Adapt(next.adapt_slice(data));
  return {*raie->snapshot(), std::move(report)};
}

// A slice too short for a window must not bar the way to those after it: its items become known,
// and its events count where a prior was chosen before.
Edited LearnItemsOnly(const NextSlice& next, const PreparedData& data) {
  const AdaptSlice slice = next.adapt_slice(data);
  Edited edited{WithCatalogue(next.before, slice.catalogue_size,
                              static_cast<std::uint64_t>(next.configuration.seed)),
                {}};
  edited.snapshot.slice = next.slice;
  if (next.prior != nullptr && next.configuration.edit.popularity_prior.use == PriorUse::kOn) {
    edited.snapshot.prior = std::make_shared<const PopularityPrior>(CountPrior(
        data, slice,
        {.weight = next.prior->weight, .half_life_seconds = next.prior->half_life_seconds}));
  }
  return edited;
}

}  // namespace

nlohmann::ordered_json OrNull(const std::optional<double>& value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json ToJson(const EditSummary& summary) {
  nlohmann::ordered_json regions = nlohmann::ordered_json::array();
  for (const RegionEdits& region : summary.regions) {
    regions.push_back({{"region", Index(region.region)},
                       {"updated", region.updated},
                       {"expanded", region.expanded},
                       {"added_near", region.added_near},
                       {"accepted", region.accepted}});
  }
  return {{"updated", summary.updated},
          {"expanded", summary.expanded},
          {"added", summary.added},
          {"add_refused", summary.add_refused},
          {"regions_added", summary.regions_added},
          {"candidates_refused", summary.candidates_refused},
          {"dropped", summary.dropped},
          {"left_in_buffer", summary.left_in_buffer},
          {"regions", regions}};
}

nlohmann::ordered_json ToJson(const RegionComparison& comparison) {
  nlohmann::ordered_json regions = nlohmann::ordered_json::array();
  for (const RegionChange& change : comparison.regions) {
    regions.push_back({{"region", Index(change.region)},
                       {"displacement_deg", change.displacement_deg},
                       {"radius_before_deg", DegreesOrNull(change.radius_before_rad)},
                       {"radius_after_deg", DegreesOrNull(change.radius_after_rad)},
                       {"area_change_percent", OrNull(change.area_change_percent)}});
  }
  return {{"separability_before", OrNull(comparison.separability_before)},
          {"separability_after", OrNull(comparison.separability_after)},
          {"regions", regions}};
}

nlohmann::ordered_json ToJson(const DriftReport& report, const PreparedData& data) {
  nlohmann::ordered_json regions = nlohmann::ordered_json::array();
  for (const RegionDriftReport& region : report.regions) {
    const RegionDrift& drift = region.drift;
    nlohmann::ordered_json top = nlohmann::ordered_json::array();
    for (const auto& [item, windows] : region.top_items) {
      top.push_back(
          {{"item", data.item_id(item)}, {"title", data.title(item)}, {"windows", windows}});
    }
    regions.push_back({{"region", Index(drift.region)},
                       {"drifts", drift.drifts},
                       {"drift", drift.drift},
                       {"low", drift.low},
                       {"high", drift.high},
                       {"p_value", drift.p_value},
                       {"p_adjusted", drift.p_adjusted},
                       {"share", region.share},
                       {"windows", drift.recent_windows},
                       {"users", drift.recent_users},
                       {"held_out_windows", drift.held_out_windows},
                       {"pooled", drift.pooled},
                       {"top_items", top}});
  }
  return regions;
}

nlohmann::ordered_json EditModelDirectory(const fs::path& path, const PreparedData& data, int slice,
                                          const PhaseControl& control) {
  NextSlice next = LoadNextSlice(path, data, slice, control);
  next.model.CheckMayAppend();
  const bool trains = next.windows.training.size() > 0;
  const Edited edited = trains ? Learn(next, data, control) : LearnItemsOnly(next, data);
  const AdaptReport& report = edited.report;
  CheckNotCancelled(control, "the new version was written; the model is as it was");

  StartPhase(control, "writing");
  const Snapshot& after = edited.snapshot;
  VersionInfo info;
  info.parent = next.current.number;
  info.slice = next.slice;
  info.catalogue_size = after.catalogue_size;
  info.old_catalogue_size = after.old_catalogue_size;
  info.data_digest = data.lineage()[next.slice];
  info.configuration = SectionsToJson(next.configuration, {"", "edit"});
  info.report = ReportOf(report, data);
  const std::int32_t version =
      next.model.Append({.snapshot = after,
                         .names = NamesOf(data, after.catalogue_size),
                         .info = info,
                         .journal = JournalText(report.journal, next.windows.training, data)});
  nlohmann::ordered_json result = {{"version", version},
                                   {"parent", next.current.number},
                                   {"slice", next.slice},
                                   {"interval", next.configuration.edit.drift.interval},
                                   {"seconds", report.seconds}};
  if (report.prior.has_value()) result["prior_seconds"] = report.prior->seconds;
  if (!trains) {
    result["note"] = "slice " + std::to_string(next.slice) +
                     " has no window to train on; the version knows its new items, nothing else "
                     "changed";
  }
  result.update(info.report);
  return result;
}

nlohmann::ordered_json MeasureModelDrift(const fs::path& path, const PreparedData& data, int slice,
                                         const PhaseControl& control) {
  const NextSlice next = LoadNextSlice(path, data, slice, control);
  CheckHasTraining(next.windows, next.slice, data);
  StartPhase(control, "measuring drift");
  const SlicePlan plan = MeasureSliceDrift(next.run_context(data, control), next.configuration.edit,
                                           next.before, next.adapt_slice(data));
  return {{"version", next.current.number},
          {"slice", next.slice},
          {"interval", next.configuration.edit.drift.interval},
          {"edits", ToJson(plan.edits.summary)},
          {"drift", ToJson(*plan.drift, data)}};
}

}  // namespace raie
