// How fast does ratings.dat become a prepared data set, and against polars?
//
// Concept: 10 million events shaped like MovieLens 10M (70k users, 10k items, half stars, grouped
// by
//          user) are written once; the file stays in the page cache. `Read` is the reader alone,
//          `Prepare` all of `raie data prepare` (read, rating, first of pair, cuts, 5-core, sort,
//          write), `PreparePolars` the same by benchmarks/peers/prepare_polars.py, run only by
//          scripts/bench --peers. Both write to memory (/dev/shm, where there is one), so neither
//          waits for a disk, and must keep the same events. RAIE_BENCH_EVENTS sets another size.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/task_pool.h"
#include "data/prepare.h"
#include "data/read_log.h"
#include "workspace.h"

namespace raie {
namespace {

std::int64_t NumEvents() {
  const char* const said = std::getenv("RAIE_BENCH_EVENTS");
  return said == nullptr ? 10'000'000 : std::atoll(said);
}

const std::filesystem::path& Folder() {
  static const Workspace workspace;
  return workspace.path();
}

// Item popularity falls as a power of the rank; activity is log-normal, at least 20 events.
void WriteRatings(const std::string& path, std::int64_t num_events) {
  constexpr int kItems = 10000;
  constexpr std::array<const char*, 10> kStars = {"0.5", "1",   "1.5", "2",   "2.5",
                                                  "3",   "3.5", "4",   "4.5", "5"};
  const std::vector<double> stars = {.01, .05, .06, .13, .17, .38, .46, .72, .79, 1};
  const std::int64_t users = std::max<std::int64_t>(1, num_events * 7 / 1000);
  std::vector<double> popularity(kItems);
  for (int i = 0; i < kItems; ++i) {
    popularity[i] = std::pow(i + 10, -0.9) + (i > 0 ? popularity[i - 1] : 0);
  }
  FileWriter file(path);
  std::string text;
  for (std::int64_t user = 0, done = 0; done < num_events; ++user) {
    RandomStream random(1, static_cast<std::uint64_t>(user));
    const double activity = 20 + 68 * std::exp(1.1 * random.Normal());
    const std::int64_t count =
        user + 1 >= users ? num_events - done
                          : std::min(num_events - done, static_cast<std::int64_t>(activity));
    const auto start = static_cast<std::int64_t>(789652009 + random.Below(441479727));
    for (std::int64_t e = 0; e < count; ++e) {
      const std::size_t item = random.Categorical(popularity) * 6571 % 65537;
      text += std::to_string(user + 1) + "::" + std::to_string(item + 1) +
              "::" + kStars[random.Categorical(stars)] +
              "::" + std::to_string(start + static_cast<std::int64_t>(random.Below(10'000'000))) +
              "\n";
    }
    done += count;
    if (text.size() > (1U << 20) || done == num_events) {
      file.Write(text);
      text.clear();
    }
  }
  file.Close();
}

const std::string& RatingsFile() {
  static const std::string path = [] {
    std::string name = Folder() / "ratings.dat";
    WriteRatings(name, NumEvents());
    return name;
  }();
  return path;
}

TaskPool& Pool() {
  static TaskPool pool(2);  // polars gets two threads as well
  return pool;
}

ReadOptions Reading() {
  ReadOptions options;
  options.format = LogFormat::kMovielensDat;
  return options;
}

std::vector<std::int64_t> Prepare() {
  const ReadResult read = ReadLog({RatingsFile()}, Reading(), Pool());
  const PrepareReport report = PrepareData(read.log, PrepareOptions{}, Folder() / "ours", Pool());
  std::vector<std::int64_t> events;
  for (const SliceCounts& slice : report.after) events.push_back(slice.events);
  return events;
}

void SetRates(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(std::filesystem::file_size(RatingsFile())));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * NumEvents());
}

void BM_ReadRatings(benchmark::State& state) {
  RatingsFile();
  for (auto _ : state) {
    benchmark::DoNotOptimize(ReadLog({RatingsFile()}, Reading(), Pool()).log.size());
  }
  SetRates(state);
}
BENCHMARK(BM_ReadRatings)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void BM_PrepareRatings(benchmark::State& state) {
  RatingsFile();
  for (auto _ : state) benchmark::DoNotOptimize(Prepare());
  SetRates(state);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}
BENCHMARK(BM_PrepareRatings)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

// Runs the script and returns its line of JSON.
nlohmann::json RunPolars(const std::string& python) {
  const std::string command = python + " benchmarks/peers/prepare_polars.py " + RatingsFile() +
                              " " + (Folder() / "polars").string();
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::string output;
  std::array<char, 512> line{};
  while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) output += line.data();
  return nlohmann::json::parse(output, nullptr, false);
}

void BM_PrepareRatingsPolars(benchmark::State& state) {
  const char* const python = std::getenv("RAIE_BENCH_PYTHON");
  if (python == nullptr || *python == '\0') {
    state.SkipWithError("the peer runs with scripts/bench --peers");
    return;
  }
  const std::vector<std::int64_t> ours = Prepare();
  double cpu_seconds = 0;
  for (auto _ : state) {
    const nlohmann::json result = RunPolars(python);
    if (!result.is_object() || result["events"] != nlohmann::json(ours)) {
      state.SkipWithError("polars failed, or kept other events than raie");
      return;
    }
    state.SetIterationTime(result["seconds"]);
    cpu_seconds += result["cpu_seconds"].get<double>();
  }
  state.counters["cpu_s"] = cpu_seconds / static_cast<double>(state.iterations());
  SetRates(state);
}
BENCHMARK(BM_PrepareRatingsPolars)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(3);

}  // namespace
}  // namespace raie
