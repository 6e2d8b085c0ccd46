#include "service/configuration.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace raie {
namespace {

std::string SectionOf(const std::string& path) {
  const std::size_t dot = path.find('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

FieldList FieldsOfSections(Configuration& configuration, const std::vector<std::string>& sections) {
  FieldList wanted;
  for (const FieldRef& field : FieldsOf(configuration)) {
    if (std::find(sections.begin(), sections.end(), SectionOf(field.path)) != sections.end()) {
      wanted.push_back(field);
    }
  }
  return wanted;
}

void Apply(const Settings& settings, Configuration& configuration) {
  const FieldList fields = FieldsOf(configuration);
  for (const Setting& setting : settings.defaults) {
    SetField(fields, setting.key, setting.value, setting.place);
  }
  for (const std::string& file : settings.files) SetFromToml(fields, file);
  for (const Setting& setting : settings.values) {
    SetField(fields, setting.key, setting.value, setting.place);
  }
}

Configuration InForce(const Settings& settings, Configuration configuration) {
  Apply(settings, configuration);
  CheckRanges(FieldsOf(configuration), "these settings cannot be used");
  return configuration;
}

// Gives a field another value than it has.
void MakeOther(const ValueRef& field) {
  struct Other {
    void operator()(bool* value) const { *value = !*value; }
    void operator()(std::int64_t* value) const { *value += 1; }
    void operator()(double* value) const { *value = *value == 1 ? 2 : 1; }
    void operator()(std::string* value) const { *value += "x"; }
    void operator()(std::vector<double>* value) const { value->push_back(1); }
    void operator()(std::vector<std::int64_t>* value) const { value->push_back(1); }
    void operator()(std::vector<std::string>* value) const { value->emplace_back("x"); }
    void operator()(const EnumRef& value) const {
      value.set((value.get() + 1) % static_cast<int>(value.names.size()));
    }
  };
  std::visit(Other{}, field);
}

// METHOD section 3 for `paper`: 5 epochs, no early stopping. as-released: docs/decisions/010; its
// clip of 1 is half of it here, where the loss is the mean over a target and its negative.
FitOptions FitPreset(Protocol protocol) {
  FitOptions fit;
  if (protocol != Protocol::kPaper && protocol != Protocol::kAsReleased) return fit;
  fit.max_epochs = 5;
  fit.patience_epochs = 0;
  fit.patience_steps = 0;
  if (protocol == Protocol::kPaper) return fit;
  fit.on = FitOn::kTails;
  fit.batch_size = 128;
  fit.loss.kind = LossKind::kBce;
  fit.adam.clip = 0.5;
  return fit;
}

// METHOD section 3: a language model learns from prompts, which ask for the next item at their end.
void ApplyBackbonePreset(const std::string& backbone, Configuration& configuration) {
  if (!IsPretrained(backbone)) return;
  configuration.fit.on = FitOn::kWindows;
  configuration.fit.batch_size = 32;
  configuration.fit.adam.learning_rate = 2e-4;
  configuration.edit.batch_size = 32;
  configuration.edit.learning_rate = 2e-4;
}

DiscoveryOptions RegionsPreset(Protocol protocol) {
  DiscoveryOptions regions;
  if (protocol != Protocol::kAsReleased) return regions;
  regions.restarts = 2;
  regions.max_iterations = 30;
  return regions;
}

}  // namespace

Configuration Configure(const Settings& settings, std::optional<Protocol> protocol) {
  // Once to learn which presets are wanted, once on top of them.
  Configuration first;
  Apply(settings, first);
  Configuration configuration;
  const Protocol in_force = protocol.value_or(first.prepare.protocol);
  configuration.edit = AdaptOptions::Preset(first.editor, in_force);
  configuration.fit = FitPreset(in_force);
  configuration.regions = RegionsPreset(in_force);
  ApplyBackbonePreset(first.backbone.name, configuration);
  return InForce(settings, std::move(configuration));
}

Configuration ConfigureAgain(const Settings& settings, Protocol protocol,
                             const std::string& backbone, const nlohmann::ordered_json& saved) {
  Configuration before;
  SetFromJson(FieldsOf(before),
              nlohmann::json{{"seed", saved.at("seed")},
                             {"editor", saved.at("editor")},
                             {"edit", nlohmann::json(saved.at("edit"))}},
              "the model's configuration");
  Configuration first = before;
  Apply(settings, first);
  if (first.editor != before.editor) {
    before.edit = AdaptOptions::Preset(first.editor, protocol);
    ApplyBackbonePreset(backbone, before);
  }
  return InForce(settings, std::move(before));
}

bool IsGiven(const Settings& settings, const std::string& key) {
  const auto holds = [&key](const std::vector<Setting>& values) {
    return std::ranges::any_of(values, [&](const Setting& value) { return value.key == key; });
  };
  if (holds(settings.defaults) || holds(settings.values)) return true;
  if (settings.files.empty()) return false;
  // A given key has the same value whatever the default was: compare two different defaults.
  Configuration one;
  Configuration other;
  const FieldList fields = FieldsOf(other);
  const auto number = std::find_if(fields.begin(), fields.end(),
                                   [&](const FieldRef& field) { return field.path == key; });
  if (number == fields.end()) return false;
  MakeOther(number->value);
  Apply(settings, one);
  Apply(settings, other);
  const FieldList plain = FieldsOf(one);
  return FormatValue(plain[number - fields.begin()].value) == FormatValue(number->value);
}

std::string DescribeSections(const std::vector<std::string>& sections,
                             const std::vector<Setting>& defaults) {
  Configuration configuration;
  Apply({.defaults = defaults}, configuration);
  return DescribeFields(FieldsOfSections(configuration, sections));
}

nlohmann::ordered_json SectionsToJson(const Configuration& configuration,
                                      const std::vector<std::string>& sections) {
  Configuration copy = configuration;
  FieldList fields = FieldsOfSections(copy, sections);
  std::erase_if(fields, [](const FieldRef& field) { return field.path == "threads"; });
  return ToJson(fields);
}

}  // namespace raie
