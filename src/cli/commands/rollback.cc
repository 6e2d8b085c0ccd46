#include <optional>

#include "cli/commands/commands.h"
#include "raie/error.h"
#include "store/model_directory.h"

namespace raie::cli {
namespace {

struct RollbackArguments {
  std::string model;
  std::int64_t version = -1;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.version, Field{.name = "version",
                              .help = "version that shall answer; -1: the one before",
                              .minimum = -1,
                              .maximum = kLargestNumber});
  }
};

// The version before the one that answers.
std::int32_t ParentOf(const ModelDirectory& model, std::int32_t version) {
  const std::int32_t parent = model.LoadInfo(version).parent;
  if (parent >= 0) return parent;
  throw Error(ErrorCode::kInvalidArgument,
              "version " + std::to_string(version) + " of " + model.path().string() +
                  " is the first: there is nothing before it; name a version: raie rollback "
                  "VERSION");
}

// Which version answers, if that can still be told: a damaged CURRENT is what a rollback to a
// named version repairs.
std::optional<std::int32_t> TryCurrent(const ModelDirectory& model) {
  try {
    return model.current();
  } catch (const Error&) {
    return std::nullopt;
  }
}

int RunRollback(const RollbackArguments& arguments, Invocation& invocation) {
  ModelDirectory model = ModelDirectory::Open(arguments.model);
  std::optional<std::int32_t> before;
  auto target = static_cast<std::int32_t>(arguments.version);
  if (target < 0) {
    before = model.current();
    target = ParentOf(model, *before);
  } else {
    before = TryCurrent(model);
  }
  model.SetCurrent(target);
  if (invocation.json) {
    nlohmann::ordered_json report = {{"before", nullptr}, {"current", target}};
    if (before.has_value()) report["before"] = *before;
    PrintJson(report);
  } else {
    Print("version " + std::to_string(target) + " answers now (before: " +
          (before.has_value() ? std::to_string(*before) : "unknown, CURRENT was damaged") + ")\n");
  }
  return kExitOk;
}

}  // namespace

Command RollbackCommand() {
  return MakeCommand<RollbackArguments>(
      {.name = "rollback",
       .summary = "Makes an earlier (or later) version answer again",
       .required = {"model"},
       .positional = {"version"}},
      RunRollback);
}

}  // namespace raie::cli
