#include "data/simulator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/random.h"
#include "data/truth.h"
#include "raie/error.h"

namespace raie {
namespace {

// Parts of the seed: each draws its own numbers.
enum SeedPart : std::uint64_t { kShop, kTransitions, kPeople, kActivity };

constexpr std::int64_t kUsersPerTask = 256;
constexpr double kSecondsPerDay = 86400;
constexpr double kMeanGapSeconds = 60;
constexpr double kVisitorShare = 0.25;  // of the time span a user who is not loyal is active

std::vector<double> PowerLaw(std::int64_t size, double exponent) {
  std::vector<double> cumulative(size);
  double sum = 0;
  for (std::int64_t r = 0; r < size; ++r) {
    cumulative[r] = sum += std::pow(static_cast<double>(r + 1), -exponent);
  }
  return cumulative;
}

// One version of one interest's transitions.
struct Transitions {
  std::vector<std::int32_t> successors;  // [items, successors]
};

// Items, interests and their transitions in every version: what all users share.
class Shop {
 public:
  explicit Shop(const SimulatorOptions& options) : options_(options) {
    const std::int64_t interests = options.interests;
    for (std::int64_t k = 0; k < interests; ++k) {
      const std::int64_t size = (options.items + interests - 1 - k) / interests;
      popularity_.push_back(PowerLaw(size, options.popularity_exponent));
    }
    span_ = options.days * kSecondsPerDay;
    DrawBirths();
    ChooseDrifting();
    DrawTransitions();
    rank_weights_ = PowerLaw(options.successors, 1);
  }

  const std::vector<std::int64_t>& drifting() const { return drifting_; }
  double span() const { return span_; }

  // The version of an interest's transitions at a time (a share of the span).
  int VersionAt(std::int64_t interest, double share, RandomStream& random) const {
    if (!drifts_[interest]) return 0;
    const std::vector<double>& times = options_.drift_times;
    const auto passed = std::upper_bound(times.begin(), times.end(), share) - times.begin();
    if (passed == 0) return 0;
    const double since = share - times[passed - 1];
    switch (options_.drift) {
      case DriftKind::kNone:
        return 0;
      case DriftKind::kAbrupt:
        return static_cast<int>(passed);
      case DriftKind::kGradual:
        return static_cast<int>(passed) -
               (random.Uniform() * options_.drift_length < since ? 0 : 1);
      case DriftKind::kRecurring: {
        const double periods = std::floor((share - times.front()) / options_.drift_length);
        return std::fmod(periods, 2) == 0 ? 1 : 0;
      }
    }
    return 0;
  }

  // Items of an interest are its own numbers 0, 1, ..., most popular first.
  std::int32_t Popular(std::int64_t interest, double share, RandomStream& random) const {
    constexpr int kTries = 30;
    for (int i = 0; i < kTries; ++i) {
      const auto item = static_cast<std::int32_t>(random.Categorical(popularity_[interest]));
      if (IsBorn(interest, item, share)) return item;
    }
    return 0;  // always there
  }

  std::int32_t Next(std::int64_t interest, int version, std::int32_t item, double share,
                    RandomStream& random) const {
    constexpr int kTries = 3;
    if (random.Uniform() < options_.noise) return Popular(interest, share, random);
    const Transitions& transitions = versions_[version][interest];
    const std::int64_t width = SuccessorsOf(interest);
    for (int i = 0; i < kTries; ++i) {
      const std::size_t rank =
          random.Categorical(std::span<const double>(rank_weights_).first(width));
      const std::int32_t next = transitions.successors[item * width + rank];
      if (IsBorn(interest, next, share)) return next;
    }
    return Popular(interest, share, random);
  }

  // Interests take turns in the numbering of all items.
  std::int32_t ItemNumber(std::int64_t interest, std::int32_t item) const {
    return static_cast<std::int32_t>(item * options_.interests + interest);
  }

 private:
  std::int64_t SizeOf(std::int64_t interest) const {
    return static_cast<std::int64_t>(popularity_[interest].size());
  }
  std::int64_t SuccessorsOf(std::int64_t interest) const {
    return std::min(options_.successors, std::max<std::int64_t>(1, SizeOf(interest) - 1));
  }
  bool IsBorn(std::int64_t interest, std::int32_t item, double share) const {
    return births_[ItemNumber(interest, item)] <= share;
  }

  void DrawBirths() {
    RandomStream random(DeriveSeed(options_.seed, kShop), 0);
    births_.resize(options_.items);
    for (std::int64_t item = 0; item < options_.items; ++item) {
      const bool later = random.Uniform() < options_.born_later;
      const double birth = random.Uniform();
      births_[item] = later && item >= options_.interests ? birth : 0;
    }
  }

  void ChooseDrifting() {
    drifts_.resize(options_.interests);
    if (options_.drift == DriftKind::kNone) return;
    drifting_ = options_.drifting_interests;
    if (drifting_.empty()) {
      RandomStream random(DeriveSeed(options_.seed, kShop), 1);
      drifting_ = SampleWithoutReplacement(options_.interests, options_.drifting, random);
    }
    std::sort(drifting_.begin(), drifting_.end());
    for (const std::int64_t interest : drifting_) drifts_[interest] = 1;
  }

  void DrawTransitions() {
    const std::size_t versions = options_.drift == DriftKind::kNone ? 1
                                 : options_.drift == DriftKind::kRecurring
                                     ? 2
                                     : options_.drift_times.size() + 1;
    versions_.resize(versions);
    for (std::size_t version = 0; version < versions; ++version) {
      versions_[version].resize(options_.interests);
      for (std::int64_t k = 0; k < options_.interests; ++k) {
        if (version > 0 && !drifts_[k]) continue;
        RandomStream random(DeriveSeed(options_.seed, kTransitions),
                            version * 1000 + static_cast<std::uint64_t>(k));
        versions_[version][k] = DrawInterest(k, random);
      }
    }
  }

  // Successors are different from each other and from the item, popular ones more often chosen.
  Transitions DrawInterest(std::int64_t interest, RandomStream& random) const {
    Transitions result;
    const std::int64_t size = SizeOf(interest);
    const std::int64_t width = SuccessorsOf(interest);
    std::vector<std::int32_t> chosen_for(size, -1);
    for (std::int32_t item = 0; item < size; ++item) {
      if (size > 1) chosen_for[item] = item;
      for (std::int64_t i = 0; i < width; ++i) {
        std::int32_t next = 0;
        int tries = 0;
        do {  // where nearly all are taken already, by chance no more
          next = ++tries < 50 ? static_cast<std::int32_t>(random.Categorical(popularity_[interest]))
                              : static_cast<std::int32_t>((next + 1) % size);
        } while (chosen_for[next] == item);
        chosen_for[next] = item;
        result.successors.push_back(next);
      }
    }
    return result;
  }

  const SimulatorOptions& options_;
  double span_ = 0;
  std::vector<std::vector<double>> popularity_;  // by interest, cumulative
  std::vector<double> births_;                   // by item number, share of the span
  std::vector<std::uint8_t> drifts_;
  std::vector<std::int64_t> drifting_;
  std::vector<std::vector<Transitions>> versions_;  // [version][interest]
  std::vector<double> rank_weights_;
};

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
  Person(const SimulatorOptions& options, const Shop& shop, std::int64_t user)
      : options_(options), shop_(shop), random_(DeriveSeed(options.seed, kPeople), user) {}

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
        const double share = clock / shop_.span();
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
    for (double& start : starts) start = (begin + width * random_.Uniform()) * shop_.span();
    std::sort(starts.begin(), starts.end());
    return starts;
  }

  const SimulatorOptions& options_;
  const Shop& shop_;
  RandomStream random_;
  std::vector<double> mixture_;  // cumulative
};

// Returns where each user's events begin; they add up exactly.
std::vector<std::int64_t> ShareEvents(const SimulatorOptions& options) {
  const std::vector<double> weights = PowerLaw(options.users, options.activity_exponent);
  std::vector<std::int64_t> rank(options.users);
  std::iota(rank.begin(), rank.end(), 0);
  RandomStream random(DeriveSeed(options.seed, kActivity), 0);
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
  const Shop shop(options);
  Simulation result;
  SimulationTruth& truth = result.truth;
  truth.options = options;
  truth.drifting = shop.drifting();
  if (options.drift != DriftKind::kNone) {
    for (const double share : options.drift_times) {
      const auto since = static_cast<std::int64_t>(std::ceil(share * shop.span()));
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
