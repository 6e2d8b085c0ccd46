// Who says which region a context belongs to, where it is not the nearest centre of the snapshot?
//
// Source:  METHOD section 4 ("random_regions"); docs/decisions/010.
// Threads: const methods may run concurrently unless they are given the same pool.
#pragma once

#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "regions/router.h"

namespace raie {

class ContextRouter {
 public:
  virtual ~ContextRouter() = default;

  // Returns the region of each context (none empty), with its slot among the snapshot's regions.
  virtual std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const = 0;
};

}  // namespace raie
