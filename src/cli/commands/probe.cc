#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"
#include "service/probe_model.h"

namespace raie::cli {
namespace {

struct ProbeArguments {
  std::string backbone;
  std::string adapter;
  std::string text;
  std::int64_t top = 10;
  nn::Precision precision = nn::Precision::kBf16;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.backbone, Field{.name = "backbone",
                               .help = "folder of the checkpoint as Hugging Face has it: "
                                       "config.json, safetensors, tokenizer"});
    visit(self.adapter, Field{.name = "adapter", .help = "folder of a PEFT adapter to put on top"});
    visit(self.text, Field{.name = "text", .help = "what the model is to read"});
    visit(
        self.top,
        Field{
            .name = "top", .help = "how many next tokens to print", .minimum = 1, .maximum = 1e6});
    visit(self.precision, Field{.name = "precision", .help = "of the frozen weights"});
  }
};

std::string ProbeText(const nlohmann::ordered_json& probe) {
  std::string text = "tokens:";
  for (std::size_t i = 0; i < probe.at("ids").size(); ++i) {
    text += " " + probe.at("ids")[i].dump() + probe.at("pieces")[i].dump();
  }
  const auto& nll = probe.at("nll");
  text += "\nmean negative log-likelihood: " +
          (nll.is_null() ? "n/a (a single token)" : Fixed(nll.get<double>(), 4) + " nats a token") +
          "\n\n";
  Table table({"next", "id", "logit"});
  for (const auto& next : probe.at("top")) {
    table.Add({next.at("piece").dump(), next.at("id").dump(), Fixed(next.at("logit"), 4)});
  }
  return text + table.ToText();
}

int RunProbe(const ProbeArguments& arguments, Invocation& invocation) {
  const auto probe = ProbeModel({.backbone = arguments.backbone,
                                 .adapter = arguments.adapter,
                                 .text = arguments.text,
                                 .top = arguments.top,
                                 .precision = arguments.precision},
                                invocation.control());
  invocation.clear_progress();
  invocation.json ? PrintJson(probe) : Print(ProbeText(probe));
  return kExitOk;
}

}  // namespace

Command ProbeCommand() {
  return MakeCommand<ProbeArguments>(
      {.name = "probe",
       .summary = "Reads a text with a language model: tokens, next tokens, likelihood",
       .required = {"backbone", "text"}},
      RunProbe);
}

}  // namespace raie::cli
