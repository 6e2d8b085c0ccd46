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

void CheckKinds(std::span<const LinearMapInfo> maps, const LoraOptions& options) {
  std::vector<std::string> known;
  std::string text;
  for (const LinearMapInfo& map : maps) {
    if (Listed(known, map.kind)) continue;
    known.push_back(map.kind);
    text += (text.empty() ? "" : ", ") + map.kind;
  }
  std::vector<std::string> problems;
  for (const std::string& kind : options.maps) {
    if (!Listed(known, kind)) {
      problems.push_back("maps: the backbone has no linear map of kind \"" + kind + "\" (it has " +
                         text + ")");
    }
  }
  if (options.maps.empty()) problems.push_back("maps: empty; name at least one of " + text);
  CheckRanges(FieldsOf(const_cast<LoraOptions&>(options)), "LoRA options", problems);
}

}  // namespace

Adapter Adapter::Make(std::span<const LinearMapInfo> maps, const LoraOptions& options,
                      std::uint64_t seed) {
  CheckKinds(maps, options);
  Adapter adapter;
  adapter.options_ = options;
  std::int64_t size = 0;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (!Listed(options.maps, maps[i].kind)) continue;
    const std::int64_t a_begin = size;
    const std::int64_t b_begin = a_begin + options.rank * maps[i].inputs;
    size = b_begin + maps[i].outputs * options.rank;
    adapter.maps_.push_back(
        {static_cast<int>(i), a_begin, b_begin, maps[i].inputs, maps[i].outputs});
  }
  adapter.values_.assign(size, 0.0f);
  for (const Map& map : adapter.maps_) {
    // A map's own stream: which other maps are adapted does not change its start.
    RandomStream random(seed, static_cast<std::uint64_t>(map.map));
    const double bound = 1 / std::sqrt(static_cast<double>(map.inputs));
    for (std::int64_t i = map.a_begin; i < map.b_begin; ++i) {
      adapter.values_[i] = static_cast<float>(bound * (2 * random.Uniform() - 1));
    }
  }
  return adapter;
}

bool Adapter::IsZero() const {
  return std::all_of(maps_.begin(), maps_.end(), [this](const Map& map) {
    const std::span<const float> b = b_OR(map);
    return std::all_of(b.begin(), b.end(), [](float value) { return value == 0; });
  });
}

}  // namespace raie
