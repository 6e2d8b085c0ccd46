#include "cli/commands/commands.h"

namespace raie::cli {

std::vector<Command> AllCommands() {
  std::vector<Command> commands;
  commands.push_back(DataPrepareCommand());
  commands.push_back(DataAppendCommand());
  commands.push_back(DataStatsCommand());
  commands.push_back(DataAuditCommand());
  commands.push_back(DataSimulateCommand());
  commands.push_back(FitCommand());
  commands.push_back(ImportCommand());
  commands.push_back(ProbeCommand());
  commands.push_back(ExportCommand());
  commands.push_back(EditCommand());
  commands.push_back(EvaluateCommand());
  commands.push_back(RecommendCommand());
  commands.push_back(DriftCommand());
  commands.push_back(ShowCommand());
  commands.push_back(RollbackCommand());
  commands.push_back(DemoCommand());
  commands.push_back(CompareCommand());
  commands.push_back(ReportCommand());
  commands.push_back(ListCommand());
  return commands;
}

}  // namespace raie::cli
