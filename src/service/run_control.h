// What does every phase need besides its own arguments?
#pragma once

#include "base/task_pool.h"
#include "raie/progress.h"
#include "raie/settings.h"

namespace raie {

// The references must outlive the call.
struct PhaseControl {
  const Settings& settings;
  TaskPool& pool;
  ProgressObserver progress;
  const CancelFlag* cancel = nullptr;
};

// Throws kCancelled if the user asked to stop; `what` says what was not done.
void CheckNotCancelled(const PhaseControl& control, const char* what);

// Tells which phase begins.
void StartPhase(const PhaseControl& control, const char* phase);

}  // namespace raie
