#include "report/regions_section.h"

#include <algorithm>

#include "base/number_text.h"
#include "report/comparison_section.h"

namespace raie {
namespace {

constexpr std::size_t kRegionsShown = 40;  // of a chart with a line a region

ReportJson Optional(const std::optional<double>& value) {
  return value.has_value() ? FiniteOrNull(*value) : ReportJson();
}

ReportJson Of(const ReportJson& object, const char* key) {
  return object.is_null() ? ReportJson() : object.value(key, ReportJson());
}

// {"value", "low", "high"} of an object that has more; null where there is none.
ReportJson IntervalOnly(const ReportJson& object, const char* value) {
  if (!Of(object, value).is_number()) return nullptr;
  return {{"value", object.at(value)}, {"low", object.at("low")}, {"high", object.at("high")}};
}

std::string FateOf(const RegionOutcome& outcome) {
  if (outcome.training.is_null()) return "";
  if (!outcome.training.value("trained", false)) return "kept as it was";
  return outcome.training.value("kept", true) ? "trained" : "trained, not kept";
}

std::vector<std::string> Named(const std::vector<RegionOutcome>& outcomes,
                               bool (*is)(const RegionOutcome&)) {
  std::vector<std::string> names;
  for (const RegionOutcome& outcome : outcomes) {
    if (is(outcome)) names.push_back(std::to_string(Index(outcome.region)));
  }
  return names;
}

bool Drifts(const RegionOutcome& outcome) {
  return !outcome.drift.is_null() && outcome.drift.value("drifts", false);
}
bool Trained(const RegionOutcome& outcome) {
  return !outcome.training.is_null() && outcome.training.value("trained", false);
}
bool Gained(const RegionOutcome& outcome) {
  return !outcome.gain.is_null() && outcome.gain.at("verdict") == "better";
}
bool Lost(const RegionOutcome& outcome) {
  return !outcome.gain.is_null() && outcome.gain.at("verdict") == "worse";
}

// "regions 2 and 4", "region 2", "no region".
std::string Regions(const std::vector<std::string>& names) {
  if (names.empty()) return "no region";
  if (names.size() > 12) return CountOf(std::ssize(names), "region");
  return (names.size() == 1 ? "region " : "regions ") + ListOfNames(names, 12);
}

std::string Sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

std::string Takeaway(const std::vector<RegionOutcome>& outcomes, const std::string& part) {
  const bool measured = std::ranges::any_of(outcomes, [](const RegionOutcome& outcome) {
    return Of(outcome.drift, "drift").is_number();
  });
  std::string text = measured ? Regions(Named(outcomes, Drifts)) + " drifted" : "";
  const bool known = std::ranges::any_of(
      outcomes, [](const RegionOutcome& outcome) { return !outcome.training.is_null(); });
  if (known) {
    text += (text.empty() ? "" : "; ") + Regions(Named(outcomes, Trained)) + " learnt";
  }
  text = text.empty() ? "What the regions learnt is not recorded" : Sentence(text);
  const bool tested = std::ranges::any_of(
      outcomes, [](const RegionOutcome& outcome) { return !outcome.gain.is_null(); });
  if (!tested) return text + ".";
  text += ". Over frozen on " + PartLabel(part) + ", " + Regions(Named(outcomes, Gained)) +
          " gained significantly";
  const auto lost = Named(outcomes, Lost);
  return text + (lost.empty() ? "." : " and " + Regions(lost) + " lost.");
}

// What each region asks for; null if nothing is known of it.
ReportJson WordsTable(const RegionStudy& study, const std::vector<RegionOutcome>& outcomes,
                      const std::map<RegionId, RegionWords>& words) {
  const bool has_categories = std::ranges::any_of(
      words, [](const auto& entry) { return !entry.second.categories.empty(); });
  ReportTable table{.columns = {{"region", "Region", "count"}, {"share", "Traffic", "percent"}}};
  if (has_categories) {
    table.columns.push_back({"categories", "Asks for more than others do", "words",
                             "share of its targets, and how many times the share of all"});
  }
  table.columns.push_back({"items", "Most frequent targets", "words"});
  for (const RegionOutcome& one : outcomes) {
    const auto found = words.find(one.region);
    if (found == words.end() || one.windows == 0) continue;
    ReportJson row = {Index(one.region), static_cast<double>(one.windows) /
                                             static_cast<double>(study.results->size())};
    if (has_categories) row.push_back(found->second.categories);
    row.push_back(found->second.items);
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) return nullptr;
  return TableBlock(
      {.id = "region-words",
       .title = "What each region is about",
       .note = "Targets of the windows of " + PartLabel(study.part) +
               " that were routed to the region. In brackets: how many times as often "
               "as in all windows."},
      table);
}

// How far apart regions lie, in all.
std::string SeparabilityText(const RegionStudy& study) {
  const ReportJson comparison = study.about.value("comparison", ReportJson::object());
  const ReportJson before = Of(comparison, "separability_before");
  const ReportJson after = Of(comparison, "separability_after");
  if (!before.is_number() || !after.is_number()) return "";
  return "Separability " + Fixed(before, 2) + " before the edit, " + Fixed(after, 2) +
         " after: the angle to the nearest other centre in radii, mean over the regions.";
}

ReportJson RegionTable(const RegionStudy& study, const std::vector<RegionOutcome>& outcomes) {
  const std::string part = PartLabel(study.part);
  ReportTable table{
      .columns = {{"region", "Region", "count"},
                  {"size", "Size", "count", "windows the centre was fitted on, before the edit"},
                  {"share_learnt", "Traffic learnt", "percent",
                   "share of the windows of the slice learnt (last)"},
                  {"share_judged", "Traffic tested", "percent"},
                  {"drift", "Drift (nats)", "change_interval",
                   "loss on the new windows over that on windows held out before"},
                  {"fate", "Adapter"},
                  {"gain", "Gain over frozen", "change_interval", "of NDCG@10 on " + part},
                  {"gain_p", "p (Holm)", "p", "Wilcoxon over users, adjusted over the regions"},
                  {"verdict", "Verdict", "verdict"},
                  {"displacement_deg", "Moved", "degrees", "angle between the centres"},
                  {"radius_before_deg", "Radius before", "degrees",
                   "measured: the quantile of the angles of S windows"},
                  {"radius_after_deg", "Radius after", "degrees"},
                  {"area_change", "Area", "percent_change",
                   "change of the area of the cap on the 2-sphere"},
                  {"separability", "Apart", "number",
                   "angle to the nearest other centre over the own radius"},
                  {"updates", "Updates", "count"},
                  {"expands", "Expands", "count"},
                  {"adds", "Adds near", "count", "windows set aside that lay nearest to it"}}};
  const double all = study.results.has_value() ? static_cast<double>(study.results->size()) : 0;
  for (const RegionOutcome& one : outcomes) {
    const ReportJson area = Of(one.change, "area_change_percent");
    ReportJson row = {Index(one.region),
                      one.before == nullptr ? ReportJson() : ReportJson(one.before->num_members),
                      Of(one.drift, "share"),
                      all == 0 ? ReportJson() : ReportJson(static_cast<double>(one.windows) / all),
                      IntervalOnly(one.drift, "drift"),
                      FateOf(one),
                      IntervalOnly(one.gain, "value"),
                      Of(one.gain, "p_adjusted"),
                      one.gain.is_null() ? ReportJson("") : one.gain.at("verdict"),
                      Optional(one.displacement_deg),
                      Of(one.change, "radius_before_deg"),
                      Of(one.change, "radius_after_deg"),
                      area.is_number() ? ReportJson(area.get<double>() / 100) : ReportJson(),
                      Optional(one.separability),
                      one.updated,
                      one.expanded,
                      one.added_near};
    table.rows.push_back(std::move(row));
  }
  DropEmptyColumns(table);
  return TableBlock({.id = "regions",
                     .title = "Region by region",
                     .takeaway = SeparabilityText(study),
                     .note = "Of " + study.name() +
                             "; regions differ from seed to seed. Gains are of this seed alone, "
                             "with intervals over users."},
                    table);
}

ReportJson DriftFigure(const RegionStudy& study, const std::vector<RegionOutcome>& outcomes) {
  ReportTable table{.columns = {{"label", "Region"},
                                {"part", "Measure"},
                                {"value", "Value", "change_interval"},
                                {"verdict", "Verdict", "verdict"},
                                {"share", "Share of traffic", "percent"}}};
  std::vector<const RegionOutcome*> shown;
  for (const RegionOutcome& outcome : outcomes) shown.push_back(&outcome);
  if (shown.size() > kRegionsShown) shown.resize(kRegionsShown);
  const double all = study.results.has_value() ? static_cast<double>(study.results->size()) : 0;
  const auto add = [&](const char* part, const RegionOutcome& one, const ReportJson& value,
                       const std::string& verdict) {
    table.rows.push_back(
        {"region " + std::to_string(Index(one.region)), part, value, verdict,
         all == 0 ? ReportJson() : ReportJson(static_cast<double>(one.windows) / all)});
  };
  for (const RegionOutcome* one : shown) {
    const ReportJson drift = IntervalOnly(one->drift, "drift");
    if (drift.is_null()) continue;
    add("drift before learning (nats)", *one, drift, Drifts(*one) ? "drifts" : "same");
  }
  for (const RegionOutcome* one : shown) {
    if (one->gain.is_null()) continue;
    add("gain over frozen (NDCG@10)", *one, IntervalOnly(one->gain, "value"),
        one->gain.at("verdict"));
  }
  if (table.rows.empty()) {
    return MissingBlock(
        "Drift and gain of regions need the drift gate (--editor raie) or the method frozen in the "
        "same run.");
  }
  const std::string limit = outcomes.size() > kRegionsShown
                                ? "The " + std::to_string(kRegionsShown) +
                                      " regions with most "
                                      "traffic of " +
                                      Count(std::ssize(outcomes)) + ". "
                                : "";
  return FigureBlock(
      {.id = "region-drift",
       .chart = "intervals",
       .title = "Where it drifted, and where it helped",
       .takeaway = Takeaway(outcomes, study.part),
       .note = limit + "Lines are 95 % intervals over users of means over windows; "
                       "filled marks are significant after Holm's correction over the regions. "
                       "Squares: as the drift gate decided, whose test counts each user once."},
      table, {{"label", "label"}, {"panel", "part"}, {"value", "value"}, {"zero", true}});
}

}  // namespace

ReportJson RegionsSection(const RegionMapInput& input, TaskPool& pool) {
  const RegionStudy& study = input.study;
  std::vector<RegionOutcome> outcomes = OutcomesOf(study, pool);
  if (outcomes.size() > kRegionsShown) {  // what matters first
    std::ranges::stable_sort(outcomes, std::ranges::greater(), &RegionOutcome::windows);
  }
  std::vector<ReportJson> blocks;
  blocks.push_back(RegionMapFigure(input, pool));
  if (input.data != nullptr) {
    ReportJson words = WordsTable(study, outcomes, DescribeRegions(study, *input.data));
    if (!words.is_null()) blocks.push_back(std::move(words));
  }
  blocks.push_back(DriftFigure(study, outcomes));
  blocks.push_back(RegionTable(study, outcomes));
  if (!study.frozen.has_value()) {
    blocks.push_back(
        MissingBlock("Gains over frozen need the method frozen: add it to --methods."));
  }
  return SectionOf("regions", "Regions", std::move(blocks));
}

ReportJson NoRegionsSection() {
  return SectionOf("regions", "Regions",
                   {MissingBlock("No cell of this run edits regions: add raie to --methods.")});
}

}  // namespace raie
