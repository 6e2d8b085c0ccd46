#include "service/demo.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/stopwatch.h"
#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "cli/table.h"
#include "raie/error.h"

namespace raie::cli {
namespace {

namespace fs = std::filesystem;

struct DemoArguments {
  std::string data;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.data, Field{.name = "data",
                           .help = "prepared data set of three slices (default: simulate a "
                                   "shop where 2 of 8 interests drift)"});
  }
};

// A folder that is gone when the demo ends, however it ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "raie-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorCode::kIo,
                  "cannot make a folder in " + fs::temp_directory_path().string() + "; set TMPDIR");
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string TruthText(const nlohmann::ordered_json& report) {
  if (report.at("truth").is_null()) return "";
  const auto& truth = report.at("truth");
  Table table({"region", "drift (nats)", "verdict", "drifted traffic", "true interest",
               "share of it", "drifts in truth"});
  for (const auto& region : report.at("drift")) {
    const auto& drifting = truth.at("drifting_interests");
    const bool drifts =
        std::find(drifting.begin(), drifting.end(), region.at("true_interest")) != drifting.end();
    table.Add({region.at("region").dump(),
               region.at("drift").is_number() ? Fixed(region.at("drift"), 3) : "n/a",
               region.at("drifts").get<bool>() ? "drifts" : "-",
               Percent(region.at("drifted_traffic")), region.at("true_interest").dump(),
               Percent(region.at("true_interest_share")), drifts ? "yes" : "-"});
  }
  const auto& correlation = truth.at("rank_correlation");
  return "\nBeside the truth\n" + table.ToText() + "adjusted Rand index of region and interest " +
         Fixed(truth.at("adjusted_rand"), 3) + "; rank correlation of drift and drifted traffic " +
         (correlation.is_number() ? Fixed(correlation, 3) : "n/a") + "\n";
}

std::string MethodsText(const nlohmann::ordered_json& methods) {
  const bool in_sample = methods.at(0).contains("S_in_sample");
  const std::string setup = in_sample ? "S in-sample" : "S held-out";
  const char* setup_part = in_sample ? "S_in_sample" : "S_held_out";
  std::vector<std::string> header = {"method", setup + " R@10", setup + " N@10", "T R@10",
                                     "T N@10", "training (s)",  "samples"};
  const bool prior = std::ranges::any_of(
      methods, [](const nlohmann::ordered_json& method) { return method.contains("priors"); });
  if (prior) header.insert(header.end(), {"popularity prior", "choosing it (s)"});
  Table table(header);
  const auto number = [](const nlohmann::ordered_json& part, const char* key) {
    return part.at(key).is_number() ? Fixed(part.at(key), 4) : std::string("n/a");
  };
  for (const auto& method : methods) {
    std::vector<std::string> row = {method.at("method").get<std::string>(),
                                    number(method.at(setup_part), "recall@10"),
                                    number(method.at(setup_part), "ndcg@10"),
                                    number(method.at("T"), "recall@10"),
                                    number(method.at("T"), "ndcg@10"),
                                    Fixed(method.at("seconds"), 1),
                                    Count(method.at("samples"))};
    if (prior) {
      row.push_back(PriorText(method.at("priors")[0]));
      row.push_back(Fixed(method.at("prior_seconds"), 1));
    }
    table.Add(std::move(row));
  }
  return table.ToText();
}

// What became of the regions of the methods that have a gate.
std::string GatesText(const nlohmann::ordered_json& methods) {
  std::string text;
  for (const auto& method : methods) {
    if (!method.contains("regions")) continue;
    const auto& regions = method.at("regions")[0];
    if (regions.empty() || regions[0].at("gate") == "no gate") continue;
    text += "\nRegions of " + method.at("method").get<std::string>() + "\n" + OutcomesText(regions);
  }
  return text;
}

std::string DemoReportText(const nlohmann::ordered_json& report, double seconds) {
  const auto& data = report.at("data");
  return Count(data.at("events")) + " events of " + Count(data.at("users")) + " users, " +
         Count(data.at("items")) + " items; " + Count(data.at("S_windows")) +
         " windows of S to learn from, " + Count(data.at("F_windows")) + " of F\nfitted in " +
         Fixed(report.at("fit").at("seconds"), 1) + " s (kept epoch " +
         report.at("fit").at("best_epoch").dump() + ")\n\n" +
         (report.at("drift").is_null()
              ? std::string(
                    "Protocol as-released: what the published code does (unequal samples, S "
                    "in-sample,\nitems of T known). Drift is not measured.\n")
              : "Drift of each region in F, before any training\n" + DriftText(report)) +
         TruthText(report) + "\nMethods after learning from F\n" +
         MethodsText(report.at("methods")) + GatesText(report.at("methods")) + "\ntotal " +
         Fixed(seconds, 1) + " s\n";
}

int RunDemoCommand(const DemoArguments& arguments, Invocation& invocation) {
  const Stopwatch watch;
  nlohmann::ordered_json report;
  if (arguments.data.empty()) {
    invocation.settings.defaults = DemoDefaults();
    const TemporaryFolder folder;
    const Simulation shop = SimulateDemoShop(folder.path(), invocation.control());
    const PreparedData data = PreparedData::Load(folder.path() / "data");
    report = RunDemo(data, &shop.truth, invocation.control());
  } else {
    const PreparedData data = PreparedData::Load(arguments.data);
    if (data.num_slices() != 3) {
      throw Error(ErrorCode::kInvalidArgument,
                  arguments.data + " has " + std::to_string(data.num_slices()) +
                      " slices; the demo compares on S, F and T: prepare the data with --protocol "
                      "strict, paper or as-released");
    }
    report = RunDemo(data, nullptr, invocation.control());
  }
  invocation.clear_progress();
  const double seconds = watch.seconds();
  invocation.json ? PrintJson(report) : Print(DemoReportText(report, seconds));
  return kExitOk;
}

}  // namespace

Command DemoCommand() {
  return MakeCommand<DemoArguments>(
      {.name = "demo",
       .summary = "Runs all phases on a simulated shop (or --data) and compares the methods",
       .sections = {"", "simulate", "prepare", "backbone", "fit", "regions", "edit", "border"},
       .key_flags = {AdapterLayersFlag()},
       .defaults = DemoDefaults(),
       .defaults_note = "values of the simulated shop; with --data those of raie fit --help hold",
       .stops_cleanly = true},
      RunDemoCommand);
}

}  // namespace raie::cli
