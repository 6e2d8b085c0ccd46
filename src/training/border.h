// Which states between two layers can a run keep, and how much room do they take?
//
// Concept: with adapters in the last layers only, and inputs that stay as they are, what the layers
//          below give is the same for every epoch and region. Whoever is about to train asks here
//          for a backbone that keeps it (Pretrained::WithBorder) and uses it in the place of the
//          one he has; nobody after him has to know.
// Source:  docs/decisions/015.
// Errors:  kInvalidArgument with the reason where states are to be kept (border.use = on) and
//          cannot be; those of BorderStore.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "backbones/border_options.h"

namespace raie {

// What is going to be trained.
struct BorderRequest {
  const LoraOptions& adapter;
  std::string layers_key;    // of adapter.last_layers, for messages
  bool trains_rows = false;  // of items
  std::string rows_advice;   // how rows that prompts read stay as they are, for messages
};

// Returns the layer that states can be kept below; 0: none can be, or the options ask for none.
std::int64_t BorderLayer(const Backbone& backbone, const BorderOptions& options,
                         const BorderRequest& request);

// Returns the backbone that keeps them, or null where BorderLayer is 0.
std::unique_ptr<Backbone> WithBorder(const Backbone& backbone, const BorderOptions& options,
                                     const BorderRequest& request);

// Says how much room they are going to take: "states of the frozen layers: about 0.9 GB
// for 12000 windows, at most 4.0 GB are kept in /tmp". `length`: items of a window.
std::string BorderText(const Backbone& backbone, const BorderOptions& options, std::int64_t windows,
                       std::int64_t length);

}  // namespace raie
