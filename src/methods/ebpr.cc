// Method `ebpr`: one adapter, taught by pairs (Lai et al. 2024). Mined once with the S model: n is
// the best-ranked item of a window's top 10 that its user does not take in the slice; each of the
// other nine and the target, once, is to score above n: mean over them of -log sigmoid(s_p - s_n).
// A window without such an n teaches nothing and is counted.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "methods/one_adapter.h"
#include "methods/rank_windows.h"
#include "methods/registry.h"

namespace raie {
namespace {

constexpr std::int64_t kMined = 10;

struct MinedWindow {
  ItemId negative = kNoItem;
  std::vector<ItemId> positives;
};

// Items of each user's events of the slice up to his last window of the part.
std::map<UserId, std::set<ItemId>> TakenItems(const PreparedData& data, int slice,
                                              const WindowSet& windows) {
  std::map<UserId, std::int64_t> last;
  for (const Window& window : windows.windows) {
    std::int64_t& row = last[window.user];
    row = std::max(row, window.target);
  }
  std::map<UserId, std::set<ItemId>> taken;
  for (const auto& [user, row] : last) {
    const auto items = data.items().subspan(0, row + 1);
    taken[user].insert(items.begin() + data.SliceEvents(user, slice).begin, items.end());
  }
  return taken;
}

// `top` ends with kNoItem where there are fewer items.
MinedWindow MineOne(std::span<const ItemId> top, const std::set<ItemId>& taken, ItemId target) {
  MinedWindow mined;
  for (const ItemId item : top) {
    if (item == kNoItem) break;
    if (mined.negative == kNoItem && !taken.contains(item)) {
      mined.negative = item;
    } else {
      mined.positives.push_back(item);
    }
  }
  if (std::ranges::count(mined.positives, target) == 0) mined.positives.push_back(target);
  return mined;
}

class EbprObjective final : public SampleObjective {
 public:
  explicit EbprObjective(std::vector<MinedWindow> windows) : windows_(std::move(windows)) {}

  void Append(const SampleRef& sample, const WindowRow& row, TrainingBatch& batch) const override {
    const MinedWindow& mined = windows_[sample.window];
    AppendRow(batch, row);
    Target target = batch.targets.back();
    batch.targets.pop_back();
    target.rival = mined.negative;
    target.weight = 1.0f / static_cast<float>(mined.positives.size());
    for (const ItemId positive : mined.positives) {
      target.item = positive;
      batch.targets.push_back(target);
    }
  }

 private:
  std::vector<MinedWindow> windows_;
};

class Ebpr final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "ebpr"; }

 private:
  void CompletePlan(const Pass& pass, TrainPlan& plan) override {
    std::vector<MinedWindow> mined = Mine(pass);
    std::vector<SampleRef>& samples = plan.groups[0].samples;
    std::erase_if(
        samples, [&](const SampleRef& sample) { return mined[sample.window].negative == kNoItem; });
    unused_windows_ = pass.part.windows.size() - std::ssize(samples);
    plan.objective = std::make_shared<const EbprObjective>(std::move(mined));
  }

  void CompleteReport(const AdaptSlice&, AdaptReport& report) const override {
    report.unused_windows = unused_windows_;
  }

  std::vector<MinedWindow> Mine(const Pass& pass) const {
    const WindowSet& windows = pass.part.windows;
    auto model = std::make_shared<Snapshot>(pass.grown_setup);
    model->editor = {};  // the S model as it is
    const SnapshotScorer scorer(std::move(model));
    const auto top = TopOfWindows(scorer, context_.data, windows,
                                  {.context = pass.slice.context,
                                   .catalogue_size = pass.part.catalogue_size,
                                   .seen = pass.slice.seen},
                                  kMined, context_.Pass("mining"));
    const auto taken = TakenItems(context_.data, pass.slice.slice, windows);
    std::vector<MinedWindow> mined;
    for (std::int64_t i = 0; i < windows.size(); ++i) {
      const Window& window = windows.windows[i];
      mined.push_back(MineOne(std::span(top).subspan(i * kMined, kMined), taken.at(window.user),
                              context_.data.items()[window.target]));
    }
    return mined;
  }

  std::int64_t unused_windows_ = 0;  // of the last pass
};

}  // namespace

std::unique_ptr<Method> MakeEbpr(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Ebpr>(context, options);
}

}  // namespace raie
