// Which command does a command line ask for, and with which values?
//
// Errors:  throws Error(kInvalidArgument) for a value or key that cannot be; UsageShown when the
//          text to show (help, version, a misspelt flag) has been written already.
#pragma once

#include <vector>

#include "cli/command.h"

namespace raie::cli {

struct UsageShown {
  int exit_code;
};

// The returned command's arguments and `invocation` are filled; progress, cancel and pool are not.
Command& ParseCommandLine(int argc, char** argv, std::vector<Command>& commands,
                          Invocation& invocation);

}  // namespace raie::cli
