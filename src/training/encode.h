// Where does a window lie in the space the regions are cut from?
//
// Concept: z = the L2-normalised hidden state at the last position of the context, of the frozen
//          backbone with the item rows of S and no adapter: the very vector that is multiplied with
//          the item rows. The target is never part of it.
// Source:  METHOD section 3 ("z(window)").
// Shapes:  z_BD [contexts, D], rows of unit norm.
// Threads: same bytes for any number of threads.
#pragma once

#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "training/item_table.h"
#include "training/score.h"

namespace raie {

// Returns the model that makes z: one slot, no adapter (the published code: one), base rows; it
// cannot rank. All arguments must outlive it.
BoundModel MakeEncoder(const Backbone& backbone, const ItemTable& items, TaskPool& pool,
                       const Adapter* adapter = nullptr);

// What z is made of: the last position, or the mean over all (the published code).
enum class Pooling { kLast, kMean };

// Returns z of contexts that are at hand; none may be empty.
std::vector<float> EncodeContexts(const BoundModel& encoder, const WindowBatch& contexts,
                                  TaskPool& pool, Pooling pooling = Pooling::kLast);

}  // namespace raie
