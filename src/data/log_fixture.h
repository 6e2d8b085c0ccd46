// Small logs and folders for the tests of this module.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "data/interaction_log.h"
#include "raie/error.h"

namespace raie::testing {

// A folder that is removed at the end of the test; in memory where there is such a place, since
// everything written is synced.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = "/dev/shm/raie_data_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      name = (std::filesystem::temp_directory_path() / "raie_data_XXXXXX").string();
      EXPECT_NE(::mkdtemp(name.data()), nullptr);
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct LogEvent {
  std::string user;
  std::string item;
  std::int64_t time = 0;
  double rating = 5;
};

enum class Ratings { kNone, kHave };

inline InteractionLog MakeLog(const std::vector<LogEvent>& events, Ratings ratings) {
  InteractionLog log;
  std::unordered_map<std::string, std::int32_t> users;
  std::unordered_map<std::string, std::int32_t> items;
  for (const LogEvent& event : events) {
    const auto [user, new_user] =
        users.emplace(event.user, static_cast<std::int32_t>(users.size()));
    const auto [item, new_item] =
        items.emplace(event.item, static_cast<std::int32_t>(items.size()));
    if (new_user) log.user_ids.Add(event.user);
    if (new_item) log.item_ids.Add(event.item);
    log.users.push_back(UserId{user->second});
    log.items.push_back(ItemId{item->second});
    log.times.push_back(Timestamp{event.time});
    if (ratings == Ratings::kHave) log.ratings.push_back(static_cast<float>(event.rating));
  }
  return log;
}

struct RandomLogShape {
  int users = 40;
  int items = 60;
  int events = 2000;
  int times = 500;  // few: many equal time stamps
};

// Events in no order; popularity and activity are uneven.
inline std::vector<LogEvent> RandomEvents(std::uint64_t seed, const RandomLogShape& shape) {
  RandomStream random(seed, 17);
  const auto skewed = [&](int n) {
    const double u = random.Uniform();
    return std::min(n - 1, static_cast<int>(u * u * n));
  };
  std::vector<LogEvent> events(shape.events);
  for (LogEvent& event : events) {
    event.user = "u" + std::to_string(skewed(shape.users));
    event.item = "i" + std::to_string(skewed(shape.items));
    // Users live around a time of their own, so that many lie in one slice only.
    const int home = std::stoi(event.user.substr(1)) * 37 % shape.times;
    event.time = 1000 + (home + static_cast<int>(random.Below(shape.times / 2 + 1))) % shape.times;
    event.rating = 0.5 * static_cast<double>(1 + random.Below(10));
  }
  return events;
}

// Returns the message of the Error `body` throws; fails if there is none or its code differs.
template <class Body>
std::string ErrorOf(ErrorCode code, const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace raie::testing
