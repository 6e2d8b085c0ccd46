#include "data/readers/member_choice.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "raie/error.h"

namespace raie {
namespace {

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string WithoutCompression(const std::string& name) {
  return name.ends_with(".gz") || name.ends_with(".xz") ? name.substr(0, name.size() - 3) : name;
}

// Returns the format a file of this name holds; kAuto if the name says nothing.
LogFormat FormatOfName(const std::string& name) {
  if (name == "ratings.dat") return LogFormat::kMovielensDat;
  if (name == "ratings.csv") return LogFormat::kMovielensCsv;
  if (name == "u.data") return LogFormat::kMovielens100k;
  if (name.ends_with("review.json")) return LogFormat::kYelp;
  if (name.ends_with(".inter")) return LogFormat::kRecbole;
  return LogFormat::kAuto;
}

std::string ShortList(const std::vector<std::string>& names) {
  constexpr std::size_t kMostListed = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostListed); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kMostListed) {
    text += " and " + std::to_string(names.size() - kMostListed) + " more";
  }
  return text.empty() ? "no file" : text;
}

std::vector<std::string> NamesOfTitles(const InputName& input, LogFormat format) {
  const std::string name =
      WithoutCompression(BaseName(input.member.empty() ? input.path : input.member));
  switch (format) {
    case LogFormat::kMovielensDat:
      return {"movies.dat"};
    case LogFormat::kMovielensCsv:
      return {"movies.csv"};
    case LogFormat::kMovielens100k:
      return {"u.item"};
    case LogFormat::kYelp: {
      const std::size_t place = name.rfind("review");
      if (place == std::string::npos) return {};
      return {name.substr(0, place) + "business" + name.substr(place + 6)};
    }
    case LogFormat::kRecbole:
      return {name.substr(0, name.rfind('.')) + ".item"};
    default:
      return {};
  }
}

}  // namespace

InputName ChooseMember(const std::string& input, LogFormat format) {
  InputName name = ParseInputName(input);
  if (!name.member.empty() || !HasMembers(name.path)) return name;
  const std::vector<std::string> members = ListMembers(name.path);
  std::vector<std::string> fitting;
  for (const std::string& member : members) {
    const LogFormat found = FormatOfName(BaseName(member));
    if (found != LogFormat::kAuto && (format == LogFormat::kAuto || format == found)) {
      fitting.push_back(member);
    }
  }
  if (fitting.empty() && members.size() == 1) fitting = members;
  if (fitting.size() == 1) {
    name.member = fitting[0];
    return name;
  }
  throw Error(ErrorCode::kInvalidArgument,
              name.path + ": " + (fitting.empty() ? "no member has" : "several members have") +
                  " the name of a file of interactions (ratings.dat, ratings.csv, u.data, "
                  "*review.json, *.inter); say which one: " +
                  name.path + ":MEMBER. It has " + ShortList(fitting.empty() ? members : fitting));
}

std::optional<InputName> FindTitlesFile(const InputName& input, LogFormat format) {
  for (const std::string& name : NamesOfTitles(input, format)) {
    if (!input.member.empty()) {
      const std::vector<std::string> members = ListMembers(input.path);
      const std::string wanted = FolderOf(input.member) + name;
      if (std::find(members.begin(), members.end(), wanted) != members.end()) {
        return InputName{input.path, wanted};
      }
    }
    for (const char* ending : {"", ".gz", ".xz"}) {
      const std::string path = FolderOf(input.path) + name + ending;
      std::error_code ignored;
      if (std::filesystem::is_regular_file(path, ignored)) return InputName{path, ""};
    }
  }
  return std::nullopt;
}

}  // namespace raie
