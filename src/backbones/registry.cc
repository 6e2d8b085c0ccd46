#include "backbones/registry.h"

#include <algorithm>
#include <iterator>

#include "backbones/causal_lm/language_model.h"
#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr BackboneInfo kBackbones[] = {
    {"sasrec", "causal transformer, next item", "Kang & McAuley 2018"},
    {"bert4rec", "bidirectional transformer, masked items", "Sun et al. 2019"},
    {"tisasrec", "SASRec that reads the times between items", "Li et al. 2020"},
    {"causal_lm", "language model that reads a prompt, from a checkpoint",
     "Xu et al. 2024 (OpenP5)", true},
};

const BackboneInfo* Find(std::string_view name) {
  const auto found = std::ranges::find(kBackbones, name, &BackboneInfo::name);
  return found == std::end(kBackbones) ? nullptr : found;
}

[[noreturn]] void Unknown(const std::string& name) {
  std::string known;
  for (const BackboneInfo& other : kBackbones) {
    known += (known.empty() ? "" : ", ") + std::string(other.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "no backbone \"" + name + "\"; there are: " + known);
}

}  // namespace

std::span<const BackboneInfo> Backbones() { return kBackbones; }

bool IsPretrained(std::string_view name) {
  const BackboneInfo* const info = Find(name);
  return info != nullptr && info->is_pretrained;
}

std::int64_t& ContextOf(BackboneOptions& options) {
  return options.name == "causal_lm" ? options.causal_lm.context : NamedSection(options).context;
}

SasrecOptions& NamedSection(BackboneOptions& options) {
  if (options.name == "sasrec") return options.sasrec;
  if (options.name == "bert4rec") return options.bert4rec;
  if (options.name == "tisasrec") return options.tisasrec;
  if (options.name == "causal_lm") {
    throw Error(ErrorCode::kInvalidArgument,
                "causal_lm has no sizes to choose: its checkpoint has");
  }
  Unknown(options.name);
}

const SasrecOptions& NamedSection(const BackboneOptions& options) {
  return NamedSection(const_cast<BackboneOptions&>(options));
}

std::unique_ptr<Backbone> MakeBackbone(const BackboneOptions& options, std::uint64_t seed,
                                       const BackboneSource& source) {
  if (options.name == "sasrec") return MakeSasrec(options.sasrec, seed);
  if (options.name == "bert4rec") return MakeBert4rec(options.bert4rec, seed);
  if (options.name == "tisasrec") return MakeTisasrec(options.tisasrec, seed);
  if (options.name == "causal_lm") {
    return MakeLanguageModel(options.causal_lm, seed, source.saved,
                             source.texts ? source.texts() : Texts{});
  }
  Unknown(options.name);
}

std::vector<float> MakeItemRows(const BackboneOptions& options, const Backbone& backbone,
                                std::int64_t num_items, std::uint64_t seed) {
  const bool is_pretrained = backbone.pretrained() != nullptr;
  if (is_pretrained) {
    std::vector<float> rows = backbone.pretrained()->RowsOfTexts(0, num_items);
    if (!rows.empty()) return rows;
  }
  const std::int64_t width = backbone.dim();
  const std::int64_t dim = is_pretrained ? width : NamedSection(options).dim;  // without the bias
  const double std = is_pretrained ? options.causal_lm.init_std : NamedSection(options).init_std;
  std::vector<float> rows(num_items * width);
  for (std::int64_t item = 0; item < num_items; ++item) {
    RandomStream random(seed, static_cast<std::uint64_t>(item));
    for (std::int64_t i = 0; i < dim; ++i) {
      rows[item * width + i] = static_cast<float>(std * random.Normal());
    }
  }
  return rows;
}

}  // namespace raie
