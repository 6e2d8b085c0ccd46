#include "data/simulator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/random.h"
#include "data/simulated_shop.h"
#include "data/truth.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kUsersPerTask = 256;
constexpr double kMeanGapSeconds = 60;
constexpr double kVisitorShare = 0.25;  // of the time span a user who is not loyal is active

// Where a user's events go.
struct EventSink {
  ItemId* items;
  Timestamp* times;
  std::uint8_t* interests;
  std::uint8_t* versions;
  float* mixture;
};

// Draws one user: a mixture, sessions in time order, their events.
class Person {
 public:
  Person(const SimulatorOptions& options, const SimulatedShop& shop, std::int64_t user)
      : options_(options), shop_(shop), random_(PartSeed(options, SimulatorSeed::kPeople), user) {}

  void Live(std::int64_t num_events, const EventSink& sink) {
    DrawMixture(sink.mixture);
    const std::vector<std::int64_t> lengths = DrawSessions(num_events);
    const std::vector<double> starts = DrawStarts(lengths.size());
    std::int64_t event = 0;
    double clock = -1;  // seconds since the start of the log
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const auto interest = static_cast<std::int64_t>(random_.Categorical(mixture_));
      clock = std::max(std::floor(starts[s]), clock + 1);
      std::int32_t item = -1;
      for (std::int64_t i = 0; i < lengths[s]; ++i, ++event) {
        if (i > 0) clock += std::floor(1 - kMeanGapSeconds * std::log(1 - random_.Uniform()));
        const double share = clock / shop_.span_seconds();
        const int version = shop_.VersionAt(interest, share, random_);
        item = item < 0 ? shop_.Popular(interest, share, random_)
                        : shop_.Next(interest, version, item, share, random_);
        sink.items[event] = ItemId{shop_.ItemNumber(interest, item)};
        sink.times[event] = Timestamp{options_.start_time + static_cast<std::int64_t>(clock)};
        sink.interests[event] = static_cast<std::uint8_t>(interest);
        sink.versions[event] = static_cast<std::uint8_t>(version);
      }
    }
  }

 private:
  void DrawMixture(float* shares) {
    double sum = 0;
    for (std::int64_t k = 0; k < options_.interests; ++k) {
      sum += std::pow(-std::log(1 - random_.Uniform()) + 1e-9, options_.mixture_sharpness);
      mixture_.push_back(sum);
    }
    for (std::int64_t k = 0; k < options_.interests; ++k) {
      shares[k] = static_cast<float>((mixture_[k] - (k == 0 ? 0 : mixture_[k - 1])) / sum);
    }
  }

  // Geometric lengths that add up to the user's number of events.
  std::vector<std::int64_t> DrawSessions(std::int64_t num_events) {
    std::vector<std::int64_t> lengths;
    const double stop = 1 / options_.session_events;
    while (num_events > 0) {
      std::int64_t length = num_events;
      if (stop < 1) {
        const double drawn = 1 + std::floor(std::log(1 - random_.Uniform()) / std::log1p(-stop));
        length = static_cast<std::int64_t>(std::min(drawn, static_cast<double>(num_events)));
      } else {
        length = 1;
      }
      lengths.push_back(length);
      num_events -= length;
    }
    return lengths;
  }

  std::vector<double> DrawStarts(std::size_t count) {
    const bool loyal = random_.Uniform() < options_.loyal_users;
    const double width = loyal ? 1 : kVisitorShare;
    const double begin = random_.Uniform() * (1 - width);
    std::vector<double> starts(count);
    for (double& start : starts) start = (begin + width * random_.Uniform()) * shop_.span_seconds();
    std::sort(starts.begin(), starts.end());
    return starts;
  }

  const SimulatorOptions& options_;
  const SimulatedShop& shop_;
  RandomStream random_;
  std::vector<double> mixture_;  // cumulative
};

// Returns where each user's events begin; they add up exactly.
std::vector<std::int64_t> ShareEvents(const SimulatorOptions& options) {
  const std::vector<double> weights = CumulativePowerLaw(options.users, options.activity_exponent);
  std::vector<std::int64_t> rank(options.users);
  std::iota(rank.begin(), rank.end(), 0);
  RandomStream random(PartSeed(options, SimulatorSeed::kActivity), 0);
  Shuffle(std::span(rank), random);
  const auto upto = [&](std::int64_t r) {
    return r < 0 ? 0
                 : std::llround(weights[r] / weights.back() * static_cast<double>(options.events));
  };
  std::vector<std::int64_t> starts(options.users + 1);
  for (std::int64_t u = 0; u < options.users; ++u) {
    starts[u + 1] = starts[u] + upto(rank[u]) - upto(rank[u] - 1);
  }
  return starts;
}

// "i3-017": item 17 of interest 3.
std::string ItemName(std::int64_t number, std::int64_t interests) {
  std::string item = std::to_string(number / interests);
  if (item.size() < 3) item.insert(0, 3 - item.size(), '0');
  return "i" + std::to_string(number % interests) + "-" + item;
}

// Numbers users and items by first appearance, as a reader would.
void NameIds(const SimulatorOptions& options, const std::vector<std::int64_t>& starts,
             InteractionLog& log) {
  std::vector<std::int32_t> number(options.items, -1);
  for (ItemId& item : log.items) {
    std::int32_t& dense = number[Index(item)];
    if (dense < 0) {
      dense = static_cast<std::int32_t>(log.item_ids.size());
      const std::int64_t interest = Index(item) % options.interests;
      log.item_ids.Add(ItemName(Index(item), options.interests));
      log.titles.Add("Interest " + std::to_string(interest) + ", item " +
                     std::to_string(Index(item) / options.interests));
      log.categories.Add("Interest " + std::to_string(interest));
    }
    item = ItemId{dense};
  }
  std::int32_t user = 0;
  for (std::int64_t u = 0; u < options.users; ++u) {
    if (starts[u + 1] == starts[u]) continue;
    log.user_ids.Add("u" + std::to_string(u));
    std::fill(log.users.begin() + starts[u], log.users.begin() + starts[u + 1], UserId{user++});
  }
}

// Text of the events of a range of users.
std::string EventLines(const InteractionLog& log, std::int64_t begin, std::int64_t end) {
  std::string text;
  text.reserve((end - begin) * 28);
  for (std::int64_t row = begin; row < end; ++row) {
    text += log.user_ids[Index(log.users[row])];
    text += ',';
    text += log.item_ids[Index(log.items[row])];
    text += ',';
    text += std::to_string(Seconds(log.times[row]));
    text += '\n';
  }
  return text;
}

void WriteEvents(const InteractionLog& log, const std::filesystem::path& path, TaskPool& pool) {
  constexpr std::int64_t kRows = 1 << 16;
  constexpr std::int64_t kAtOnce = 16;
  FileWriter writer(path);
  writer.Write("user,item,time\n");
  for (std::int64_t begin = 0; begin < log.size(); begin += kRows * kAtOnce) {
    std::vector<std::string> texts(kAtOnce);
    pool.ForEach(kAtOnce, [&](std::int64_t task, int) {
      const std::int64_t from = std::min(begin + task * kRows, log.size());
      texts[task] = EventLines(log, from, std::min(from + kRows, log.size()));
    });
    for (const std::string& text : texts) writer.Write(text);
  }
  writer.Close();
}

}  // namespace

void SimulatorOptions::Validate() const {
  std::vector<std::string> problems;
  if (items < interests) {
    problems.push_back("items = " + std::to_string(items) + " is less than the " +
                       std::to_string(interests) + " interests");
  }
  if (drifting > interests) {
    problems.push_back("drifting = " + std::to_string(drifting) + " is more than the " +
                       std::to_string(interests) + " interests");
  }
  std::vector<std::int64_t> sorted = drifting_interests;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    problems.push_back("drifting_interests names one twice");
  }
  if (!sorted.empty() && (sorted.front() < 0 || sorted.back() >= interests)) {
    problems.push_back("drifting_interests must lie between 0 and " +
                       std::to_string(interests - 1));
  }
  if (drift != DriftKind::kNone && drift_times.empty()) {
    problems.push_back("drift_times is empty: give a time, or drift = none");
  }
  for (std::size_t i = 0; i < drift_times.size(); ++i) {
    if (drift_times[i] >= 0 && drift_times[i] <= 1 &&
        (i == 0 || drift_times[i] > drift_times[i - 1])) {
      continue;
    }
    problems.push_back("drift_times must ascend between 0 and 1");
    break;
  }
  if (drift_times.size() > 200) problems.push_back("drift_times: at most 200");
  CheckRanges(FieldsOf(const_cast<SimulatorOptions&>(*this)), "simulator options", problems);
}

Simulation SimulateLog(const SimulatorOptions& options, TaskPool& pool) {
  options.Validate();
  const SimulatedShop shop(options);
  Simulation result;
  SimulationTruth& truth = result.truth;
  truth.options = options;
  truth.drifting = shop.drifting();
  if (options.drift != DriftKind::kNone) {
    for (const double share : options.drift_times) {
      const auto since = static_cast<std::int64_t>(std::ceil(share * shop.span_seconds()));
      truth.drift_times.push_back(Timestamp{options.start_time + since});
    }
  }
  truth.user_starts = ShareEvents(options);
  truth.interests.resize(options.events);
  truth.versions.resize(options.events);
  truth.mixtures.resize(options.users * options.interests);
  result.log.users.resize(options.events);
  result.log.items.resize(options.events);
  result.log.times.resize(options.events);
  const std::int64_t tasks = (options.users + kUsersPerTask - 1) / kUsersPerTask;
  pool.ForEach(tasks, [&](std::int64_t task, int) {
    const std::int64_t end = std::min((task + 1) * kUsersPerTask, options.users);
    for (std::int64_t user = task * kUsersPerTask; user < end; ++user) {
      const std::int64_t at = truth.user_starts[user];
      Person(options, shop, user)
          .Live(truth.user_starts[user + 1] - at,
                {result.log.items.data() + at, result.log.times.data() + at,
                 truth.interests.data() + at, truth.versions.data() + at,
                 truth.mixtures.data() + user * options.interests});
    }
  });
  NameIds(options, truth.user_starts, result.log);
  truth.times.assign(result.log.times.begin(), result.log.times.end());
  return result;
}

void SaveSimulation(const Simulation& simulation, const std::filesystem::path& folder,
                    TaskPool& pool) {
  AtomicDirectory directory(folder);
  WriteEvents(simulation.log, directory.path() / "events.csv", pool);
  std::string items = "item,title,category\n";
  for (std::int64_t i = 0; i < simulation.log.item_ids.size(); ++i) {
    items += std::string(simulation.log.item_ids[i]) + ",\"" +
             std::string(simulation.log.titles[i]) + "\"," +
             std::string(simulation.log.categories[i]) + "\n";
  }
  FileWriter writer(directory.path() / "items.csv");
  writer.Write(items);
  writer.Close();
  WriteTruth(simulation.truth, directory.path());
  directory.Commit();
}

}  // namespace raie
