#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <set>
#include <string>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/parser.h"
#include "cli/progress_line.h"
#include "cli/utf8.h"
#include "raie/error.h"

namespace raie::cli {
namespace {

CancelFlag interrupted;

// The first signal asks for a clean stop; the second one stops at once.
extern "C" void OnInterrupt(int signal) {
  interrupted.Set();
  std::signal(signal, SIG_DFL);
}

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kNotFound:
    case ErrorCode::kCorruptData:
    case ErrorCode::kIo:
    case ErrorCode::kUnavailable:
      return kExitData;
    case ErrorCode::kCancelled:
      return kExitInterrupted;
    case ErrorCode::kInternal:
      break;
  }
  return kExitInternal;
}

// Whatever is said of an argument, in JSON above all, is text.
void CheckArgumentsAreText(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (IsUtf8(argv[i])) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "argument " + std::to_string(i) +
                    " is not valid UTF-8; rename the file, or convert the text: iconv -t UTF-8");
  }
}

int Run(int argc, char** argv) {
  ProgressLine line;
  try {
    CheckArgumentsAreText(argc, argv);
    std::vector<Command> commands = AllCommands();
    Invocation invocation;
    Command& command = ParseCommandLine(argc, argv, commands, invocation);
    TaskPool pool(static_cast<int>(invocation.configuration.threads));
    invocation.pool = &pool;
    invocation.cancel = &interrupted;
    invocation.progress = [&line](const Progress& progress) { line.Show(progress); };
    invocation.clear_progress = [&line] { line.Clear(); };
    invocation.note = [&line, said = std::set<std::string>()](const std::string& text) mutable {
      if (!said.insert(text).second) return;
      line.Clear();
      Note("raie: note: " + text);
    };
    if (command.stops_cleanly) {
      std::signal(SIGINT, OnInterrupt);
      std::signal(SIGTERM, OnInterrupt);
    }
    const int code = command.run(invocation);
    line.Clear();
    return code;
  } catch (const UsageShown& shown) {
    return shown.exit_code;
  } catch (const Error& error) {
    line.Clear();
    std::fprintf(stderr, "raie: %s\n", error.what());
    return ExitCodeOf(error.code());
  } catch (const std::filesystem::filesystem_error& error) {
    line.Clear();
    std::fprintf(stderr, "raie: cannot use %s: %s\n", error.path1().c_str(),
                 error.code().message().c_str());
    return kExitData;
  } catch (const std::bad_alloc&) {
    line.Clear();
    std::fprintf(stderr, "raie: out of memory; use fewer threads or less data\n");
    return kExitData;
  } catch (const std::exception& error) {
    line.Clear();
    std::fprintf(stderr, "raie: a defect of raie itself: %s\n", error.what());
    return kExitInternal;
  }
}

}  // namespace
}  // namespace raie::cli

int main(int argc, char** argv) { return raie::cli::Run(argc, argv); }
