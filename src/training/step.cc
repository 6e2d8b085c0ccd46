#include "training/step.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "kernels/aligned.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kItemRanges = 8;       // tasks that add token gradients to item rows
constexpr std::int64_t kStepPiece = 1 << 15;  // numbers a task adds over the parts

void AddScaled(float scale, const float* from, std::int64_t dim, float* to) {
  for (std::int64_t d = 0; d < dim; ++d) to[d] += scale * from[d];
}

std::vector<float> GatherRows(std::span<const float> table_ND, std::span<const std::int32_t> items,
                              std::int64_t dim) {
  std::vector<float> rows;
  rows.reserve(items.size() * dim);
  for (const std::int32_t item : items) {
    const auto row = table_ND.subspan(item * dim, dim);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

// The gradient of anchor * sum |e - e0|^2.
void AddAnchor(const TrainedRows& rows, std::span<const float> values, std::span<float> gradient) {
  if (rows.anchor == 0) return;
  const auto pull = static_cast<float>(2 * rows.anchor);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    gradient[i] += pull * (values[i] - rows.start_rows_nD[i]);
  }
}

std::vector<ParameterRange> RangesOf(const Backbone& backbone) {
  std::vector<ParameterRange> ranges;
  for (const Backbone::Parameter& parameter : backbone.parameter_list()) {
    const std::int64_t size = std::accumulate(parameter.shape.begin(), parameter.shape.end(),
                                              std::int64_t{1}, std::multiplies<>());
    ranges.push_back({parameter.begin, parameter.begin + size, parameter.decays});
  }
  return ranges;
}

}  // namespace

TrainedRows TrainAllRows(const ItemTable& table, std::int64_t catalogue_size) {
  TrainedRows rows;
  rows.which = TrainedRows::Which::kAll;
  rows.state = AdamState(catalogue_size * table.dim());
  return rows;
}

TrainedRows TrainListedRows(const ItemTable& table, std::vector<std::int32_t> items,
                            double anchor) {
  TrainedRows rows;
  rows.start_rows_nD = GatherRows(table.base_ND(), items, table.dim());
  rows.state = AdamState(std::ssize(items) * table.dim());
  rows.items = std::move(items);
  rows.anchor = anchor;
  return rows;
}

TrainedRows TrainOwnRows(ItemTable& table, RegionId region, std::vector<std::int32_t> items,
                         double anchor) {
  const ReplacedRows& own = table.MakeOwnRows(region, items);
  TrainedRows rows;
  rows.items = own.items;
  rows.start_rows_nD = GatherRows(table.base_ND(), own.items, table.dim());
  rows.state = AdamState(std::ssize(own.rows_nD));
  rows.anchor = anchor;
  return rows;
}

// Buffers kept between steps.
struct StepEngine::Scratch {
  explicit Scratch(const LossOptions& options) : loss(options) {}

  Loss loss;
  kernels::AlignedFloats hidden_PD;
  kernels::AlignedFloats grad_PD;
  kernels::AlignedFloats input_TD;
  kernels::AlignedFloats grad_items_ND;
  std::vector<kernels::AlignedFloats> parts;     // by buffer: parameters or adapter
  std::vector<kernels::AlignedFloats> own_rows;  // by slot
  // Of a micro-batch that is not the first to have them.
  kernels::AlignedFloats more_items_ND, more_own_rows;
};

class StepEngine::Run {
 public:
  Run(StepEngine& engine, const TrainingBatch& batch, std::uint64_t step,
      const TrainedParts& trained)
      : engine_(engine),
        scratch_(*engine.scratch_),
        pool_(engine.pool_),
        batch_(batch),
        step_(step),
        trained_(trained),
        dim_(engine.backbone_.dim()),
        tiled_(MakeTiles(batch, engine.options_.tiles, engine.backbone_.token_cost())) {}

  StepReport Go() {
    Prepare();
    Weigh();
    Bind();
    for (const MicroBatch& micro : tiled_.micro_batches) {
      Forward(micro);
      ComputeLoss(micro);
      Backward(micro);
    }
    AddParts();
    MoveParameters();
    MoveItems();
    return Report();
  }

 private:
  const TrainedSlot& SlotOf(std::int32_t slot) const { return trained_.slots[slot]; }
  bool TrainsAdapter(std::int32_t slot) const {
    return SlotOf(slot).adapter != nullptr && SlotOf(slot).state != nullptr;
  }
  bool WantsInput(std::int32_t slot) const {
    return trained_.shared_rows != nullptr || SlotOf(slot).own_rows != nullptr;
  }
  ItemRows RowsOf(std::int32_t slot) const {
    return std::as_const(*trained_.items).Rows(SlotOf(slot).region);
  }

  void Prepare() {
    const auto outputs = std::ssize(tiled_.output_slots);
    scratch_.own_rows.resize(std::max(scratch_.own_rows.size(), trained_.slots.size()));
    scratch_.hidden_PD.Resize(outputs * dim_);
    scratch_.grad_PD.Resize(outputs * dim_);
    scratch_.input_TD.Resize(tiled_.num_tokens * dim_);
    const std::int64_t buffers = tiled_.buffers.empty() ? 0 : tiled_.buffers.back().end;
    scratch_.parts.resize(std::max<std::size_t>(scratch_.parts.size(), buffers));
    begun_.assign(buffers, 0);
    tapes_.resize(tiled_.tiles.size());
  }

  // Turns relative weights into those of the slots' means, and finds what an output's share in the
  // mean over the batch is to its share in its slot's.
  void Weigh() {
    report_.slot_loss.assign(trained_.slots.size(), 0);
    report_.slot_weight.assign(trained_.slots.size(), 0);
    for (const Target& target : tiled_.targets) {
      report_.slot_weight[tiled_.output_slots[target.output]] += target.weight;
    }
    total_weight_ = std::accumulate(report_.slot_weight.begin(), report_.slot_weight.end(), 0.0);
    targets_ = tiled_.targets;
    for (Target& target : targets_) {
      const double sum = report_.slot_weight[tiled_.output_slots[target.output]];
      target.weight = sum > 0 ? static_cast<float>(target.weight / sum) : 0;
    }
    if (tiled_.buffers.size() > 1 && trained_.shared_rows != nullptr) {
      for (const std::int32_t slot : tiled_.output_slots) item_scale_P_.push_back(ItemScale(slot));
    }
    NameTargets();
  }

  float ItemScale(std::int32_t slot) const {
    return total_weight_ > 0 ? static_cast<float>(report_.slot_weight[slot] / total_weight_) : 0;
  }

  // Negatives are drawn by (row key, number of the target in its row), however rows are tiled.
  void NameTargets() {
    std::vector<std::uint64_t> by_batch(batch_.targets.size());
    std::int32_t row = -1;
    std::uint64_t number = 0;
    for (std::size_t t = 0; t < by_batch.size(); ++t) {
      const std::int32_t of = batch_.outputs[batch_.targets[t].output].row;
      number = of == row ? number + 1 : 0;
      row = of;
      by_batch[t] = (std::uint64_t{batch_.rows.row_keys[row]} << 32) | number;
    }
    for (const std::int64_t t : tiled_.target_in_batch) target_keys_.push_back(by_batch[t]);
  }

  void Bind() {
    bound_.resize(trained_.slots.size());
    const Purpose purpose =
        trained_.backbone != nullptr ? Purpose::kTrainAll : Purpose::kTrainAdapter;
    pool_.ForEach(std::ssize(tiled_.buffers), [&](std::int64_t task, int) {
      const std::int32_t slot = tiled_.buffers[task].slot;
      bound_[slot] = engine_.backbone_.Bind(SlotOf(slot).adapter, purpose);
    });
  }

  ForwardInput InputOf(const Tile& tile, const ItemRows& rows) const {
    return {.batch = tile.rows,
            .outputs = tile.outputs,
            .items = rows,
            .training = true,
            .seed = engine_.options_.seed,
            .step = step_};
  }

  void Forward(const MicroBatch& micro) {
    pool_.ForEach(micro.tiles.size(), [&](std::int64_t task, int) {
      const std::int64_t number = micro.tiles.begin + task;
      const Tile& tile = tiled_.tiles[number];
      const ItemRows rows = RowsOf(tile.slot);
      tapes_[number] = engine_.backbone_.Forward(*bound_[tile.slot], InputOf(tile, rows),
                                                 OutputsOf(scratch_.hidden_PD, tile));
    });
  }

  std::span<float> OutputsOf(kernels::AlignedFloats& buffer_PD, const Tile& tile) const {
    return buffer_PD.span().subspan(tile.first_output * dim_, std::ssize(tile.outputs) * dim_);
  }

  // The outputs of a micro-batch of something that has `width` numbers for each.
  template <class Value>
  static std::span<Value> Part(const MicroBatch& micro, std::span<Value> all, std::int64_t width) {
    if (all.empty()) return all;
    return all.subspan(micro.outputs.begin * width, micro.outputs.size() * width);
  }

  bool IsFirst(const MicroBatch& micro) const { return micro.tiles.begin == 0; }
  // Has the slot of this tile no tile before it?
  bool BeginsSlot(std::int64_t tile) const {
    return tile == 0 || tiled_.tiles[tile - 1].slot != tiled_.tiles[tile].slot;
  }

  // The slots of a micro-batch; their outputs are numbered within it. A loss sets gradients of own
  // rows: those of a slot that an earlier micro-batch had a part of are set apart.
  std::vector<OutputGroup> GroupsOf(const MicroBatch& micro) {
    std::vector<OutputGroup> groups;
    for (std::int64_t t = micro.tiles.begin; t < micro.tiles.end; ++t) {
      const Tile& tile = tiled_.tiles[t];
      const std::int64_t begin = tile.first_output - micro.outputs.begin;
      if (t == micro.tiles.begin || BeginsSlot(t)) {
        OutputGroup& group = groups.emplace_back();
        group.begin = begin;
        group.rows = RowsOf(tile.slot);
        if (SlotOf(tile.slot).own_rows != nullptr) {
          kernels::AlignedFloats& gradient =
              BeginsSlot(t) ? scratch_.own_rows[tile.slot] : scratch_.more_own_rows;
          gradient.Resize(std::ssize(group.rows.replaced_rows));
          group.grad_replaced_nD = gradient.span();
        }
      }
      groups.back().end = begin + std::ssize(tile.outputs);
    }
    return groups;
  }

  void ComputeLoss(const MicroBatch& micro) {
    const std::vector<OutputGroup> groups = GroupsOf(micro);
    LossGradients gradients{.hidden_PD = Part(micro, scratch_.grad_PD.span(), dim_),
                            .items_ND = {},
                            .item_scale_P = Part(micro, std::span<const float>(item_scale_P_), 1)};
    if (trained_.shared_rows != nullptr) {
      kernels::AlignedFloats& items_ND =
          IsFirst(micro) ? scratch_.grad_items_ND : scratch_.more_items_ND;
      items_ND.Resize(trained_.catalogue_size * dim_);
      gradients.items_ND = items_ND.span();
    }
    const auto [begin, end] = micro.targets;
    std::vector<Target> targets(targets_.begin() + begin, targets_.begin() + end);
    for (Target& target : targets) target.output -= static_cast<std::int32_t>(micro.outputs.begin);
    losses_T_.resize(targets_.size());
    const auto losses_T = std::span(losses_T_).subspan(begin, micro.targets.size());
    scratch_.loss.Compute(
        {.hidden_PD = Part(micro, std::span<const float>(scratch_.hidden_PD.span()), dim_),
         .dim = dim_,
         .catalogue_size = trained_.catalogue_size,
         .groups = groups,
         .targets = targets,
         .target_keys = std::span(target_keys_).subspan(begin, micro.targets.size()),
         .seed = engine_.options_.seed,
         .step = step_},
        pool_, losses_T, gradients);
    if (trained_.teacher != nullptr) Distil(micro, targets, losses_T, gradients);
    if (IsFirst(micro)) return;
    AddTo(gradients.items_ND, scratch_.grad_items_ND.span());
    if (!BeginsSlot(micro.tiles.begin)) {
      AddTo(groups[0].grad_replaced_nD,
            scratch_.own_rows[tiled_.tiles[micro.tiles.begin].slot].span());
    }
  }

  void AddTo(std::span<const float> from, std::span<float> sum) {
    const auto size = std::ssize(from);
    pool_.ForEach((size + kStepPiece - 1) / kStepPiece, [&](std::int64_t piece, int) {
      const std::int64_t begin = piece * kStepPiece;
      AddScaled(1, from.data() + begin, std::min(kStepPiece, size - begin), sum.data() + begin);
    });
  }

  void Distil(const MicroBatch& micro, std::span<const Target> targets, std::span<double> losses_T,
              const LossGradients& gradients) {
    const std::vector<float>& by_batch = batch_.teacher_PD;
    std::vector<float> teacher_PD;
    for (std::int64_t output = micro.outputs.begin; output < micro.outputs.end; ++output) {
      const std::int64_t p = tiled_.output_in_batch[output];
      teacher_PD.insert(teacher_PD.end(), by_batch.begin() + p * dim_,
                        by_batch.begin() + (p + 1) * dim_);
    }
    std::vector<float> weights_P(micro.outputs.size());
    for (const Target& target : targets) weights_P[target.output] += target.weight;
    std::vector<double> losses_P(weights_P.size());
    trained_.teacher->Add(
        {.hidden_PD = Part(micro, std::span<const float>(scratch_.hidden_PD.span()), dim_),
         .teacher_PD = teacher_PD,
         .items_ND = std::as_const(*trained_.items).base_ND(),
         .weights_P = weights_P},
        pool_, losses_P, gradients);
    for (std::size_t t = 0; t < targets.size(); ++t) losses_T[t] += losses_P[targets[t].output];
  }

  void Backward(const MicroBatch& micro) {
    pool_.ForEach(micro.parts.size(), [&](std::int64_t task, int) {
      const TilePart& part = tiled_.parts[micro.parts.begin + task];
      GradientSink sink = SinkOf(part);
      for (std::int64_t t = part.begin; t < part.end; t += part.stride) {
        const Tile& tile = tiled_.tiles[t];
        const std::unique_ptr<Tape> tape = std::move(tapes_[t]);
        if (sink.parameters.empty() && sink.adapter.empty() && !WantsInput(part.slot)) continue;
        const ItemRows rows = RowsOf(tile.slot);
        if (WantsInput(part.slot)) {
          sink.input_TD = scratch_.input_TD.span().subspan(tile.first_token * dim_,
                                                           tile.rows.num_tokens() * dim_);
        }
        engine_.backbone_.Backward(*bound_[tile.slot], InputOf(tile, rows), *tape,
                                   OutputsOf(scratch_.grad_PD, tile), sink);
      }
    });
  }

  // Zero where the part's buffer is written for the first time.
  GradientSink SinkOf(const TilePart& part) {
    const std::int64_t size =
        trained_.backbone != nullptr ? std::ssize(engine_.backbone_.parameters())
        : TrainsAdapter(part.slot)   ? std::ssize(SlotOf(part.slot).adapter->values())
                                     : std::int64_t{0};
    if (size == 0) return {};
    kernels::AlignedFloats& buffer = scratch_.parts[part.buffer];
    if (!begun_[part.buffer]) {
      buffer.Resize(size);
      std::fill(buffer.span().begin(), buffer.span().end(), 0.0f);
      begun_[part.buffer] = 1;
    }
    GradientSink sink;
    (trained_.backbone != nullptr ? sink.parameters : sink.adapter) = buffer.span();
    return sink;
  }

  // Adds the buffers of each slot (all buffers, for the backbone) into its first.
  void AddParts() {
    struct Piece {
      std::int64_t first;
      std::int64_t last;
      std::int64_t begin;
    };
    std::vector<Piece> pieces;
    const auto cut = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t begin = 0; begin < scratch_.parts[first].size(); begin += kStepPiece) {
        pieces.push_back({first, last, begin});
      }
    };
    if (trained_.backbone != nullptr) {
      if (!tiled_.buffers.empty()) cut(0, tiled_.buffers.back().end);
    } else {
      for (const SlotBuffers& present : tiled_.buffers) {
        if (TrainsAdapter(present.slot)) cut(present.begin, present.end);
      }
    }
    pool_.ForEach(std::ssize(pieces), [&](std::int64_t number, int) {
      const Piece& piece = pieces[number];
      const std::int64_t size =
          std::min(kStepPiece, scratch_.parts[piece.first].size() - piece.begin);
      float* sum = scratch_.parts[piece.first].data() + piece.begin;
      for (std::int64_t part = piece.first + 1; part < piece.last; ++part) {
        AddScaled(1, scratch_.parts[part].data() + piece.begin, size, sum);
      }
    });
  }

  void MoveParameters() {
    if (trained_.backbone != nullptr) {
      if (tiled_.parts.empty()) return;
      AdamStep(engine_.options_.adam, RangesOf(engine_.backbone_), scratch_.parts[0].span(),
               engine_.backbone_.parameters(), *trained_.backbone, pool_);
      return;
    }
    std::vector<SlotGradient> gradients;
    for (const SlotBuffers& present : tiled_.buffers) {
      if (!TrainsAdapter(present.slot)) continue;
      gradients.push_back({present.slot, scratch_.parts[present.begin].span()});
    }
    if (engine_.penalty_) engine_.penalty_(gradients);
    pool_.ForEach(std::ssize(gradients), [&](std::int64_t number, int) {
      const TrainedSlot& slot = SlotOf(gradients[number].slot);
      AdamStep(engine_.options_.adam, {}, gradients[number].gradient, slot.adapter->values(),
               *slot.state, pool_);
    });
  }

  void MoveItems() {
    const bool any = std::ranges::any_of(tiled_.buffers,
                                         [&](const SlotBuffers& p) { return WantsInput(p.slot); });
    if (!any) return;
    AddTokenGradients();
    for (const SlotBuffers& present : tiled_.buffers) {
      TrainedRows* own = SlotOf(present.slot).own_rows;
      if (own == nullptr) continue;
      std::vector<float>& values = trained_.items->OwnRows(SlotOf(present.slot).region)->rows_nD;
      const std::span<float> gradient = scratch_.own_rows[present.slot].span();
      AddAnchor(*own, values, gradient);
      AdamStep(engine_.options_.adam, {}, gradient, values, own->state, pool_);
    }
    if (trained_.shared_rows != nullptr) MoveSharedRows(*trained_.shared_rows);
  }

  // Tokens in batch order; a task owns a range of items.
  void AddTokenGradients() {
    const std::int64_t num_items = trained_.items->num_items();
    pool_.ForEach(kItemRanges, [&](std::int64_t range, int) {
      const std::int64_t begin = num_items * range / kItemRanges;
      const std::int64_t end = num_items * (range + 1) / kItemRanges;
      for (const Tile& tile : tiled_.tiles) {
        if (!WantsInput(tile.slot)) continue;
        for (std::int64_t token = 0; token < tile.rows.num_tokens(); ++token) {
          const std::int32_t item = Index(tile.rows.items[token]);
          if (item < begin || item >= end) continue;
          AddToken(tile.slot, item, scratch_.input_TD.data() + (tile.first_token + token) * dim_);
        }
      }
    });
  }

  void AddToken(std::int32_t slot, std::int32_t item, const float* gradient_D) {
    const auto items = RowsOf(slot).replaced_items;
    const auto own = std::lower_bound(items.begin(), items.end(), item);
    if (own != items.end() && *own == item) {
      if (SlotOf(slot).own_rows == nullptr) return;
      AddScaled(1, gradient_D, dim_, scratch_.own_rows[slot].data() + (own - items.begin()) * dim_);
    } else if (trained_.shared_rows != nullptr && item < trained_.catalogue_size) {
      AddScaled(ItemScale(slot), gradient_D, dim_, scratch_.grad_items_ND.data() + item * dim_);
    }
  }

  void MoveSharedRows(TrainedRows& rows) {
    const std::span<float> table = trained_.items->base_ND();
    AdamOptions adam = engine_.options_.adam;
    adam.learning_rate *= rows.rate;
    if (rows.which == TrainedRows::Which::kAll) {
      const auto values = table.first(trained_.catalogue_size * dim_);
      AddAnchor(rows, values, scratch_.grad_items_ND.span());
      AdamStep(adam, {}, scratch_.grad_items_ND.span(), values, rows.state, pool_);
      return;
    }
    std::vector<float> gradient = GatherRows(scratch_.grad_items_ND.span(), rows.items, dim_);
    std::vector<float> values = GatherRows(table, rows.items, dim_);
    AddAnchor(rows, values, gradient);
    AdamStep(adam, {}, gradient, values, rows.state, pool_);
    for (std::size_t i = 0; i < rows.items.size(); ++i) {
      std::copy_n(values.data() + i * dim_, dim_, table.data() + rows.items[i] * dim_);
    }
  }

  StepReport Report() {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      report_.slot_loss[tiled_.output_slots[targets_[t].output]] +=
          tiled_.targets[t].weight * losses_T_[t];
    }
    for (std::size_t slot = 0; slot < report_.slot_loss.size(); ++slot) {
      report_.loss += report_.slot_loss[slot];
      if (report_.slot_weight[slot] > 0) report_.slot_loss[slot] /= report_.slot_weight[slot];
    }
    if (total_weight_ > 0) report_.loss /= total_weight_;
    return std::move(report_);
  }

  StepEngine& engine_;
  Scratch& scratch_;
  TaskPool& pool_;
  const TrainingBatch& batch_;
  std::uint64_t step_;
  const TrainedParts& trained_;
  std::int64_t dim_;
  TiledBatch tiled_;
  std::vector<Target> targets_;  // weights of the slots' means
  std::vector<std::uint64_t> target_keys_;
  std::vector<float> item_scale_P_;
  double total_weight_ = 0;
  std::vector<std::unique_ptr<BoundWeights>> bound_;  // by slot
  std::vector<std::unique_ptr<Tape>> tapes_;          // by tile
  std::vector<char> begun_;                           // by gradient buffer
  std::vector<double> losses_T_;
  StepReport report_;
};

StepEngine::StepEngine(Backbone& backbone, const StepOptions& options, TaskPool& pool)
    : backbone_(backbone),
      options_(options),
      pool_(pool),
      scratch_(std::make_unique<Scratch>(options.loss)) {
  CheckRanges(FieldsOf(options_.adam), "optimiser");
}
StepEngine::~StepEngine() = default;

void StepEngine::SetPenalty(Penalty penalty) { penalty_ = std::move(penalty); }

StepReport StepEngine::Step(const TrainingBatch& batch, std::uint64_t step,
                            const TrainedParts& parts) {
  if (parts.items == nullptr || parts.slots.empty()) {
    throw Error(ErrorCode::kInternal, "a training step needs an item table and at least one slot");
  }
  if (parts.teacher != nullptr) {
    const bool own_rows = std::ranges::any_of(parts.slots, [&](const TrainedSlot& slot) {
      return !std::as_const(*parts.items).Rows(slot.region).replaced_items.empty();
    });
    if (own_rows || batch.teacher_PD.size() != batch.outputs.size() * backbone_.dim()) {
      throw Error(ErrorCode::kInternal,
                  "a step with a teacher needs its states of every output and base rows only");
    }
  }
  CheckBatch(batch, {.num_items = parts.items->num_items(),
                     .catalogue_size = parts.catalogue_size,
                     .num_slots = std::ssize(parts.slots)});
  return Run(*this, batch, step, parts).Go();
}

}  // namespace raie
