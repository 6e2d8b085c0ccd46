#include "adapters/adapter.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

bool Listed(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string> KindsOf(std::span<const LinearMapInfo> maps) {
  std::vector<std::string> kinds;
  for (const LinearMapInfo& map : maps) {
    if (!Listed(kinds, map.kind)) kinds.push_back(map.kind);
  }
  return kinds;
}

// Returns the options with the kinds that are adapted.
LoraOptions CheckKinds(std::span<const LinearMapInfo> maps, LoraOptions options) {
  const std::vector<std::string> known = KindsOf(maps);
  if (options.maps.empty()) options.maps = known;
  std::string text;
  for (const std::string& kind : known) text += (text.empty() ? "" : ", ") + kind;
  std::vector<std::string> problems;
  for (const std::string& kind : options.maps) {
    if (!Listed(known, kind)) {
      problems.push_back("maps: the backbone has no linear map of kind \"" + kind + "\" (it has " +
                         text + ")");
    }
  }
  const std::int64_t layers = NumLayers(maps);
  if (options.last_layers > layers) {
    problems.push_back("last_layers = " + std::to_string(options.last_layers) +
                       ": the backbone has " + std::to_string(layers) + " layers");
  }
  CheckRanges(FieldsOf(options), "LoRA options", problems);
  return options;
}

}  // namespace

std::int64_t NumLayers(std::span<const LinearMapInfo> maps) {
  std::int64_t layers = 0;
  for (const LinearMapInfo& map : maps) layers = std::max(layers, map.layer + 1);
  return layers;
}

Adapter Adapter::Make(std::span<const LinearMapInfo> maps, const LoraOptions& options,
                      std::uint64_t seed) {
  Adapter adapter;
  adapter.options_ = CheckKinds(maps, options);
  adapter.LayOut(maps, seed);
  return adapter;
}

Adapter Adapter::MakeMixture(std::span<const LinearMapInfo> maps, const LoraOptions& options,
                             const MixtureOptions& mixture, std::int64_t dim, std::uint64_t seed) {
  MixtureOptions copy = mixture;
  CheckRanges(FieldsOf(copy), "mixture of adapters");
  Adapter adapter;
  adapter.options_ = CheckKinds(maps, options);
  adapter.mixture_ = mixture;
  adapter.gate_dim_ = dim;
  adapter.LayOut(maps, seed);
  return adapter;
}

float Adapter::scale() const {
  const auto rank = static_cast<double>(options_.rank);
  return static_cast<float>(options_.alpha / (options_.rs_lora ? std::sqrt(rank) : rank));
}

std::int64_t Adapter::GateSize() const {
  if (!is_mixture()) return 0;
  return mixture_->hidden * (gate_dim_ + 1) + mixture_->experts * (mixture_->hidden + 1);
}

void Adapter::LayOut(std::span<const LinearMapInfo> maps, std::uint64_t seed) {
  std::int64_t size = 0;
  const std::int64_t first =
      options_.last_layers > 0 ? NumLayers(maps) - options_.last_layers : std::int64_t{0};
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (!Listed(options_.maps, maps[i].kind) || maps[i].layer < first) continue;
    const std::int64_t a_begin = size;
    const std::int64_t b_begin = a_begin + total_rank() * maps[i].inputs;
    const std::int64_t gate_begin = b_begin + maps[i].outputs * total_rank();
    size = gate_begin + GateSize();
    maps_.push_back({.map = static_cast<int>(i),
                     .a_begin = a_begin,
                     .b_begin = b_begin,
                     .inputs = maps[i].inputs,
                     .outputs = maps[i].outputs,
                     .gate_begin = is_mixture() ? gate_begin : -1});
  }
  values_.assign(size, 0.0f);
  for (const Map& map : maps_) {
    // A map's own stream: which other maps are adapted does not change its start.
    RandomStream random(seed, static_cast<std::uint64_t>(map.map));
    const auto draw = [&](std::int64_t begin, std::int64_t count, std::int64_t inputs) {
      const double bound = 1 / std::sqrt(static_cast<double>(inputs));
      for (std::int64_t i = begin; i < begin + count; ++i) {
        values_[i] = static_cast<float>(bound * (2 * random.Uniform() - 1));
      }
    };
    draw(map.a_begin, map.b_begin - map.a_begin, map.inputs);
    if (!is_mixture()) continue;
    const std::int64_t hidden = mixture_->hidden;
    draw(map.gate_begin, hidden * gate_dim_, gate_dim_);
    draw(map.gate_begin + hidden * (gate_dim_ + 1), mixture_->experts * hidden, hidden);
  }
}

bool Adapter::IsZero() const {
  return std::all_of(maps_.begin(), maps_.end(), [this](const Map& map) {
    const std::span<const float> b = b_OR(map);
    return std::all_of(b.begin(), b.end(), [](float value) { return value == 0; });
  });
}

}  // namespace raie
