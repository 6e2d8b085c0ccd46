// What is a command of the program?
//
// Concept: a name, the flags that are its own (a struct of arguments with VisitFields: one field
//          `min_events` gives one flag --min-events), flags that are short for a key of the
//          configuration, and a function. Parsing, --help, --config, --set, --json, --seed and
//          --threads are the same for all and live in parser.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"
#include "raie/progress.h"
#include "service/configuration.h"
#include "service/run_control.h"

namespace raie::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitData = 3;
inline constexpr int kExitCheckFailed = 4;
inline constexpr int kExitInterrupted = 130;

// Limit of flags that number a version or a slice.
inline constexpr double kLargestNumber = std::numeric_limits<std::int32_t>::max();

// What every command is given besides its own arguments.
struct Invocation {
  Settings settings;
  Configuration configuration;  // of the settings, as far as no data set is known
  bool json = false;
  ProgressObserver progress;
  std::function<void()> clear_progress;  // before anything else is written
  const CancelFlag* cancel = nullptr;
  NoteObserver note;  // to standard error, the same only once
  TaskPool* pool = nullptr;

  PhaseControl control() const { return {settings, *pool, progress, cancel, note}; }
};

// `--flag VALUE` as short for `--set key=VALUE`.
struct KeyFlag {
  std::string flag;                    // "--min-rating"
  std::string key;                     // "prepare.min_rating"
  bool repeatable = false;             // values of a list, one each time
  std::string value = "";              // not empty: the flag takes no value and sets this one
  std::vector<std::string> also = {};  // keys that get the same value
  // Returns the key's value for what was written; throws kInvalidArgument. Null: as it is.
  std::string (*convert)(const std::string& text) = nullptr;
  std::string help = "";  // empty: the key's
};

// `--adapter-layers last:N|all`: of adapters of new slices, and those named by `also`.
KeyFlag AdapterLayersFlag(std::vector<std::string> also = {});

// The flags of every command that reads logs, then those of its own.
std::vector<KeyFlag> WithReadFlags(std::vector<KeyFlag> own);

struct Command {
  std::string name;  // "fit", "data prepare"
  std::string summary;
  std::vector<std::string> sections;    // of the configuration, described in --help
  std::vector<std::string> required;    // fields of the arguments
  std::vector<std::string> positional;  // fields that may also be given without their flag
  std::vector<KeyFlag> key_flags;
  std::vector<Setting> defaults;  // its own, shown in --help
  std::string defaults_note;      // when they hold
  bool stops_cleanly = false;     // at the first interrupt: it asks for Invocation::cancel
  std::shared_ptr<void> arguments;
  FieldList fields;  // of the arguments
  std::function<int(Invocation&)> run;
};

struct CommandText {
  std::string name;
  std::string summary;
  std::vector<std::string> sections;
  std::vector<std::string> required;
  std::vector<std::string> positional;
  std::vector<KeyFlag> key_flags;
  std::vector<Setting> defaults;
  std::string defaults_note;
  bool stops_cleanly = false;
};

template <HasFields Arguments>
Command MakeCommand(CommandText text, int (*run)(const Arguments&, Invocation&)) {
  auto arguments = std::make_shared<Arguments>();
  return {.name = std::move(text.name),
          .summary = std::move(text.summary),
          .sections = std::move(text.sections),
          .required = std::move(text.required),
          .positional = std::move(text.positional),
          .key_flags = std::move(text.key_flags),
          .defaults = std::move(text.defaults),
          .defaults_note = std::move(text.defaults_note),
          .stops_cleanly = text.stops_cleanly,
          .arguments = arguments,
          .fields = FieldsOf(*arguments),
          .run = [arguments, run](Invocation& invocation) { return run(*arguments, invocation); }};
}

// Writes to standard output; the program ends with an error if that fails.
void Print(const std::string& text);
void PrintJson(const nlohmann::ordered_json& object);

// Writes one line to standard error.
void Note(const std::string& line);

}  // namespace raie::cli
