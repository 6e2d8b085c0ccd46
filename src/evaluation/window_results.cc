#include "evaluation/window_results.h"

#include <cstring>

#include "base/files.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

constexpr char kMagic[] = "RAIEWIN1";
constexpr std::size_t kMagicSize = sizeof kMagic - 1;

template <class T>
void AppendColumn(const std::vector<T>& column, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T));
}

template <class T>
std::string_view TakeColumn(std::int64_t count, std::string_view bytes, std::vector<T>& column) {
  column.resize(count);
  const std::size_t size = column.size() * sizeof(T);
  if (size > 0) std::memcpy(column.data(), bytes.data(), size);  // an empty column has no address
  return bytes.substr(size);
}

[[noreturn]] void Corrupt(std::string_view place, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              std::string(place) + ": " + what + "; remove the folder it lies in and run again");
}

template <class Of>
std::vector<double> PerWindow(const WindowResults& results, const Of& of) {
  std::vector<double> values;
  for (const std::int32_t rank : results.ranks) {
    values.push_back(of(MetricsOf(rank == 0 ? kMissedRank : rank)));
  }
  return values;
}

}  // namespace

WindowResults MakeWindowResults(const PreparedData& data, const WindowSet& windows,
                                const RankedSet& ranked, std::vector<ItemId> top) {
  WindowResults results;
  const auto size = static_cast<std::size_t>(windows.size());
  results.users = ranked.users;
  for (std::size_t i = 0; i < size; ++i) {
    results.targets.push_back(data.items()[windows.windows[i].target]);
    results.ranks.push_back(
        ranked.ranks[i] == kMissedRank ? 0 : static_cast<std::int32_t>(ranked.ranks[i]));
  }
  results.regions = ranked.regions;
  results.regions.resize(size, kNoRegion);
  results.margins = ranked.margins;
  results.margins.resize(size);
  results.num_top = size == 0 ? 0 : std::ssize(top) / windows.size();
  results.top = std::move(top);
  return results;
}

void AppendResults(const WindowResults& more, WindowResults& results) {
  const auto append = [](const auto& from, auto& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  if (results.size() == 0) results.num_top = more.num_top;
  append(more.users, results.users);
  append(more.targets, results.targets);
  append(more.ranks, results.ranks);
  append(more.regions, results.regions);
  append(more.margins, results.margins);
  append(more.top, results.top);
}

std::string EncodeWindowResults(const WindowResults& results) {
  std::string bytes(kMagic, kMagicSize);
  const std::vector<std::int64_t> sizes = {results.size(), results.num_top};
  AppendColumn(sizes, bytes);
  AppendColumn(results.users, bytes);
  AppendColumn(results.targets, bytes);
  AppendColumn(results.ranks, bytes);
  AppendColumn(results.regions, bytes);
  AppendColumn(results.margins, bytes);
  AppendColumn(results.top, bytes);
  return bytes;
}

WindowResults DecodeWindowResults(std::string_view bytes, std::string_view place) {
  constexpr std::size_t kHead = kMagicSize + 2 * sizeof(std::int64_t);
  if (bytes.size() < kHead || bytes.substr(0, kMagicSize) != kMagic) {
    Corrupt(place, "not a file of window results");
  }
  std::vector<std::int64_t> sizes;
  std::string_view rest = TakeColumn(2, bytes.substr(kMagicSize), sizes);
  const auto limit = static_cast<std::int64_t>(bytes.size());
  const bool sane = sizes[0] >= 0 && sizes[0] <= limit && sizes[1] >= 0 && sizes[1] <= limit;
  const std::size_t wanted =
      sane ? static_cast<std::size_t>(sizes[0]) * 4 * (5 + static_cast<std::size_t>(sizes[1])) : 0;
  if (!sane || rest.size() != wanted) {
    Corrupt(place, "it has " + std::to_string(bytes.size()) + " bytes, which is not what " +
                       std::to_string(sizes[0]) + " windows take");
  }
  WindowResults results;
  results.num_top = sizes[1];
  rest = TakeColumn(sizes[0], rest, results.users);
  rest = TakeColumn(sizes[0], rest, results.targets);
  rest = TakeColumn(sizes[0], rest, results.ranks);
  rest = TakeColumn(sizes[0], rest, results.regions);
  rest = TakeColumn(sizes[0], rest, results.margins);
  TakeColumn(sizes[0] * sizes[1], rest, results.top);
  return results;
}

WindowResults LoadWindowResults(const std::filesystem::path& path) {
  return DecodeWindowResults(ReadFile(path), path.string());
}

std::vector<double> Ndcg10(const WindowResults& results) {
  return PerWindow(results, [](const RankMetrics& metrics) { return metrics.ndcg[1]; });
}

std::vector<double> Recall10(const WindowResults& results) {
  return PerWindow(results, [](const RankMetrics& metrics) { return metrics.recall[1]; });
}

}  // namespace raie
