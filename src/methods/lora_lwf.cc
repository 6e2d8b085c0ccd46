// Method `lora_lwf`: one adapter, held near the model before the slice by distillation (Li & Hoiem
// 2016): L_F + .5 T^2 KL(teacher, student), T = 2, over the items the teacher knows (C_S). The
// teacher is the frozen S model; in a stream, the model after the slice before.

#include "methods/one_adapter.h"
#include "methods/registry.h"
#include "training/loss_distillation.h"
#include "training/score.h"

namespace raie {
namespace {

class LwfObjective final : public SampleObjective {
 public:
  LwfObjective(const LwfOptions& options, const Snapshot& teacher, std::int64_t known_items,
               TaskPool& pool)
      : teacher_(teacher),
        pool_(pool),
        model_({.backbone = *teacher_.backbone,
                .slots = {{.adapter = teacher_.AdapterOf(kNoRegion),
                           .rows = teacher_.items->Rows(kNoRegion)}},
                .catalogue_size = 0,
                .bias_N = {}},
               pool),
        distillation_({.weight = options.weight, .temperature = options.temperature},
                      teacher_.items->base_ND().first(known_items * teacher_.items->dim()),
                      teacher_.items->dim()) {}

  void Complete(TrainingBatch& batch) const override {
    batch.teacher_PD = HiddenStates(model_, {.rows = batch.rows}, pool_);
  }

  Distillation* teacher() const override { return &distillation_; }

 private:
  Snapshot teacher_;  // keeps what the model refers to
  TaskPool& pool_;
  BoundModel model_;
  mutable Distillation distillation_;
};

class LoraLwf final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "lora_lwf"; }

 private:
  void CompletePlan(const Pass& pass, TrainPlan& plan) override {
    plan.objective = std::make_shared<const LwfObjective>(options_.lwf, pass.start,
                                                          snapshot_.catalogue_size, context_.pool);
  }
};

}  // namespace

std::unique_ptr<Method> MakeLoraLwf(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<LoraLwf>(context, options);
}

}  // namespace raie
