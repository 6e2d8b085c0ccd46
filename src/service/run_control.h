// What does every phase need besides its own arguments?
#pragma once

#include <string>

#include "base/watched_pass.h"
#include "raie/progress.h"
#include "raie/settings.h"

namespace raie {

class Backbone;

// The references must outlive the call.
struct PhaseControl {
  const Settings& settings;
  TaskPool& pool;
  ProgressObserver progress;
  const CancelFlag* cancel = nullptr;
  NoteObserver note = {};

  // The same with other settings, which must outlive it.
  PhaseControl With(const Settings& other) const { return {other, pool, progress, cancel, note}; }

  // A pass over windows that is watched as the phase is.
  PassRun Pass(std::string phase) const { return {pool, {std::move(phase), progress, cancel}}; }
};

// Throws kCancelled if the user asked to stop; `what` says what was not done.
void CheckNotCancelled(const PhaseControl& control, const char* what);

// Notes it if this machine has no fast arithmetic for the weights of the backbone.
void NoteArithmetic(const PhaseControl& control, const Backbone& backbone);

// Tells which phase begins.
void StartPhase(const PhaseControl& control, const std::string& phase);

}  // namespace raie
