#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "cli/table.h"
#include "service/edit_model.h"

namespace raie::cli {
namespace {

struct EditArguments {
  std::string model;
  std::string data;
  std::int64_t slice = kNextSlice;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.data, Field{.name = "data", .help = "prepared data set that holds the slice"});
    visit(self.slice, Field{.name = "slice",
                            .help = "slice to learn from; -1: the next one",
                            .minimum = -1,
                            .maximum = kLargestNumber});
  }
};

std::string EditTrainingText(const nlohmann::ordered_json& training) {
  std::string text = OutcomesText(training.at("regions")) + Count(training.at("samples")) +
                     " samples in " + Count(training.at("steps")) + " steps";
  if (training.at("tuning_samples").get<std::int64_t>() > 0) {
    text += "; validation chose " + Percent(training.at("chosen_share")) + " of the training";
  }
  return text + "\n";
}

std::string ChosenPriorText(const nlohmann::ordered_json& report) {
  if (!report.contains("popularity_prior")) return "";
  const auto& prior = report.at("popularity_prior");
  return "\nPopularity prior\n" + PriorText(prior) + "; F validation NDCG@10 " +
         Fixed(prior.at("F_validation_ndcg@10"), 4) + ", without it " +
         Fixed(prior.at("without_prior"), 4) + "; chosen from " +
         Count(std::ssize(prior.at("candidates"))) + " in " + Fixed(report.at("prior_seconds"), 1) +
         " s\n";
}

// What lies beyond the slice that was learnt.
std::string NextText(const PreparedData& data, int slice) {
  const int next = slice + 1;
  const int last = data.num_slices() - 1;
  if (slice >= last) return "no slice is left to learn; raie data append brings the next\n";
  const std::string learns = "the next raie edit learns from ";
  return next == last
             ? "slice " + std::to_string(next) + " is not learnt yet: raie evaluate tests on it, " +
                   learns + "it\n"
             : "slices " + std::to_string(next) + " to " + std::to_string(last) +
                   " are not learnt yet: " + learns + "slice " + std::to_string(next) + "\n";
}

int RunEdit(const EditArguments& arguments, Invocation& invocation) {
  const PreparedData data = PreparedData::Load(arguments.data);
  const auto report = EditModelDirectory(arguments.model, data, static_cast<int>(arguments.slice),
                                         invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
    return kExitOk;
  }
  if (report.contains("note")) Print("note: " + report.at("note").get<std::string>() + "\n\n");
  Print("Edits\n" + EditsText(report.at("edits")) + "\nRegions before and after\n" +
        ComparisonText(report.at("comparison")) + "\nDrift (loss of the model before the edit)\n" +
        DriftText(report) + "\nTraining\n" + EditTrainingText(report.at("training")) +
        ChosenPriorText(report) + "\nwrote version " + report.at("version").dump() + " of " +
        arguments.model + " (learnt from slice " + report.at("slice").dump() + ")\n" +
        NextText(data, report.at("slice")));
  return kExitOk;
}

}  // namespace

Command EditCommand() {
  return MakeCommand<EditArguments>(
      {.name = "edit",
       .summary = "Learns from a slice: edits regions, trains adapters, writes a new version",
       .sections = {"", "edit", "border"},
       .required = {"model", "data"},
       .key_flags = {{"--editor", "editor"}, AdapterLayersFlag()},
       .stops_cleanly = true},
      RunEdit);
}

}  // namespace raie::cli
