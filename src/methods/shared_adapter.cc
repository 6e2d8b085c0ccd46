#include "methods/shared_adapter.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace raie {
namespace {

struct Weighted {
  const Adapter* adapter;
  double weight;
};

std::vector<Weighted> Distinct(std::span<const std::shared_ptr<const Adapter>> adapters) {
  std::vector<Weighted> distinct;
  const double share = 1 / static_cast<double>(adapters.size());
  for (const auto& adapter : adapters) {
    if (adapter == nullptr || adapter->IsZero()) continue;
    const auto same = std::find_if(distinct.begin(), distinct.end(), [&](const Weighted& other) {
      return other.adapter == adapter.get();
    });
    if (same != distinct.end()) {
      same->weight += share;
    } else {
      distinct.push_back({adapter.get(), share});
    }
  }
  return distinct;
}

// What alpha is divided by: the scale stays if alpha grows as this does.
double RankPower(const LoraOptions& options, std::int64_t rank) {
  const auto power = static_cast<double>(rank);
  return options.rs_lora ? std::sqrt(power) : power;
}

// Copies `part`'s rows of A and weighted columns of B to rank `first` and on.
void CopyInto(const Weighted& part, std::int64_t first, Adapter& whole) {
  const std::int64_t rank = part.adapter->options().rank;
  const std::int64_t whole_rank = whole.options().rank;
  const auto factor = static_cast<float>(part.weight) * part.adapter->scale() / whole.scale();
  for (std::size_t m = 0; m < whole.maps().size(); ++m) {
    const Adapter::Map& to = whole.maps()[m];
    const Adapter::Map& from = part.adapter->maps()[m];
    const auto a_RI = part.adapter->a_RI(from);
    const auto b_OR = part.adapter->b_OR(from);
    std::copy(a_RI.begin(), a_RI.end(), whole.values().begin() + to.a_begin + first * to.inputs);
    for (std::int64_t o = 0; o < to.outputs; ++o) {
      for (std::int64_t r = 0; r < rank; ++r) {
        whole.values()[to.b_begin + o * whole_rank + first + r] = factor * b_OR[o * rank + r];
      }
    }
  }
}

}  // namespace

LoraOptions WithRankTimes(const LoraOptions& options, std::int64_t factor) {
  LoraOptions result = options;
  result.rank *= factor;
  result.alpha *= RankPower(options, factor);
  return result;
}

std::shared_ptr<const Adapter> MakeSharedAdapter(
    const Backbone& backbone, const LoraOptions& options,
    std::span<const std::shared_ptr<const Adapter>> adapters, std::uint64_t seed) {
  const std::vector<Weighted> parts = Distinct(adapters);
  const std::int64_t wanted = std::ssize(adapters) * options.rank;
  if (parts.size() == 1 && parts[0].weight > 1 - 1e-9 &&
      parts[0].adapter->options().rank == wanted) {
    return *std::find_if(adapters.begin(), adapters.end(),
                         [&](const auto& adapter) { return adapter.get() == parts[0].adapter; });
  }
  std::int64_t needed = 0;
  for (const Weighted& part : parts) needed += part.adapter->options().rank;
  LoraOptions whole_options = options;
  whole_options.rank = std::max(wanted, needed);
  whole_options.alpha =
      options.alpha / RankPower(options, options.rank) * RankPower(options, whole_options.rank);
  Adapter whole = Adapter::Make(backbone.linear_maps(), whole_options, seed);
  std::int64_t first = 0;
  for (const Weighted& part : parts) {
    CopyInto(part, first, whole);
    first += part.adapter->options().rank;
  }
  return std::make_shared<const Adapter>(std::move(whole));
}

}  // namespace raie
