// Which commands does the program have?
//
// Concept: one function a file; a new command is its file and one line in AllCommands.
#pragma once

#include <vector>

#include "cli/command.h"

namespace raie::cli {

Command DataPrepareCommand();
Command DataAppendCommand();
Command DataStatsCommand();
Command DataAuditCommand();
Command DataSimulateCommand();
Command FitCommand();
Command ImportCommand();
Command ProbeCommand();
Command ExportCommand();
Command EditCommand();
Command EvaluateCommand();
Command RecommendCommand();
Command DriftCommand();
Command ShowCommand();
Command RollbackCommand();
Command DemoCommand();
Command CompareCommand();
Command ReportCommand();
Command ListCommand();

std::vector<Command> AllCommands();

}  // namespace raie::cli
