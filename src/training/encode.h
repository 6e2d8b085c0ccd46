// Where does a window lie in the space the regions are cut from?
//
// Concept: z = the L2-normalised hidden state at the last position of the context, of the frozen
//          backbone with the item rows of S and no adapter: the very vector that is multiplied with
//          the item rows. The target is never part of it.
// Source:  METHOD section 3 ("z(window)").
// Shapes:  z_ND [windows, D], rows of unit norm; rows of empty contexts are zero.
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "training/item_table.h"
#include "training/score.h"

namespace raie {

// Returns the model that makes z: one slot, no adapter, base rows; it cannot rank. Both arguments
// must outlive it.
BoundModel MakeEncoder(const Backbone& backbone, const ItemTable& items, TaskPool& pool);

// Returns z of contexts that are at hand; none may be empty.
std::vector<float> EncodeContexts(const BoundModel& encoder, const WindowBatch& contexts,
                                  TaskPool& pool);

struct EncodedWindows {
  std::vector<float> z_ND;
  std::vector<std::int64_t> empty;  // windows whose context lost all its items, ascending
};

struct EncodeRequest {
  std::int64_t context = 10;        // L; at most the backbone's
  std::int64_t catalogue_size = 0;  // items outside leave the contexts
};

EncodedWindows EncodeWindows(const BoundModel& encoder, const PreparedData& data,
                             const WindowSet& windows, const EncodeRequest& request,
                             TaskPool& pool);

}  // namespace raie
