#include "data/truth.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "base/files.h"
#include "base/options_json.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr const char* kTruthFormat = "raie-simulation";

template <class T>
nlohmann::json WriteColumn(const std::filesystem::path& path, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  FileWriter writer(path);
  writer.Write(bytes);
  writer.Close();
  return {{"bytes", bytes.size()}, {"digest", DigestOf(bytes)}};
}

template <class T>
std::vector<T> ReadColumn(const std::filesystem::path& path, const nlohmann::json& about) {
  const MappedFile file(path);
  if (file.bytes().size() != about.at("bytes").get<std::size_t>() ||
      DigestOf(file.bytes()) != about.at("digest").get<std::string>()) {
    throw Error(ErrorCode::kCorruptData, path.string() +
                                             " differs from what truth.json says of it: the "
                                             "simulation is damaged, make it again");
  }
  const auto* begin = reinterpret_cast<const T*>(file.bytes().data());
  return {begin, begin + file.bytes().size() / sizeof(T)};
}

SimulationTruth ReadTruth(const std::filesystem::path& folder, const nlohmann::json& json) {
  SimulationTruth truth;
  SetFromJson(FieldsOf(truth.options), json.at("options"), (folder / "truth.json").string());
  truth.drifting = json.at("drifting").get<std::vector<std::int64_t>>();
  for (const std::int64_t time : json.at("drift_times"))
    truth.drift_times.push_back(Timestamp{time});
  const nlohmann::json& files = json.at("files");
  const auto read = [&]<class T>(const char* name, std::vector<T>& values) {
    values = ReadColumn<T>(folder / name, files.at(name));
  };
  read("truth_starts.i64", truth.user_starts);
  read("truth_times.i64", truth.times);
  read("truth_interests.u8", truth.interests);
  read("truth_versions.u8", truth.versions);
  read("truth_mixtures.f32", truth.mixtures);
  return truth;
}

[[noreturn]] void FailForeign(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument,
              "the data set was not prepared from this simulation: " + what +
                  "; prepare its events.csv, or give the truth that belongs to the data");
}

std::int64_t SimulatedUser(std::string_view id, std::int64_t num_users) {
  std::int64_t user = -1;
  const char* end = id.data() + id.size();
  const bool is_number =
      id.size() > 1 && id.front() == 'u' && std::from_chars(id.data() + 1, end, user).ptr == end;
  if (!is_number || user < 0 || user >= num_users) {
    FailForeign("it has a user " + std::string(id));
  }
  return user;
}

}  // namespace

void WriteTruth(const SimulationTruth& truth, const std::filesystem::path& folder) {
  nlohmann::ordered_json json;
  json["format"] = kTruthFormat;
  json["version"] = 1;
  json["drifting"] = truth.drifting;
  json["drift_times"] = nlohmann::json::array();
  for (const Timestamp time : truth.drift_times) json["drift_times"].push_back(Seconds(time));
  json["options"] = OptionsToJson(truth.options);
  nlohmann::ordered_json& files = json["files"];
  const auto write = [&](const char* name, const auto& values) {
    files[name] = WriteColumn(folder / name, values);
  };
  write("truth_starts.i64", truth.user_starts);
  write("truth_times.i64", truth.times);
  write("truth_interests.u8", truth.interests);
  write("truth_versions.u8", truth.versions);
  write("truth_mixtures.f32", truth.mixtures);
  FileWriter writer(folder / "truth.json");
  writer.Write(json.dump(1));
  writer.Close();
}

SimulationTruth LoadTruth(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "truth.json";
  try {
    const nlohmann::json json = nlohmann::json::parse(ReadFile(path));
    if (json.at("format") != kTruthFormat || json.at("version") != 1) {
      throw Error(ErrorCode::kCorruptData,
                  path.string() + " is not " + kTruthFormat + " version 1");
    }
    return ReadTruth(folder, json);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData,
                path.string() + " cannot be used as a simulation's truth: " + error.what());
  }
}

EventTruth AlignTruth(const SimulationTruth& truth, const PreparedData& data) {
  EventTruth result;
  result.interests.resize(data.items().size());
  result.versions.resize(data.items().size());
  const auto num_users = static_cast<std::int64_t>(truth.user_starts.size()) - 1;
  for (std::int32_t u = 0; u < data.num_users(); ++u) {
    const std::int64_t user = SimulatedUser(data.user_id(UserId{u}), num_users);
    std::int64_t at = truth.user_starts[user];
    const std::int64_t end = truth.user_starts[user + 1];
    for (std::int64_t row = data.SliceEvents(UserId{u}, 0).begin;
         row < data.SliceEvents(UserId{u}, data.num_slices() - 1).end; ++row, ++at) {
      while (at < end && truth.times[at] < data.times()[row]) ++at;
      if (at == end || truth.times[at] != data.times()[row]) {
        FailForeign("user " + std::string(data.user_id(UserId{u})) + " has no event at " +
                    std::to_string(Seconds(data.times()[row])));
      }
      result.interests[row] = truth.interests[at];
      result.versions[row] = truth.versions[at];
    }
  }
  return result;
}

}  // namespace raie
