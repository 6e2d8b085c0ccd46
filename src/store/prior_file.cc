#include "store/prior_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr char kCountsFile[] = "prior.safetensors";
constexpr char kCounts[] = "counts";

[[noreturn]] void RefusePrior(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, path.string() + ": not a popularity prior: " + what);
}

PopularityPrior PriorFrom(const fs::path& path) {
  PopularityPrior prior;
  try {
    const auto numbers = nlohmann::json::parse(ReadFile(path));
    prior.weight = numbers.at("weight");
    prior.half_life_seconds = numbers.at("half_life_seconds");
    prior.end_seconds = numbers.at("end_seconds");
  } catch (const nlohmann::json::exception& error) {
    RefusePrior(path, error.what());
  }
  if (!(prior.weight > 0)) RefusePrior(path, "its weight is not above 0");
  if (!(prior.half_life_seconds > 0)) RefusePrior(path, "its half-life is not above 0");
  return prior;
}

}  // namespace

void SavePrior(const fs::path& folder, const PopularityPrior& prior) {
  const nlohmann::ordered_json numbers = {{"weight", prior.weight},
                                          {"half_life_seconds", prior.half_life_seconds},
                                          {"end_seconds", prior.end_seconds}};
  WriteFileAtomically(folder / kPriorFile, numbers.dump(2) + "\n");
  SaveTensors(folder / kCountsFile, {{kCounts, {std::ssize(prior.counts_N)}, prior.counts_N}});
}

PopularityPrior LoadPrior(const fs::path& folder, std::int64_t catalogue_size) {
  PopularityPrior prior = PriorFrom(folder / kPriorFile);
  const fs::path path = folder / kCountsFile;
  const TensorFile file(path);
  const TensorInfo* info = file.Find(kCounts);
  if (info == nullptr || info->shape.size() != 1 || info->shape[0] > catalogue_size) {
    RefusePrior(path, "it has no counts of at most " + std::to_string(catalogue_size) +
                          " items, the version's catalogue");
  }
  const auto counts = file.Floats(kCounts, info->shape);
  if (std::ranges::any_of(counts, [](float count) { return !(count >= 0); })) {
    RefusePrior(path, "a count is below 0");
  }
  prior.counts_N.assign(counts.begin(), counts.end());
  return prior;
}

}  // namespace raie
