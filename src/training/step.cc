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
  std::vector<kernels::AlignedFloats> parts;     // by part: parameters or adapter
  std::vector<kernels::AlignedFloats> own_rows;  // by slot
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
    FindSlots();
    Weigh();
    Bind();
    Forward();
    ComputeLoss();
    Backward();
    AddParts();
    MoveParameters();
    MoveItems();
    return Report();
  }

 private:
  // Which slots have rows here, and where their parts are.
  struct Present {
    std::int32_t slot;
    std::int64_t part_begin;
    std::int64_t part_end;
  };

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

  void FindSlots() {
    for (std::int64_t part = 0; part < std::ssize(tiled_.parts); ++part) {
      const std::int32_t slot = tiled_.parts[part].slot;
      if (present_.empty() || present_.back().slot != slot) present_.push_back({slot, part, part});
      present_.back().part_end = part + 1;
    }
    scratch_.own_rows.resize(std::max(scratch_.own_rows.size(), trained_.slots.size()));
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
    if (present_.size() > 1 && trained_.shared_rows != nullptr) {
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
    pool_.ForEach(std::ssize(present_), [&](std::int64_t task, int) {
      const std::int32_t slot = present_[task].slot;
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

  void Forward() {
    scratch_.hidden_PD.Resize(std::ssize(tiled_.output_slots) * dim_);
    tapes_.resize(tiled_.tiles.size());
    pool_.ForEach(std::ssize(tiled_.tiles), [&](std::int64_t number, int) {
      const Tile& tile = tiled_.tiles[number];
      const ItemRows rows = RowsOf(tile.slot);
      tapes_[number] = engine_.backbone_.Forward(*bound_[tile.slot], InputOf(tile, rows),
                                                 OutputsOf(scratch_.hidden_PD, tile));
    });
  }

  std::span<float> OutputsOf(kernels::AlignedFloats& buffer_PD, const Tile& tile) const {
    return buffer_PD.span().subspan(tile.first_output * dim_, std::ssize(tile.outputs) * dim_);
  }

  void ComputeLoss() {
    std::vector<OutputGroup> groups;
    for (const Present& present : present_) {
      const Tile& first = tiled_.tiles[tiled_.parts[present.part_begin].begin];
      const Tile& last = tiled_.tiles[tiled_.parts[present.part_end - 1].end - 1];
      OutputGroup group{.begin = first.first_output,
                        .end = last.first_output + std::ssize(last.outputs),
                        .rows = RowsOf(present.slot),
                        .grad_replaced_nD = {}};
      if (SlotOf(present.slot).own_rows != nullptr) {
        kernels::AlignedFloats& gradient = scratch_.own_rows[present.slot];
        gradient.Resize(std::ssize(group.rows.replaced_rows));
        group.grad_replaced_nD = gradient.span();
      }
      groups.push_back(group);
    }
    scratch_.grad_PD.Resize(scratch_.hidden_PD.size());
    LossGradients gradients{
        .hidden_PD = scratch_.grad_PD.span(), .items_ND = {}, .item_scale_P = item_scale_P_};
    if (trained_.shared_rows != nullptr) {
      scratch_.grad_items_ND.Resize(trained_.catalogue_size * dim_);
      gradients.items_ND = scratch_.grad_items_ND.span();
    }
    losses_T_.resize(targets_.size());
    scratch_.loss.Compute({.hidden_PD = scratch_.hidden_PD.span(),
                           .dim = dim_,
                           .catalogue_size = trained_.catalogue_size,
                           .groups = groups,
                           .targets = targets_,
                           .target_keys = target_keys_,
                           .seed = engine_.options_.seed,
                           .step = step_},
                          pool_, losses_T_, gradients);
    if (trained_.teacher != nullptr) Distil(gradients);
  }

  void Distil(const LossGradients& gradients) {
    const std::vector<float>& by_batch = batch_.teacher_PD;
    std::vector<float> teacher_PD;
    for (const std::int64_t p : tiled_.output_in_batch) {
      teacher_PD.insert(teacher_PD.end(), by_batch.begin() + p * dim_,
                        by_batch.begin() + (p + 1) * dim_);
    }
    std::vector<float> weights_P(tiled_.output_slots.size());
    for (const Target& target : targets_) weights_P[target.output] += target.weight;
    std::vector<double> losses_P(weights_P.size());
    trained_.teacher->Add({.hidden_PD = scratch_.hidden_PD.span(),
                           .teacher_PD = teacher_PD,
                           .items_ND = std::as_const(*trained_.items).base_ND(),
                           .weights_P = weights_P},
                          pool_, losses_P, gradients);
    for (std::size_t t = 0; t < targets_.size(); ++t) losses_T_[t] += losses_P[targets_[t].output];
  }

  void Backward() {
    scratch_.input_TD.Resize(tiled_.num_tokens * dim_);
    scratch_.parts.resize(std::max(scratch_.parts.size(), tiled_.parts.size()));
    pool_.ForEach(std::ssize(tiled_.parts), [&](std::int64_t number, int) {
      const TilePart& part = tiled_.parts[number];
      GradientSink sink = SinkOf(part.slot, scratch_.parts[number]);
      if (sink.parameters.empty() && sink.adapter.empty() && !WantsInput(part.slot)) return;
      for (std::int64_t t = part.begin; t < part.end; ++t) {
        const Tile& tile = tiled_.tiles[t];
        const ItemRows rows = RowsOf(tile.slot);
        if (WantsInput(part.slot)) {
          sink.input_TD = scratch_.input_TD.span().subspan(tile.first_token * dim_,
                                                           tile.rows.num_tokens() * dim_);
        }
        engine_.backbone_.Backward(*bound_[tile.slot], InputOf(tile, rows), *tapes_[t],
                                   OutputsOf(scratch_.grad_PD, tile), sink);
        tapes_[t].reset();
      }
    });
  }

  GradientSink SinkOf(std::int32_t slot, kernels::AlignedFloats& buffer) const {
    GradientSink sink;
    if (trained_.backbone != nullptr) {
      buffer.Resize(std::ssize(engine_.backbone_.parameters()));
      sink.parameters = buffer.span();
    } else if (TrainsAdapter(slot)) {
      buffer.Resize(std::ssize(SlotOf(slot).adapter->values()));
      sink.adapter = buffer.span();
    } else {
      return sink;
    }
    std::fill(buffer.span().begin(), buffer.span().end(), 0.0f);
    return sink;
  }

  // Adds the gradients of each slot's parts (of all parts, for the backbone) into its first.
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
      if (!tiled_.parts.empty()) cut(0, std::ssize(tiled_.parts));
    } else {
      for (const Present& present : present_) {
        if (TrainsAdapter(present.slot)) cut(present.part_begin, present.part_end);
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
    for (const Present& present : present_) {
      if (!TrainsAdapter(present.slot)) continue;
      gradients.push_back({present.slot, scratch_.parts[present.part_begin].span()});
    }
    if (engine_.penalty_) engine_.penalty_(gradients);
    pool_.ForEach(std::ssize(gradients), [&](std::int64_t number, int) {
      const TrainedSlot& slot = SlotOf(gradients[number].slot);
      AdamStep(engine_.options_.adam, {}, gradients[number].gradient, slot.adapter->values(),
               *slot.state, pool_);
    });
  }

  void MoveItems() {
    const bool any = std::any_of(present_.begin(), present_.end(),
                                 [&](const Present& p) { return WantsInput(p.slot); });
    if (!any) return;
    AddTokenGradients();
    for (const Present& present : present_) {
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
  std::vector<Present> present_;
  std::vector<Target> targets_;  // weights of the slots' means
  std::vector<std::uint64_t> target_keys_;
  std::vector<float> item_scale_P_;
  double total_weight_ = 0;
  std::vector<std::unique_ptr<BoundWeights>> bound_;  // by slot
  std::vector<std::unique_ptr<Tape>> tapes_;          // by tile
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
