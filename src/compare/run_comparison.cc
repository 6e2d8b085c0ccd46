#include "compare/run_comparison.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/memory.h"
#include "base/number_text.h"
#include "base/stopwatch.h"
#include "compare/cell.h"
#include "compare/fitted_models.h"
#include "compare/frontier.h"
#include "compare/probe.h"
#include "compare/results.h"
#include "compare/run_folder.h"
#include "compare/tables.h"
#include "compare/time_book.h"
#include "compare/tuning.h"
#include "data/prepare.h"
#include "evaluation/protocols.h"
#include "methods/as_released.h"
#include "methods/budget.h"
#include "raie/error.h"
#include "raie/version.h"
#include "service/fit_model.h"
#include "service/keep_border.h"
#include "service/slice_windows.h"

namespace raie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void CheckProtocol(const PreparedData& data, const std::string& wanted, bool frontier) {
  const Protocol protocol = OptionsOf(data).protocol;
  if (frontier && protocol != Protocol::kStrict && protocol != Protocol::kPaper) {
    throw Error(ErrorCode::kInvalidArgument,
                "compare: --frontier sets S held-out against T; data prepared with protocol " +
                    std::string(EnumNames(Protocol{})[static_cast<int>(protocol)]) +
                    " has not both; prepare it with strict or paper");
  }
  const std::string prepared = EnumNames(Protocol{})[static_cast<int>(protocol)];
  if (!wanted.empty() && FindProtocol(wanted).name != prepared) {
    throw Error(ErrorCode::kInvalidArgument,
                "compare: the data set was prepared with protocol " + prepared + ", not " + wanted +
                    "; prepare it with raie data prepare --protocol " + wanted);
  }
  const int needed = protocol == Protocol::kStream ? 2 : 3;
  if (data.num_slices() < needed || (protocol != Protocol::kStream && data.num_slices() > 3)) {
    throw Error(ErrorCode::kInvalidArgument,
                "compare: the data set has " + std::to_string(data.num_slices()) +
                    " slices; protocol " + prepared + " compares on " +
                    (protocol == Protocol::kStream ? "two or more" : "three (S, F, T)"));
  }
}

// leave-last-out has no slice to learn from: backbones alone. as-released tunes nothing.
CompareOptions ForProtocol(CompareOptions options, const PreparedData& data) {
  if (OptionsOf(data).protocol == Protocol::kAsReleased) options.tune = 1;  // nothing is tuned
  if (!data.contexts_cross_slices()) return options;
  options.methods = {"frozen"};
  options.reference = "frozen";
  options.tune = 1;
  return options;
}

Json Identity(const PreparedData& data, const CompareOptions& options, const Settings& settings) {
  const Protocol protocol = OptionsOf(data).protocol;
  return {{"format", "raie-comparison"},
          {"version", 2},  // raised when cells come to mean something else
          {"data", data.digest()},
          {"protocol", EnumNames(Protocol{})[static_cast<int>(protocol)]},
          {"tune", options.tune},
          {"configuration", SectionsToJson(Configure(settings, protocol),
                                           {"", "backbone", "fit", "regions", "edit"})}};
}

class Comparison {
 public:
  Comparison(const PreparedData& data, const CompareRequest& request, const PhaseControl& control)
      : data_(data),
        request_(request),
        control_(control),
        options_(ForProtocol(request.options, data)),
        grid_(PlanGrid(options_)),
        run_(request.output, Identity(data, options_, control.settings)),
        fits_(data, run_.path()) {
    if (OptionsOf(data).protocol == Protocol::kAsReleased) {
      for (const std::string& method : grid_.methods) CheckReleased(method);
    }
    for (const Variant& variant : grid_.variants) {
      for (const std::string& method : grid_.trained(variant)) CheckSettings(variant, method);
      CheckBorder(ConfigureFit(data_, SettingsOf(variant, grid_.seeds.front(), {})), data_);
      for (const std::uint64_t seed : grid_.seeds) {
        fit_places_[{&variant, seed}] =
            fits_.PlaceOf(ConfigureFit(data_, SettingsOf(variant, seed, {})));
      }
    }
    if (OptionsOf(data).protocol == Protocol::kStream && !Left().empty()) CheckSlices();
    ReadTimes();
  }

  Json Run() {
    const Json plan = Plan();
    if (request_.kind == RunKind::kPlanOnly) return plan;
    std::uint64_t last_seed = grid_.seeds.front();
    for (const Cell& cell : grid_.cells) {
      if (cell.seed != last_seed && computed_ >= grid_.methods.size()) Results();
      last_seed = cell.seed;
      const Variant& variant = grid_.variants[cell.variant];
      if (IsDone(cell)) continue;
      RunOrSayWhatIsDone(variant, cell);
      ++computed_;
    }
    NoteLeftOut();
    Json results = Results();
    SayWhatItTook();
    return results;
  }

 private:
  // Settings of one cell. Later ones win: the user's, the tuned ones, the variant's, the seed.
  Settings SettingsOf(const Variant& variant, std::uint64_t seed,
                      const TunedSettings& tuned) const {
    Settings settings = control_.settings;
    settings.values.insert(settings.values.end(), tuned.begin(), tuned.end());
    settings.values.insert(settings.values.end(), variant.settings.begin(), variant.settings.end());
    settings.values.push_back({"seed", std::to_string(seed), "--seeds"});
    return settings;
  }

  TuningGrid GridOf(const Variant& variant, const std::string& method) const {
    const Settings settings = SettingsOf(variant, grid_.seeds.front(), {});
    const Configuration configuration = ConfigureFit(data_, settings);
    return MakeTuningGrid(
        {.method = method,
         .editor = configuration.editor,
         .options = configuration.edit,
         .count = options_.tune,
         .is_given = [&](const std::string& key) { return IsGiven(settings, key); }});
  }

  // Before anything is run: every configuration of every cell must be one that works.
  void CheckSettings(const Variant& variant, const std::string& method) {
    const Variant& tuned_variant = grid_.tuned(variant);
    const TuningGrid grid = GridOf(tuned_variant, method);
    const auto& candidates = grid.candidates;
    NoteFewer(method, grid);
    CheckTunedAmong(tuned_variant, method, candidates);
    num_candidates_[TuningFile(tuned_variant, method)] = std::ssize(candidates);
    for (const TunedSettings& tuned : candidates) {
      const Configuration configuration =
          ConfigureFit(data_, SettingsOf(variant, grid_.seeds.front(), tuned));
      TaskPool one(1);
      MakeMethod(method, {.data = data_, .pool = one}, configuration.edit);
    }
  }

  bool IsDone(const Cell& cell) const {
    return run_.Has(CellFolder(grid_.variants[cell.variant], cell.method, cell.seed));
  }

  // Every slice of a stream must be one that can be learnt from: nothing is to end in its middle.
  void CheckSlices() const {
    const AdaptOptions options =
        ConfigureFit(data_, SettingsOf(grid_.variants.front(), grid_.seeds.front(), {})).edit;
    if (options.budget != BudgetKind::kEqual || grid_.methods == std::vector<std::string>{"frozen"})
      return;
    for (int slice = 1; slice < data_.num_slices(); ++slice) {
      const SliceWindows windows = MakeSliceWindows(data_, slice);
      CheckHasTraining(windows, slice, data_);
      SplitForTuning({.data = data_, .pool = control_.pool}, options,
                     MakeAdaptSlice(data_, slice, windows));
    }
  }

  // What was chosen earlier among other configurations would win over what the user gives now.
  void CheckTunedAmong(const Variant& variant, const std::string& method,
                       const std::vector<TunedSettings>& candidates) const {
    const fs::path file = TuningFile(variant, method);
    if (!run_.Has(file) || SameCandidates(run_.LoadJson(file), candidates)) return;
    throw Error(ErrorCode::kInvalidArgument,
                "compare: " + (run_.path() / file).string() +
                    " was chosen among other configurations than those that the settings given "
                    "now leave; give the settings of that run, or another --output");
  }

  // Says which methods get fewer configurations than the others, and why.
  void NoteFewer(const std::string& method, const TuningGrid& grid) {
    const auto tried = std::ssize(grid.candidates);
    if (grid.given.empty() || tried >= options_.tune) return;
    std::string keys;
    for (const std::string& key : grid.given) keys += (keys.empty() ? "" : ", ") + key;
    notes_.insert("note: " + method + " is tuned on " + std::to_string(tried) + " of " +
                  std::to_string(options_.tune) + " configurations, since you give " + keys);
  }

  static WorkNames FitNames(const std::string& backbone) { return {"fit " + backbone, "fit"}; }
  static WorkNames WorkOf(const char* kind, const Variant& variant, const std::string& method) {
    const std::string name = std::string(kind) + " " + variant.backbone;
    return {name + " " + method, name, kind};
  }

  // Times of earlier runs: what is finished tells best.
  void ReadTimes() {
    for (const Cell& cell : grid_.cells) {
      const Variant& variant = grid_.variants[cell.variant];
      const fs::path times = CellFolder(variant, cell.method, cell.seed) / "times.json";
      if (!run_.Has(times)) continue;
      book_.Measured(WorkOf("cell", variant, cell.method), run_.LoadJson(times).at("seconds"));
    }
    if (!run_.Has(kTimesFile)) return;
    for (const auto& entry : run_.LoadJson(kTimesFile)) {
      book_.Measured(entry.at("names").get<WorkNames>(), entry.at("seconds"));
      times_.push_back(entry);
    }
  }

  void Note(const WorkNames& names, double seconds) {
    book_.Measured(names, seconds);
    times_.push_back({{"names", names}, {"seconds", seconds}});
    run_.SaveJson(kTimesFile, times_);
  }

  // What is left to do from a cell on, in names of work.
  std::vector<WorkNames> Left() const {
    std::vector<WorkNames> left;
    std::set<fs::path> fits;
    std::set<fs::path> tunings;
    for (const Cell& cell : grid_.cells) {
      const Variant& variant = grid_.variants[cell.variant];
      if (IsDone(cell)) continue;
      const fs::path& fit = fit_places_.at({&variant, cell.seed});
      if (!run_.Has(fit) && fits.insert(fit).second) left.push_back(FitNames(variant.backbone));
      const fs::path tuning = TuningFile(grid_.tuned(variant), cell.method);
      const std::int64_t count = num_candidates_.at(tuning);
      if (count > 1 && !run_.Has(tuning) && tunings.insert(tuning).second) {
        left.insert(left.end(), count, WorkOf("tune", variant, cell.method));
      }
      left.push_back(WorkOf("cell", variant, cell.method));
    }
    return left;
  }

  double SecondsLeft() const {
    double seconds = 0;
    for (const WorkNames& names : Left()) seconds += book_.Estimate(names).value_or(0);
    return seconds;
  }

  // Measures what was never measured for a backbone that has work left.
  void Probe() {
    std::set<std::string> probed;
    for (const Cell& cell : grid_.cells) {
      const Variant& variant = grid_.variants[cell.variant];
      if (IsDone(cell)) continue;
      if (!probed.insert(variant.backbone).second) continue;
      if (book_.Estimate({"cell " + variant.backbone}).has_value()) continue;
      const Settings settings = SettingsOf(variant, cell.seed, {});
      StartPhase(control_, "measuring how long it will take");
      PhaseControl control = control_.With(settings);
      control.progress = nullptr;
      const ProbeTimes times = ProbeComparison(data_, control);
      book_.Guessed(FitNames(variant.backbone), times.fit_seconds);
      book_.Guessed({"tune " + variant.backbone, "tune"}, times.tune_seconds);
      book_.Guessed({"cell " + variant.backbone, "cell"}, times.cell_seconds);
    }
  }

  Json Plan() {
    std::map<std::string, std::int64_t> counts;
    for (const WorkNames& names : Left()) ++counts[names.back()];
    const auto all = std::ssize(grid_.cells);
    if (counts["cell"] > 0) Probe();
    const double seconds = SecondsLeft();
    std::size_t rows = 0;  // variants with each of their methods
    for (const Variant& variant : grid_.variants) rows += grid_.trained(variant).size();
    const std::string per_seed =
        options_.frontier ? std::to_string(rows) + " points"
                          : std::to_string(grid_.variants.size()) + " variants x " +
                                std::to_string(rows / grid_.variants.size()) + " methods";
    std::string line = std::to_string(all) + " cells (" + per_seed + " x " +
                       std::to_string(grid_.seeds.size()) + " seeds), " +
                       std::to_string(all - counts["cell"]) +
                       " done; left: " + std::to_string(counts["fit"]) + " fits, " +
                       std::to_string(counts["tune"]) + " tuning passes, " +
                       std::to_string(counts["cell"]) + " cells";
    if (counts["cell"] > 0) line += ", " + DurationText(seconds);
    if (request_.say) {
      request_.say(line);
      for (const std::string& note : notes_) request_.say(note);
    }
    return {{"cells", all},
            {"done", all - counts["cell"]},
            {"fits", counts["fit"]},
            {"tuning_passes", counts["tune"]},
            {"seconds", seconds}};
  }

  ProgressObserver Named(const std::string& what) const {
    if (!control_.progress) return nullptr;
    const std::string prefix = what + " (" + DurationText(SecondsLeft()) + " left in all): ";
    return [this, prefix](const Progress& progress) {
      Progress named = progress;
      named.phase = prefix + progress.phase;
      control_.progress(named);
    };
  }

  RunContext ContextOf(std::uint64_t seed, const ProgressObserver& observer) const {
    return {.data = data_,
            .pool = control_.pool,
            .seed = seed,
            .observer = observer,
            .cancel = control_.cancel,
            .refit = &refit_};
  }

  const Snapshot& SetupOf(const Configuration& configuration, const Settings& settings,
                          const ProgressObserver& observer) {
    refit_ = {configuration.backbone, configuration.fit, configuration.regions,
              WherePossible(configuration.border)};
    const bool fits = !fits_.Has(configuration);
    const Stopwatch watch;
    PhaseControl control = control_.With(settings);
    control.progress = observer;
    const Snapshot& setup = fits_.Get(configuration, control);
    if (fits) Note(FitNames(configuration.backbone.name), watch.seconds());
    return setup;
  }

  TunedSettings Tuned(const Variant& variant, const std::string& method) {
    const fs::path file = TuningFile(variant, method);
    if (run_.Has(file)) return ChosenSettings(run_.LoadJson(file));
    const std::uint64_t seed = grid_.seeds.front();
    const auto candidates = GridOf(variant, method).candidates;
    std::size_t tried = 0;
    const TuningChoice choice = ChooseBest(candidates, [&](const TunedSettings& tuned) {
      const auto observer =
          Named(variant.backbone + " " + method + ", tuning " + std::to_string(++tried) + "/" +
                std::to_string(candidates.size()));
      const Settings settings = SettingsOf(variant, seed, tuned);
      const Configuration configuration = ConfigureFit(data_, settings);
      const Snapshot& setup = SetupOf(configuration, settings, observer);
      const Stopwatch watch;
      const double ndcg = JudgeOnValidation({.data = data_,
                                             .method = method,
                                             .configuration = configuration,
                                             .setup = setup,
                                             .about = {},
                                             .context = ContextOf(seed, observer)});
      CheckNotCancelled(control_, "the tuning was complete");
      Note(WorkOf("tune", variant, method), watch.seconds());
      return ndcg;
    });
    run_.SaveJson(file, ToJson(choice));
    return choice.candidates[choice.chosen];
  }

  void RunOne(const Variant& variant, const Cell& cell) {
    const TunedSettings tuned = Tuned(grid_.tuned(variant), cell.method);
    const std::int64_t number = &cell - grid_.cells.data() + 1;
    const auto observer =
        Named("cell " + std::to_string(number) + "/" + std::to_string(grid_.cells.size()) + " " +
              variant.backbone + (variant.point == "base" ? "" : " " + variant.point) + " " +
              cell.method + " seed " + std::to_string(cell.seed));
    const Settings settings = SettingsOf(variant, cell.seed, tuned);
    const Configuration configuration = ConfigureFit(data_, settings);
    const Snapshot& setup = SetupOf(configuration, settings, observer);
    auto tuned_json = Json::object();
    for (const Setting& setting : tuned) {
      const bool swept = std::ranges::count(variant.settings, setting.key, &Setting::key) > 0;
      if (!swept) tuned_json[setting.key] = setting.value;
    }
    const Json about = {{"backbone", variant.backbone},
                        {"point", variant.point},
                        {"method", cell.method},
                        {"seed", cell.seed},
                        {"tuned", tuned_json},
                        {"data", data_.digest()},
                        {"fit", fits_.PlaceOf(configuration).string()}};
    const Stopwatch watch;
    RunCell({.data = data_,
             .method = cell.method,
             .configuration = configuration,
             .setup = setup,
             .about = about,
             .context = ContextOf(cell.seed, observer)},
            run_.path() / CellFolder(variant, cell.method, cell.seed));
    book_.Measured(WorkOf("cell", variant, cell.method), watch.seconds());
    CheckNotCancelled(control_, "all cells were run; the same command goes on");
  }

  void RunOrSayWhatIsDone(const Variant& variant, const Cell& cell) {
    try {
      RunOne(variant, cell);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      const auto done =
          std::ranges::count_if(grid_.cells, [&](const Cell& one) { return IsDone(one); });
      throw Error(ErrorCode::kCancelled, "compare stopped with " + std::to_string(done) + " of " +
                                             std::to_string(grid_.cells.size()) +
                                             " cells done; the same command goes on");
    }
  }

  // Says what lies in the folder and is not asked for this time.
  void NoteLeftOut() const {
    if (!request_.say || !run_.Has("cells")) return;
    std::set<fs::path> asked;
    for (const Cell& cell : grid_.cells) {
      asked.insert(CellFolder(grid_.variants[cell.variant], cell.method, cell.seed).parent_path());
    }
    std::string left_out;
    const fs::path& root = run_.path();
    for (auto at = fs::recursive_directory_iterator(root / "cells");
         at != fs::recursive_directory_iterator(); ++at) {
      if (at.depth() != 2) continue;  // backbone, point, method
      at.disable_recursion_pending();
      const fs::path row = at->path().lexically_relative(root);
      if (asked.contains(row)) continue;
      left_out += (left_out.empty() ? "" : ", ") + row.lexically_relative("cells").string();
    }
    if (left_out.empty()) return;
    request_.say("note: the tables hold what was asked for; also finished in " + root.string() +
                 ": " + left_out);
  }

  // Wall time of what the folder holds and is asked for, over all starts of the run.
  void SayWhatItTook() const {
    if (!request_.say) return;
    std::string line;
    for (const auto& [kind, name] :
         {std::pair{"fit", "fits"}, {"tune", "tuning passes"}, {"cell", "cells"}}) {
      const TimeBook::Sum took = book_.Total(kind);
      line += (line.empty() ? "took " : ", ") + std::to_string(took.count) + " " + name + ": " +
              DurationText(took.seconds);
    }
    request_.say(line + "; peak memory of this process " +
                 Fixed(1e-6 * static_cast<double>(PeakMemory()), 0) + " MB");
  }

  // Wall time: of everything a cell did, and of learning alone.
  std::string TimesCsv() const {
    std::string text = "backbone,point,method,seed,seconds,learn_seconds\n";
    for (const Cell& cell : grid_.cells) {
      const Variant& variant = grid_.variants[cell.variant];
      const fs::path file = CellFolder(variant, cell.method, cell.seed) / "times.json";
      if (!run_.Has(file)) continue;
      const Json times = run_.LoadJson(file);
      text += variant.backbone + ",\"" + variant.point + "\"," + cell.method + "," +
              std::to_string(cell.seed) + "," + times.at("seconds").dump() + "," +
              (times.contains("learn_seconds") ? times.at("learn_seconds").dump() : "") + "\n";
    }
    return text;
  }

  // Writes the tables of what is there so far.
  Json Results() {
    StartPhase(control_, "statistics");
    computed_ = 0;
    Json results = {{"format", "raie-results"},
                    {"version", 1},
                    {"data", data_.digest()},
                    {"protocol", run_.LoadJson("run.json").at("protocol")}};
    const auto parts = WindowParts(OptionsOf(data_).protocol);
    results.update(CollectResults(
        {.run = run_, .grid = grid_, .reference = options_.reference, .parts = parts},
        control_.pool));
    if (options_.frontier) {
      results["frontiers"] = CollectFrontiers(
          {.run = run_, .grid = grid_, .reference = options_.reference, .parts = parts},
          control_.pool);
      if (!results["frontiers"].empty()) run_.SaveText("frontier.csv", FrontierCsv(results));
    }
    run_.SaveJson("results.json", results);
    run_.SaveText("results.csv", ResultsCsv(results));
    std::string markdown;
    std::string latex;
    for (const ResultTable& table : {MainTable(results), FrontierTable(results),
                                     BreakdownTable(results), BudgetTable(results)}) {
      if (table.rows.empty()) continue;
      markdown += (markdown.empty() ? "" : "\n") + ToMarkdown(table);
      latex += (latex.empty() ? "" : "\n") + ToLatex(table);
    }
    run_.SaveText("times.csv", TimesCsv());
    run_.SaveText("results.md", markdown);
    run_.SaveText("results.tex", latex);
    return results;
  }

  static constexpr const char* kTimesFile = "times.json";

  const PreparedData& data_;
  const CompareRequest& request_;
  const PhaseControl& control_;
  CompareOptions options_;
  Grid grid_;
  RunFolder run_;
  FittedModels fits_;
  std::map<std::pair<const Variant*, std::uint64_t>, fs::path> fit_places_;
  std::map<fs::path, std::int64_t> num_candidates_;  // by tuning file
  std::set<std::string> notes_;                      // on the tuning
  RefitOptions refit_;                               // of the cell at work
  TimeBook book_;
  Json times_ = Json::array();
  std::size_t computed_ = 0;  // cells since the tables were last written
};

}  // namespace

Json RunComparison(const PreparedData& data, const CompareRequest& request,
                   const PhaseControl& control) {
  CheckProtocol(data, request.protocol, request.options.frontier);
  return Comparison(data, request, control).Run();
}

}  // namespace raie
