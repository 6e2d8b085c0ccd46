#include "backbones/registry.h"

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr BackboneInfo kBackbones[] = {
    {"sasrec", "causal transformer, next item", "Kang & McAuley 2018"},
};

[[noreturn]] void Unknown(const std::string& name) {
  std::string known;
  for (const BackboneInfo& other : kBackbones) {
    known += (known.empty() ? "" : ", ") + std::string(other.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "no backbone \"" + name + "\"; there are: " + known);
}

}  // namespace

std::span<const BackboneInfo> Backbones() { return kBackbones; }

std::unique_ptr<Backbone> MakeBackbone(const BackboneOptions& options, std::uint64_t seed) {
  if (options.name == "sasrec") return MakeSasrec(options.sasrec, seed);
  Unknown(options.name);
}

std::vector<float> MakeItemRows(const BackboneOptions& options, std::int64_t num_items,
                                std::uint64_t seed) {
  if (options.name != "sasrec") Unknown(options.name);
  const std::int64_t dim = options.sasrec.dim;
  std::vector<float> rows(num_items * dim);
  for (std::int64_t item = 0; item < num_items; ++item) {
    RandomStream random(seed, static_cast<std::uint64_t>(item));
    for (std::int64_t i = 0; i < dim; ++i) {
      rows[item * dim + i] = static_cast<float>(options.sasrec.init_std * random.Normal());
    }
  }
  return rows;
}

}  // namespace raie
