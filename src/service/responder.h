// How is one request answered quickly?
//
// Concept: what does not depend on the request is made once: the bound weights of the backbone and
//          of every adapter, the packed item rows, what the popularity prior adds, the index from
//          raw ids and titles to items. A request is then two short forward passes (route, predict)
//          and one pass over the items.
// Source:  METHOD section 4, Eq. 9 and 10.
// Errors:  kInvalidArgument for an empty context.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/ranking.h"
#include "regions/router.h"
#include "store/model_directory.h"
#include "training/snapshot.h"

namespace raie {

struct ContextItem {
  ItemId item;
  Timestamp time;
};

struct Question {
  std::span<const ContextItem> context;         // oldest first; its end is read
  std::string_view user = {};                   // raw id of whoever asks; "": not known
  std::int64_t count = 10;                      // of the answer
  std::span<const std::int32_t> excluded = {};  // sorted
};

struct Answer {
  std::vector<kernels::ScoredItem> items;  // best first
  Route route;
  bool read_user = false;  // the user's own id, not that of an unknown one
};

class Responder {
 public:
  // Reads the last `length` items of a history, as the model was fitted.
  Responder(std::shared_ptr<const Snapshot> snapshot, ItemNames names, std::int64_t length);
  Responder(const Responder&) = delete;  // its indexes point into itself
  Responder& operator=(const Responder&) = delete;

  const Snapshot& snapshot() const { return *snapshot_; }
  const ItemNames& names() const { return names_; }

  ItemId WithId(std::string_view id) const;  // kNoItem: the model does not know it

  // By raw id, else by title (the first item with it); kNoItem if neither is known.
  ItemId Find(std::string_view text) const;

  // The items with this title, in the order of the catalogue; none if `text` is an id.
  std::span<const ItemId> WithTitle(std::string_view text) const;

  // The best items for a context.
  Answer Respond(const Question& question) const;

 private:
  // What answers one region.
  struct Slot {
    std::unique_ptr<BoundWeights> weights;
    ItemRows rows;
  };

  // One row and whose it is.
  struct Request {
    WindowBatch batch;
    std::vector<std::int32_t> user_tokens;
  };

  Request Read(const Question& question) const;
  std::vector<float> Hidden(const BoundWeights& weights, const ItemRows& rows,
                            const Request& request) const;
  std::vector<float> Scores(const Slot& slot, std::span<const float> hidden_D) const;

  std::shared_ptr<const Snapshot> snapshot_;
  ItemNames names_;
  std::int64_t length_;
  std::unique_ptr<BoundWeights> routing_weights_;
  ItemRows routing_rows_;
  std::vector<Slot> slots_;  // by slot of the region set; one if there are no regions
  kernels::PackedWeights packed_items_;
  std::vector<float> bias_N_;  // of the popularity prior; empty: none
  std::unordered_map<std::string_view, ItemId> by_id_;
  std::unordered_map<std::string_view, std::vector<ItemId>> by_title_;
};

}  // namespace raie
