#include "cli/parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <map>

#include "raie/error.h"
#include "raie/version.h"

namespace raie::cli {
namespace {

// Flags every command takes.
struct CommonValues {
  std::vector<std::string> configs;
  std::vector<std::string> sets;
  bool json = false;
  std::string seed;
  std::string threads;
};

// One flag of one command while it is being parsed.
struct Parsed {
  std::vector<std::string> values;
  bool given = false;  // switches
};

struct ParsedCommand {
  CommonValues common;
  std::deque<Parsed> arguments;  // as Command::fields
  std::deque<Parsed> keys;       // as Command::key_flags
};

std::string FlagOf(const std::string& field) {
  std::string flag = "--" + field;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string HelpOf(const FieldRef& field) {
  std::string help = field.field.help;
  if (*field.field.unit != '\0') help += " [" + std::string(field.field.unit) + "]";
  const std::string value = FormatValue(field.value);
  if (!std::holds_alternative<bool*>(field.value) && value != "\"\"" && value != "[]") {
    help += " (default: " + value + ")";
  }
  return help;
}

bool IsListed(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void AddArgument(CLI::App& app, const Command& command, const FieldRef& field, Parsed& parsed) {
  if (std::holds_alternative<bool*>(field.value)) {
    app.add_flag(FlagOf(field.path), parsed.given, HelpOf(field));
    return;
  }
  auto* option = app.add_option(
      FlagOf(field.path) + (IsListed(command.positional, field.path) ? "," + field.path : ""),
      parsed.values, HelpOf(field));
  option->type_name("VALUE");
  if (std::holds_alternative<std::vector<std::string>*>(field.value)) {
    option->expected(1, 1 << 20);
  } else {
    option->expected(1)->allow_extra_args(false);
  }
  if (IsListed(command.required, field.path)) option->required();
}

void AddKeyFlag(CLI::App& app, const KeyFlag& flag, Parsed& parsed, const FieldList& fields) {
  std::string help =
      "same as --set " + flag.key + "=" + (flag.value.empty() ? "VALUE" : flag.value);
  for (const FieldRef& field : fields) {
    if (field.path == flag.key && flag.value.empty()) help = HelpOf(field);
  }
  if (!flag.help.empty()) help = flag.help;
  if (!flag.value.empty()) {
    app.add_flag(flag.flag, parsed.given, help);
  } else {
    auto* option = app.add_option(flag.flag, parsed.values, help)->type_name("VALUE");
    if (flag.repeatable) {
      option->expected(1, 1 << 20)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      option->expected(1)->allow_extra_args(false);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
}

void AddCommonFlags(CLI::App& app, CommonValues& common) {
  app.add_option("--config", common.configs, "TOML file of settings; later files win")
      ->type_name("FILE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--set", common.sets, "one setting, key=value; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--seed", common.seed, "first number of every random stream (default: 0)")
      ->type_name("N");
  app.add_option("--threads", common.threads, "threads (default: all processors)")->type_name("N");
  app.add_flag("--json", common.json, "print the result as JSON");
}

// Fills one argument; lists are taken as they are, so that values may hold commas.
void Assign(const FieldRef& field, const Parsed& parsed) {
  if (auto* const* flag = std::get_if<bool*>(&field.value)) {
    **flag = parsed.given;
  } else if (auto* const* list = std::get_if<std::vector<std::string>*>(&field.value)) {
    if (!parsed.values.empty()) **list = parsed.values;
  } else if (!parsed.values.empty()) {
    SetField({field}, field.path, parsed.values.back(), FlagOf(field.path));
  }
}

std::vector<Setting> SettingsOf(const Command& command, const ParsedCommand& parsed) {
  std::vector<Setting> settings;
  for (const std::string& text : parsed.common.sets) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw Error(ErrorCode::kInvalidArgument, "--set " + text + ": no '='; write --set key=value");
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1), "--set"});
  }
  for (std::size_t i = 0; i < command.key_flags.size(); ++i) {
    const KeyFlag& flag = command.key_flags[i];
    const Parsed& value = parsed.keys[i];
    if (value.given) settings.push_back({flag.key, flag.value, flag.flag});
    if (value.values.empty()) continue;
    std::string joined;
    for (const std::string& part : value.values) joined += (joined.empty() ? "" : ",") + part;
    if (flag.convert != nullptr) joined = flag.convert(joined);
    settings.push_back({flag.key, joined, flag.flag});
    for (const std::string& key : flag.also) settings.push_back({key, joined, flag.flag});
  }
  if (!parsed.common.seed.empty()) settings.push_back({"seed", parsed.common.seed, "--seed"});
  if (!parsed.common.threads.empty()) {
    settings.push_back({"threads", parsed.common.threads, "--threads"});
  }
  return settings;
}

std::string SettingsHelp(const Command& command) {
  std::string text = "Settings (in a --config file, or --set key=value";
  if (!command.defaults_note.empty()) text += "; " + command.defaults_note;
  text += "):\n" + DescribeSections(command.sections, command.defaults);
  text += "\nExit codes: 0 done, 2 usage, 3 data or files, 4 a check failed, 130 interrupted, ";
  return text + "1 a defect of raie.";
}

void Fill(Command& command, const ParsedCommand& parsed, Invocation& invocation) {
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    Assign(command.fields[i], parsed.arguments[i]);
  }
  CheckRanges(command.fields, "raie " + command.name);
  invocation.settings.files = parsed.common.configs;
  invocation.settings.values = SettingsOf(command, parsed);
  invocation.configuration = Configure(invocation.settings);
  invocation.json = parsed.common.json;
}

// Notes settings given by --set that the command does not read.
void NoteUnread(const Command& command, const std::vector<std::string>& sets) {
  for (const std::string& text : sets) {
    const std::string key = text.substr(0, text.find('='));
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos || IsListed(command.sections, key.substr(0, dot))) continue;
    Note("raie: note: raie " + command.name + " does not read " + key + ", so --set " + text +
         " changes nothing here");
  }
}

// What CLI11 found, in the words of this program; flags that nobody knows are named first.
[[noreturn]] void RefuseArguments(const Command* command, const CLI::App* app, int argc,
                                  char** argv, const CLI::ParseError& error) {
  const std::string name = command == nullptr ? "raie" : "raie " + command->name;
  const std::string help = " (" + name + " --help lists all)";
  std::vector<std::string> known;
  if (command != nullptr) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& flag : option->get_lnames()) known.push_back("--" + flag);
    }
    for (int i = 2; i < argc; ++i) {
      const std::string argument = argv[i];
      const std::string flag = argument.substr(0, argument.find('='));
      if (!flag.starts_with("--") || IsListed(known, flag)) continue;
      const std::string nearest = NearestName(flag, known);
      throw Error(ErrorCode::kInvalidArgument,
                  name + ": unknown flag " + flag +
                      (nearest.empty() ? "" : "; did you mean " + nearest + "?") + help);
    }
  }
  std::string what = error.what();
  if (!what.empty() && what.back() == '\n') what.pop_back();
  if (what.find("not expected") != std::string::npos && what.find('=') != std::string::npos) {
    what += "; lists are written with commas, key=a,key=b";
  }
  throw Error(ErrorCode::kInvalidArgument, name + ": " + what + help);
}

// Returns the name of the command that is asked for, empty if none is; throws for one that does not
// exist, which CLI11 would not name.
std::string CommandOf(int argc, char** argv, const std::vector<Command>& commands) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::string name = argv[1];
  std::vector<std::string> names;
  bool is_group = false;
  for (const Command& command : commands) {
    const std::string first = command.name.substr(0, command.name.find(' '));
    if (first == name && first != command.name) is_group = true;
    if (!IsListed(names, first)) names.push_back(first);
  }
  if (is_group) {
    if (argc < 3 || argv[2][0] == '-') return "";
    const std::string prefix = name + " ";
    name = prefix + argv[2];
    names.clear();
    for (const Command& command : commands) {
      if (command.name.starts_with(prefix)) names.push_back(command.name);
    }
  }
  if (IsListed(names, name)) return name;
  const std::string nearest = NearestName(name, names);
  throw Error(ErrorCode::kInvalidArgument,
              "unknown command '" + name + "'" +
                  (nearest.empty() ? "" : "; did you mean 'raie " + nearest + "'?") +
                  " (raie --help lists all)");
}

}  // namespace

Command& ParseCommandLine(int argc, char** argv, std::vector<Command>& commands,
                          Invocation& invocation) {
  const std::string asked_name = CommandOf(argc, argv, commands);
  CLI::App app{"raie: keeps a recommender fresh by editing the preference regions that drift."};
  app.set_version_flag("--version", std::string("raie ") + kVersion);
  app.require_subcommand(1);
  app.get_formatter()->column_width(40);

  const FieldList all = FieldsOf(invocation.configuration);
  std::map<std::string, CLI::App*> groups;
  std::deque<ParsedCommand> parsed;
  std::vector<CLI::App*> apps;
  for (Command& command : commands) {
    CLI::App* parent = &app;
    std::string name = command.name;
    if (const std::size_t space = name.find(' '); space != std::string::npos) {
      const std::string group = name.substr(0, space);
      if (!groups.contains(group)) {
        groups[group] = app.add_subcommand(group, "Interaction logs and prepared data sets");
        groups[group]->require_subcommand(1);
      }
      parent = groups[group];
      name = name.substr(space + 1);
    }
    CLI::App* sub = parent->add_subcommand(name, command.summary);
    ParsedCommand& values = parsed.emplace_back();
    for (const FieldRef& field : command.fields) {
      AddArgument(*sub, command, field, values.arguments.emplace_back());
    }
    for (const KeyFlag& flag : command.key_flags) {
      AddKeyFlag(*sub, flag, values.keys.emplace_back(), all);
    }
    AddCommonFlags(*sub, values.common);
    sub->footer([&command] { return SettingsHelp(command); });
    apps.push_back(sub);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    if (!asked) {
      const Command* asked_for = nullptr;
      const CLI::App* of_command = nullptr;
      for (std::size_t i = 0; i < commands.size(); ++i) {
        if (commands[i].name != asked_name) continue;
        asked_for = &commands[i];
        of_command = apps[i];
      }
      RefuseArguments(asked_for, of_command, argc, argv, error);
    }
    app.exit(error);
    throw UsageShown{kExitOk};
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!apps[i]->parsed()) continue;
    Fill(commands[i], parsed[i], invocation);
    NoteUnread(commands[i], parsed[i].common.sets);
    return commands[i];
  }
  throw Error(ErrorCode::kInternal, "no command was parsed");
}

}  // namespace raie::cli
