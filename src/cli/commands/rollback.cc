#include "cli/commands/commands.h"
#include "raie/error.h"
#include "store/model_directory.h"

namespace raie::cli {
namespace {

struct Arguments {
  std::string model;
  std::int64_t version = -1;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.version, Field{.name = "version",
                              .help = "version that shall answer; -1: the one before",
                              .minimum = -1});
  }
};

int Run(const Arguments& arguments, Invocation& invocation) {
  ModelDirectory model = ModelDirectory::Open(arguments.model);
  const std::int32_t before = model.current();
  std::int32_t target = static_cast<std::int32_t>(arguments.version);
  if (target < 0) target = model.LoadInfo(before).parent;
  if (target < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "version " + std::to_string(before) + " of " + arguments.model +
                    " is the first: there is nothing before it; give --version N");
  }
  model.SetCurrent(target);
  if (invocation.json) {
    PrintJson({{"before", before}, {"current", target}});
  } else {
    Print("version " + std::to_string(target) + " answers now (before: " + std::to_string(before) +
          ")\n");
  }
  return kExitOk;
}

}  // namespace

Command RollbackCommand() {
  return MakeCommand<Arguments>({.name = "rollback",
                                 .summary = "Makes an earlier (or later) version answer again",
                                 .required = {"model"}},
                                Run);
}

}  // namespace raie::cli
