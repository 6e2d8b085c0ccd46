// Method `ebpr`: one adapter, taught by pairs (Lai et al. 2024). Mined once with the S model: n is
// the best-ranked item of a window's top 10 that its user does not take in the slice; each of the
// other nine and the target, once, is to score above n: mean over them of -log sigmoid(s_p - s_n).
// A window without such an n teaches nothing and is counted.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "methods/one_adapter.h"
#include "methods/registry.h"
#include "methods/window_states.h"

namespace raie {
namespace {

constexpr std::int64_t kMined = 10;
constexpr std::int64_t kChunk = 4096;  // windows mined at once

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

MinedWindow MineOne(const std::vector<RankedItem>& top, const std::set<ItemId>& taken,
                    ItemId target) {
  MinedWindow mined;
  for (const RankedItem& ranked : top) {
    if (mined.negative == kNoItem && !taken.contains(ranked.item)) {
      mined.negative = ranked.item;
    } else {
      mined.positives.push_back(ranked.item);
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
    const TopKRequest request{.k = kMined,
                              .catalogue_size = pass.part.catalogue_size,
                              .context_items = pass.slice.seen == SeenItems::kRanked
                                                   ? ContextItems::kRanked
                                                   : ContextItems::kMasked,
                              .excluded = {}};
    const auto taken = TakenItems(context_.data, pass.slice.slice, windows);
    std::vector<MinedWindow> mined(windows.size());
    for (std::int64_t begin = 0; begin < windows.size(); begin += kChunk) {
      std::vector<std::int64_t> chosen(std::min(kChunk, windows.size() - begin));
      std::iota(chosen.begin(), chosen.end(), begin);
      const ReadWindows read = ReadContexts(context_.data, windows, chosen, pass.slice.context,
                                            pass.part.catalogue_size);
      if (read.windows.empty()) continue;
      const auto top = scorer.TopK(read.contexts, request, context_.pool);
      for (std::size_t i = 0; i < top.size(); ++i) {
        const UserId user = windows.windows[read.windows[i]].user;
        mined[read.windows[i]] = MineOne(top[i], taken.at(user), read.targets[i]);
      }
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
