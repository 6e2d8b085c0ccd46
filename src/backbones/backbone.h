// What must a sequence model offer so that every method, trainer and server can use it?
//
// Concept: explicit Forward and Backward over one *tile*: a few sequences that share one adapter
//          (or none). The caller cuts batches into tiles, runs tiles in parallel and reduces their
//          gradients in tile order; the backbone itself is stateless, single-threaded per call, and
//          knows no loss, metric, region or file. Sequences are ragged: there is no padding.
// Shapes:  T tokens of a tile, P requested outputs, D width, I/O linear in/out.
//          hidden_PD: the vectors that are multiplied with item rows to give logits.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/adapter.h"
#include "raie/types.h"

namespace raie {

// Stands for the item that is to be found, in backbones with reads_masks(). A row without one asks
// what comes next: such a backbone appends [MASK] to it, and the output at the row's last position
// is that of the appended [MASK]. So whoever wants the next item asks every backbone alike.
inline constexpr ItemId kMaskItem{-2};

// Sequences of a tile, oldest item first, concatenated. Position p of a sequence of n items is
// max_length - n + p: sequences are right-aligned.
struct WindowBatch {
  std::vector<std::int32_t> offsets = {0};  // [B + 1] into items, times
  std::vector<ItemId> items;                // [T]
  std::vector<Timestamp> times;             // [T]; may be empty where reads_times() is false
  std::vector<UserId> users;                // [B]
  std::vector<std::uint32_t>
      row_keys;  // [B] identifies the row in its batch: keys the dropout bits

  std::int64_t num_rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t num_tokens() const { return offsets.back(); }
  // Appends a row of another batch, with all that is known of it there.
  void Append(const WindowBatch& from, std::int64_t row);
};

// A backbone that reads prompts answers at the row's last position from the prompt's end, before
// that from the last token of the item.
struct OutputPosition {
  std::int32_t row;
  std::int32_t position;  // 0 .. length of the row - 1
};

// The item rows a tile reads: a base table, and for one region a few rows that differ.
// Rows are of width D; item i is base_ND[i * D] unless delta_of_item (if not null) says otherwise.
struct ItemRows {
  std::span<const float> base_ND;
  std::span<const std::int32_t> replaced_items;  // sorted item indices with their own row
  std::span<const float> replaced_rows;          // [number replaced, D]: base + delta
};

// W_0 with one adapter, in the layout the kernels want; made once a step per adapter and shared by
// its tiles. Refers to the backbone and the adapter it was made from.
class BoundWeights {
 public:
  virtual ~BoundWeights() = default;
};

// Activations a Backward needs.
class Tape {
 public:
  virtual ~Tape() = default;
};

struct ForwardInput {
  const WindowBatch& batch;
  std::span<const OutputPosition> outputs;  // sorted by (row, position)
  const ItemRows& items;
  bool training = false;   // dropout on, tape kept
  std::uint64_t seed = 0;  // dropout bits are a function of (seed, step, row key, position, site)
  std::uint64_t step = 0;
  // Tokens that name the user of every row, who need not be one the backbone was told of
  // (Pretrained::TokensOfUser); empty: batch.users says who it is.
  std::span<const std::int32_t> user_tokens = {};
};

// Where Backward adds gradients; an empty span means "not wanted" and its work is skipped.
struct GradientSink {
  std::span<float> parameters;  // flat, as Backbone::parameters()
  std::span<float> adapter;     // flat, as Adapter::values()
  std::span<float> input_TD;  // gradient to the gathered item row of every token (set, not added);
                              // zero for kMaskItem
};

// About how many tokens a row is for a backbone that reads text, and what they take in memory, to
// cut batches into tiles by.
struct TokenCost {
  std::int64_t of_row = 0;
  std::int64_t of_item = 1;
  std::int64_t tape_bytes = 0;  // of a token, in training; 0: little
};

class Pretrained;

enum class Purpose { kScore, kTrainAdapter, kTrainAll };

class Backbone {
 public:
  virtual ~Backbone() = default;

  virtual std::int64_t dim() const = 0;
  virtual std::int64_t max_length() const = 0;
  virtual std::span<const LinearMapInfo> linear_maps() const = 0;
  // Does a tile need the time of every event?
  virtual bool reads_times() const { return false; }
  // Does a tile need the user of every row?
  virtual bool reads_users() const { return false; }
  // May rows hold kMaskItem? They may then be max_length() + 1 long, and S is fitted by cloze.
  virtual bool reads_masks() const { return false; }

  virtual TokenCost token_cost() const { return {}; }
  // What else a backbone can do whose weights come from a checkpoint (backbones/pretrained.h);
  // null: its parameters are fitted on S.
  virtual const Pretrained* pretrained() const { return nullptr; }

  virtual std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose purpose) const = 0;
  virtual std::unique_ptr<Tape> Forward(const BoundWeights& weights, const ForwardInput& input,
                                        std::span<float> hidden_PD) const = 0;
  virtual void Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                        std::span<const float> grad_PD, const GradientSink& sink) const = 0;

  // All parameters but the item table, in one flat buffer; parameter_list names its parts. Empty
  // where weights are frozen for good: then adapters and item rows are all that is trained.
  struct Parameter {
    std::string name;
    std::vector<std::int64_t> shape;
    std::int64_t begin;  // offset into parameters()
    bool decays;         // weight decay applies
  };
  virtual std::span<const Parameter> parameter_list() const = 0;
  virtual std::span<float> parameters() = 0;
  virtual std::span<const float> parameters() const = 0;
};

}  // namespace raie
