// What can be configured in a run, and in which order do the sources of a value win?
//
// Concept: one tree of options for all commands, so that one TOML file serves a whole experiment;
//          each command reads the sections it needs. Defaults < the presets of `editor`, of the
//          data's protocol and of the backbone < what the model was made with (edit, drift) <
//          `Settings::defaults` (of a command) < files < single settings. The effective tree is
//          saved in every artefact.
// Errors:  kInvalidArgument for an unknown key (with the nearest known one), a value outside its
//          range, text where a number is wanted; the message says where the value came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backbones/border_options.h"
#include "backbones/registry.h"
#include "base/options.h"
#include "base/task_pool.h"
#include "data/prepare.h"
#include "data/read_log.h"
#include "data/simulator.h"
#include "methods/adapt_options.h"
#include "raie/settings.h"
#include "regions/discovery.h"
#include "training/fit.h"

namespace raie {

struct Configuration {
  std::int64_t seed = 0;
  std::int64_t threads = AvailableThreads();
  EditorPreset editor = EditorPreset::kRaie;
  ReadOptions read;
  PrepareOptions prepare;
  SimulatorOptions simulate;
  BackboneOptions backbone;
  FitOptions fit;
  DiscoveryOptions regions;
  AdaptOptions edit;
  BorderOptions border;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.seed, Field{.name = "seed",
                           .help = "first number of every random stream",
                           .minimum = 0,
                           .maximum = 9e15});
    visit(self.threads, Field{.name = "threads",
                              .help = "threads; the result does not depend on it",
                              .unit = "default: all processors",
                              .minimum = 1,
                              .maximum = 1024});
    visit(self.editor, Field{.name = "editor",
                             .help = "rules of editing and gating: this project's (raie) or the "
                                     "paper's; settings of [edit] win over it"});
    visit(self.read, Field{.name = "read", .help = ""});
    visit(self.prepare, Field{.name = "prepare", .help = ""});
    visit(self.simulate, Field{.name = "simulate", .help = ""});
    visit(self.backbone, Field{.name = "backbone", .help = ""});
    visit(self.fit, Field{.name = "fit", .help = ""});
    visit(self.regions, Field{.name = "regions", .help = ""});
    visit(self.edit, Field{.name = "edit", .help = ""});
    visit(self.border, Field{.name = "border", .help = ""});
  }
};

// Returns the tree in force: presets, then `settings` in order, then a check of every range.
// `protocol` is that of the data the run works on; without one, `prepare.protocol` counts.
Configuration Configure(const Settings& settings, std::optional<Protocol> protocol = std::nullopt);

// The same for a model that has a history: what `saved` (the configuration of its version) says of
// seed, editor and [edit] holds unless given anew. Another `editor` brings its own preset along,
// and that of the model's backbone.
Configuration ConfigureAgain(const Settings& settings, Protocol protocol,
                             const std::string& backbone, const nlohmann::ordered_json& saved);

// Returns whether this key was given: as a default of the command, by a file or by itself.
bool IsGiven(const Settings& settings, const std::string& key);

// Returns the fields of the given sections ("" stands for the top level) as they are without
// further settings, for --help.
std::string DescribeSections(const std::vector<std::string>& sections,
                             const std::vector<Setting>& defaults = {});

// Returns the given sections of a tree, for saving: without `threads`, so that what is saved does
// not depend on it ([border] does not matter to results either, and is never saved).
nlohmann::ordered_json SectionsToJson(const Configuration& configuration,
                                      const std::vector<std::string>& sections);

}  // namespace raie
