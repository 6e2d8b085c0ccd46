#include "service/listing.h"

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"

namespace raie::cli {
namespace {

struct ListArguments {
  std::string kind;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.kind, Field{.name = "kind", .help = "methods, backbones, protocols or configs"});
  }
};

std::string ListText(const std::vector<Listed>& list) {
  std::size_t width = 0;
  for (const Listed& one : list) width = std::max(width, one.name.size());
  std::string text;
  for (const Listed& one : list) {
    text += one.name + std::string(width + 2 - one.name.size(), ' ') + one.summary;
    text += (one.source == "-" ? "" : " [" + one.source + "]") + "\n";
  }
  return text;
}

int RunList(const ListArguments& arguments, Invocation& invocation) {
  const std::vector<Listed> list = ListKind(arguments.kind);
  invocation.json ? PrintJson(ToJson(list)) : Print(ListText(list));
  return kExitOk;
}

}  // namespace

Command ListCommand() {
  return MakeCommand<ListArguments>(
      {.name = "list",
       .summary = "Lists methods, backbones, protocols or configs, one line each",
       .required = {"kind"},
       .positional = {"kind"}},
      RunList);
}

}  // namespace raie::cli
