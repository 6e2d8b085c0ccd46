#include "report/sweep_section.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/number_text.h"
#include "report/comparison_section.h"

namespace raie {
namespace {

constexpr const char* kAblations[] = {"raie_wo_kr", "raie_wo_ke", "raie_wo_all", "random_regions"};

bool IsAblation(const std::string& method) {
  return std::ranges::find(kAblations, method) != std::end(kAblations);
}

// What each row of the ablation is.
std::string Explanation(const std::string& method) {
  if (method == "raie") return "regions, edited; an adapter for each";
  if (method == "raie_wo_kr") return "one adapter on the same rows: no adapters by region";
  if (method == "raie_wo_ke") return "regions of S as they were: no edits";
  if (method == "raie_wo_all") return "neither: one LoRA";
  if (method == "random_regions") return "regions by a hash of the user";
  return "";
}

ReportJson AblationFigure(const ReportJson& results, const std::string& judged) {
  ReportTable table{.columns = {{"method", "Method"},
                                {"what", "What it is", "words"},
                                {"part", "Windows"},
                                {"ndcg10", "NDCG@10", "interval"},
                                {"verdict", "Verdict", "verdict"}}};
  std::vector<const ReportJson*> rows = BaseRows(results);
  const bool any = std::ranges::any_of(
      rows, [](const ReportJson* row) { return IsAblation(row->at("method")); });
  std::erase_if(rows, [](const ReportJson* row) {
    const std::string method = row->at("method");
    return method != "raie" && !IsAblation(method);
  });
  // The whole method first.
  std::ranges::stable_sort(rows, std::ranges::greater(),
                           [](const ReportJson* row) { return row->at("method") == "raie"; });
  if (!any || rows.size() < 2) {
    return MissingBlock(
        "No ablation in this run: add --methods raie,raie_wo_kr,raie_wo_ke,raie_wo_all,"
        "random_regions to the raie compare command (its finished cells are kept).");
  }
  const std::string reference = results.at("reference");
  for (const std::string& part : PartsByInterest(results)) {
    for (const ReportJson* row : rows) {
      if (!row->contains(part)) continue;
      const std::string verdict = VerdictOf(*row, part);
      table.rows.push_back({RowName(results, *row), Explanation(row->at("method")), PartLabel(part),
                            IntervalOf(*row, part, "ndcg@10"),
                            verdict.empty() ? "reference" : verdict});
    }
  }
  const bool direct = reference == "raie";
  return FigureBlock(
      {.id = "ablation",
       .chart = "intervals",
       .title = "What each part of RAIE is worth",
       .takeaway = VerdictSentence(results, judged, rows),
       .note = std::string("Means of NDCG@10 with 95 % intervals; verdicts are against ") +
               reference + "." +
               (direct ? ""
                       : " To test each part against the whole method, run raie compare with "
                         "--reference raie.")},
      table, {{"label", "method"}, {"panel", "part"}, {"value", "ndcg10"}, {"help", "what"}});
}

std::optional<double> NumberOf(const std::string& text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

struct SweptKey {
  std::string key;
  std::vector<std::string> values;
};

// Keys that some points give different values, in order of appearance.
std::vector<SweptKey> SweptKeys(const std::vector<const ReportJson*>& rows) {
  std::vector<SweptKey> keys;
  for (const ReportJson* row : rows) {
    for (const auto& [key, value] : SettingsOfPoint(row->at("point"))) {
      auto found = std::ranges::find(keys, key, &SweptKey::key);
      if (found == keys.end()) found = keys.insert(keys.end(), SweptKey{key, {}});
      if (std::ranges::find(found->values, value) == found->values.end()) {
        found->values.push_back(value);
      }
    }
  }
  std::erase_if(keys, [](const SweptKey& key) { return key.values.size() < 2; });
  return keys;
}

ReportJson SweepFigure(const ReportJson& results, const SweptKey& swept,
                       const std::vector<const ReportJson*>& rows, const std::string& judged) {
  ReportTable table{.columns = {{"series", "Series"},
                                {"x", swept.key, "number"},
                                {"value", "Value"},
                                {"part", "Windows"},
                                {"ndcg10", "NDCG@10", "interval"},
                                {"verdict", "Verdict", "verdict"}}};
  const bool numbers = std::ranges::all_of(
      swept.values, [](const std::string& value) { return NumberOf(value).has_value(); });
  struct Extreme {
    double low = 0;
    double high = 0;
    bool any = false;
  };
  std::map<std::string, Extreme> ranges;
  for (const std::string& part : PartsByInterest(results)) {
    for (const ReportJson* row : rows) {
      if (!row->contains(part)) continue;
      std::string value;
      std::string series = RowName(results, *row);
      for (const auto& [key, of_key] : SettingsOfPoint(row->at("point"))) {
        if (key == swept.key) {
          value = of_key;
        } else {
          series += (series == RowName(results, *row) ? " at " : ", ") + key + "=" + of_key;
        }
      }
      if (value.empty()) continue;
      const auto place = std::ranges::find(swept.values, value) - swept.values.begin();
      const double x = numbers ? *NumberOf(value) : static_cast<double>(place);
      const ReportJson interval = IntervalOf(*row, part, "ndcg@10");
      const std::string verdict = VerdictOf(*row, part);
      table.rows.push_back(
          {series, x, value, PartLabel(part), interval, verdict.empty() ? "reference" : verdict});
      if (part != judged || interval.is_null()) continue;
      Extreme& range = ranges[series];
      const double mean = interval.at("value");
      range.low = range.any ? std::min(range.low, mean) : mean;
      range.high = range.any ? std::max(range.high, mean) : mean;
      range.any = true;
    }
  }
  std::string spread;
  for (const auto& [series, range] : ranges) {
    spread += (spread.empty() ? "" : "; ") + series + " from " + Fixed(range.low, 4) + " to " +
              Fixed(range.high, 4);
  }
  const bool regions = swept.key == "regions.k";
  return FigureBlock(
      {.id = regions ? "sensitivity-k" : "sweep-" + swept.key,
       .chart = "lines",
       .title = regions ? "Sensitivity to the number of regions K" : "Sensitivity to " + swept.key,
       .takeaway = "Over " + std::to_string(swept.values.size()) + " values of " +
                   (regions ? "K" : swept.key) + ", means of NDCG@10 on " + PartLabel(judged) +
                   " range: " + spread + ".",
       .note =
           "Means with 95 % intervals. Filled points differ significantly from the reference "
           "method at the same settings; points of one line were not tested against each other."},
      table, {{"x", regions ? "number of regions K" : swept.key}, {"numbers", numbers}});
}

ReportJson FrontierFigure(const ReportJson& results) {
  const ReportJson curves = results.value("frontiers", ReportJson::array());
  if (curves.empty()) {
    return MissingBlock(
        "No frontier in this run: raie compare --frontier runs each method at five values of its "
        "stability knob.");
  }
  ReportTable table{.columns = {{"series", "Curve"},
                                {"point", "Point"},
                                {"S_held_out", "NDCG@10 on S held-out", "score"},
                                {"T", "NDCG@10 on T", "score"},
                                {"gain", "Gain under the curve", "change_interval"},
                                {"verdict", "Verdict", "verdict"}}};
  std::map<std::string, std::vector<std::string>> verdicts;
  std::set<std::string> backbones;
  for (const ReportJson& curve : curves) backbones.insert(curve.at("backbone").get<std::string>());
  for (const ReportJson& curve : curves) {
    std::string name = curve.at("method");
    const std::string tuned = curve.at("tuned_at");
    if (tuned != "base") name += " (" + tuned + ")";
    if (backbones.size() > 1) name += ", " + curve.at("backbone").get<std::string>();
    const std::string verdict =
        curve.contains("against") ? curve.at("against").at("verdict").get<std::string>() : "";
    verdicts[verdict].push_back(name);
    for (const ReportJson& point : curve.at("points")) {
      table.rows.push_back({name, point.at("point"), point.at("S_held_out"), point.at("T"),
                            curve.value("area", ReportJson()),
                            verdict.empty() ? "reference" : verdict});
    }
  }
  const std::string reference = results.at("reference");
  std::string takeaway = "By the area under the curve, ";
  takeaway += verdicts["better"].empty()
                  ? "no curve is significantly above that of " + reference
                  : ListOfNames(verdicts["better"]) + " significantly above " + reference;
  if (!verdicts["worse"].empty()) takeaway += "; " + ListOfNames(verdicts["worse"]) + " below";
  return FigureBlock(
      {.id = "frontier",
       .chart = "frontier",
       .title = "What is kept of the past for what is gained",
       .takeaway = takeaway + ".",
       .note = "Each curve is one method at several values of its stability knob: up is better on "
               "T, right keeps more of S. The gain is the mean height over frozen between the "
               "lowest and the highest S of all curves."},
      table);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> SettingsOfPoint(const std::string& point) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t at = 0; at < point.size();) {
    const std::size_t comma = std::min(point.find(',', at), point.size());
    const std::string piece = point.substr(at, comma - at);
    const std::size_t equals = piece.find('=');
    if (equals != std::string::npos) {
      settings.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
    } else if (!settings.empty()) {
      settings.back().second += "," + piece;  // the next element of a list
    }
    at = comma + 1;
  }
  return settings;
}

ReportJson SweepSection(const RunFiles& run) {
  const ReportJson& results = run.results();
  const std::string judged = run.judged_part();
  std::vector<ReportJson> blocks;
  if (!run.has_results()) {
    blocks.push_back(MissingBlock("Ablations and sweeps need results."));
    return SectionOf("sweeps", "What matters", std::move(blocks));
  }
  blocks.push_back(AblationFigure(results, judged));
  // Points of a frontier are each of one method: they are drawn as curves below.
  const ReportJson frontiers = results.value("frontiers", ReportJson::array());
  const std::vector<const ReportJson*> rows =
      frontiers.empty() ? FinishedRows(results) : std::vector<const ReportJson*>();
  const std::vector<SweptKey> keys = SweptKeys(rows);
  for (const SweptKey& key : keys) blocks.push_back(SweepFigure(results, key, rows, judged));
  const bool has_k = std::ranges::count(keys, "regions.k", &SweptKey::key) > 0;
  if (!has_k) {
    blocks.push_back(MissingBlock(
        "No sweep over K in this run: raie compare --methods raie --sweep "
        "regions.k=1,2,3,5,8,12,20 in a folder of its own draws the sensitivity to K."));
  }
  blocks.push_back(FrontierFigure(results));
  return SectionOf("sweeps", "What matters", std::move(blocks));
}

}  // namespace raie
