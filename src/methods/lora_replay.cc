// Method `lora_replay`: one adapter; half of every batch is drawn from the memory (Shin et al.
// 2017). Loss = (1 - w) mean over the slice's rows + w mean over the memory's. Memory windows are
// dealt without replacement, then anew.
#include <algorithm>

#include "methods/one_adapter.h"
#include "methods/registry.h"
#include "raie/error.h"

namespace raie {
namespace {

class ReplayObjective final : public SampleObjective {
 public:
  explicit ReplayObjective(double weight) : weight_(weight) {}

  // A batch's loss is the weighted mean over its targets, so weights w / n_S and (1 - w) / n_F give
  // the sum of the two means.
  void Complete(TrainingBatch& batch) const override {
    const auto of_memory = [&](const Target& target) {
      return FromMemory(batch.rows.row_keys[batch.outputs[target.output].row]);
    };
    const auto memory = static_cast<double>(std::ranges::count_if(batch.targets, of_memory));
    const double own = static_cast<double>(batch.targets.size()) - memory;
    for (Target& target : batch.targets) {
      target.weight =
          static_cast<float>(of_memory(target) ? weight_ / memory : (1 - weight_) / own);
    }
  }

 private:
  double weight_;
};

class LoraReplay final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "lora_replay"; }

 private:
  void CompletePlan(const Pass& pass, TrainPlan& plan) override {
    if (pass.slice.memory == nullptr || pass.slice.memory->size() == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "lora_replay: there are no memory windows to replay; set-up has none");
    }
    for (std::int64_t i = 0; i < pass.slice.memory->size(); ++i) plan.replay.push_back({true, i});
    plan.objective = std::make_shared<const ReplayObjective>(options_.replay.weight);
  }

  void CompleteReport(const AdaptSlice& slice, AdaptReport& report) const override {
    report.bytes_kept += MemoryBytes(*slice.memory);
  }
};

}  // namespace

std::unique_ptr<Method> MakeLoraReplay(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<LoraReplay>(context, options);
}

}  // namespace raie
