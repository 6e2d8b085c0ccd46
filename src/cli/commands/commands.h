// Which commands does the program have?
//
// Concept: one function a file; a new command is its file and one line in AllCommands.
#pragma once

#include <vector>

#include "cli/command.h"

namespace raie::cli {

std::vector<Command> AllCommands();

}  // namespace raie::cli
