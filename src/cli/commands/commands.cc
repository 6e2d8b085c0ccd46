#include "cli/commands/commands.h"

namespace raie::cli {

std::vector<Command> AllCommands() { return {}; }

}  // namespace raie::cli
