// How is a backbone fitted from nothing but its options?
//
// Concept: make it and its item rows, fit, and where its weights come from a checkpoint, train the
//          adapter instead and merge it: what comes out is frozen, whatever the backbone.
//          One that asks for it is given the centre of its states over S first. Item rows are
//          trained, so that states between layers are kept (training/border.h) only if histories
//          are written as titles.
// Source:  METHOD section 3.
// Errors:  those of MakeBackbone and FitBackbone.
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "backbones/border_options.h"
#include "backbones/registry.h"
#include "raie/progress.h"
#include "training/fit.h"

namespace raie {

struct FitStart {
  BackboneOptions backbone;
  std::uint64_t backbone_seed = 0;
  std::uint64_t rows_seed = 0;
  BorderOptions border = {};
  NoteObserver note = {};                          // told how much room border states take
  std::function<void(const Backbone&)> made = {};  // told of the backbone before it is fitted
};

struct FittedBackbone {
  std::shared_ptr<Backbone> backbone;
  std::shared_ptr<ItemTable> items;
  FitReport report;
  std::int64_t trained_parameters = 0;  // item rows included
};

// `request.adapter` is not read.
FittedBackbone FitFromStart(const FitStart& start, const FitOptions& options, FitRequest request,
                            TaskPool& pool);

}  // namespace raie
