#include "backbones/registry.h"

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr BackboneInfo kBackbones[] = {
    {"sasrec", "causal transformer, next item", "Kang & McAuley 2018"},
    {"bert4rec", "bidirectional transformer, masked items", "Sun et al. 2019"},
    {"tisasrec", "SASRec that reads the times between items", "Li et al. 2020"},
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

SasrecOptions& NamedSection(BackboneOptions& options) {
  if (options.name == "sasrec") return options.sasrec;
  if (options.name == "bert4rec") return options.bert4rec;
  if (options.name == "tisasrec") return options.tisasrec;
  Unknown(options.name);
}

const SasrecOptions& NamedSection(const BackboneOptions& options) {
  return NamedSection(const_cast<BackboneOptions&>(options));
}

std::int64_t ItemRowWidth(const BackboneOptions& options) {
  const SasrecOptions& section = NamedSection(options);
  return section.dim + (section.item_bias ? 1 : 0);
}

std::unique_ptr<Backbone> MakeBackbone(const BackboneOptions& options, std::uint64_t seed) {
  if (options.name == "sasrec") return MakeSasrec(options.sasrec, seed);
  if (options.name == "bert4rec") return MakeBert4rec(options.bert4rec, seed);
  if (options.name == "tisasrec") return MakeTisasrec(options.tisasrec, seed);
  Unknown(options.name);
}

std::vector<float> MakeItemRows(const BackboneOptions& options, std::int64_t num_items,
                                std::uint64_t seed) {
  const TransformerOptions& section = NamedSection(options);
  const std::int64_t dim = section.dim, width = ItemRowWidth(options);
  std::vector<float> rows(num_items * width);
  for (std::int64_t item = 0; item < num_items; ++item) {
    RandomStream random(seed, static_cast<std::uint64_t>(item));
    for (std::int64_t i = 0; i < dim; ++i) {
      rows[item * width + i] = static_cast<float>(section.init_std * random.Normal());
    }
  }
  return rows;
}

}  // namespace raie
