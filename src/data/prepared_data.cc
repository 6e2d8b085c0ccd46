#include "data/prepared_data.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/files.h"
#include "data/prepared_writer.h"
#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void Corrupt(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              "cannot use prepared data " + path.string() + ": " + what +
                  "; the folder is damaged or was changed by hand: prepare it again");
}

// Throws nlohmann's exceptions where the text is not the JSON it should be.
nlohmann::json ParseManifest(const std::filesystem::path& path, const std::string& text) {
  nlohmann::json manifest = nlohmann::json::parse(text);
  if (manifest.at("format") != kPreparedFormat) {
    Corrupt(path, std::string("its format is not ") + kPreparedFormat);
  }
  const auto version = manifest.at("version").get<std::int64_t>();
  if (version != kPreparedVersion) {
    Corrupt(path, "its version is " + std::to_string(version) + ", this program reads version " +
                      std::to_string(kPreparedVersion));
  }
  if (manifest.at("manifest_digest") != ManifestDigest(manifest)) {
    Corrupt(path, "its digest does not match its content");
  }
  return manifest;
}

nlohmann::json LoadManifest(const std::filesystem::path& path) {
  const std::string text = ReadFile(path);
  try {
    return ParseManifest(path, text);
  } catch (const nlohmann::json::exception& error) {
    Corrupt(path, std::string("not a manifest (") + error.what() + ")");
  }
}

template <class T>
std::span<const T> ViewOf(const MappedFile& file) {
  return {reinterpret_cast<const T*>(file.bytes().data()), file.bytes().size() / sizeof(T)};
}

}  // namespace

namespace mapped {  // parts of PreparedData::Columns

// Strings in a mapped byte file, by their ends.
class MappedStrings {
 public:
  MappedStrings() = default;
  MappedStrings(const MappedFile& bytes, const MappedFile& ends)
      : bytes_(bytes.text()), ends_(ViewOf<std::uint64_t>(ends)) {}

  std::string_view operator[](std::int64_t index) const {
    if (ends_.empty()) return {};
    const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1];
    return bytes_.substr(begin, ends_[index] - begin);
  }
  std::int64_t size() const { return static_cast<std::int64_t>(ends_.size()); }
  bool InOrder() const {
    return std::is_sorted(ends_.begin(), ends_.end()) &&
           (ends_.empty() ? bytes_.empty() : ends_.back() == bytes_.size());
  }

 private:
  std::string_view bytes_;
  std::span<const std::uint64_t> ends_;
};

// Finds an index by its string; made when first asked.
class StringIndex {
 public:
  std::int32_t Find(const MappedStrings& strings, std::string_view text) const {
    std::call_once(once_, [&] {
      index_.reserve(strings.size());
      for (std::int64_t i = 0; i < strings.size(); ++i) {
        index_.emplace(strings[i], static_cast<std::int32_t>(i));
      }
    });
    const auto it = index_.find(text);
    return it == index_.end() ? -1 : it->second;
  }

 private:
  mutable std::once_flag once_;
  mutable std::unordered_map<std::string_view, std::int32_t> index_;
};

}  // namespace mapped

struct PreparedData::Columns {
  std::filesystem::path folder;
  nlohmann::json manifest;
  std::unordered_map<std::string, MappedFile> files;
  std::int64_t num_users = 0;
  std::int64_t num_items = 0;
  int num_slices = 0;
  bool contexts_cross_slices = false;
  std::span<const ItemId> items;
  std::span<const Timestamp> times;
  std::span<const std::int64_t> starts;
  std::span<const Timestamp> item_times;
  std::vector<std::int64_t> users_after;
  std::vector<std::int64_t> items_after;
  std::vector<Timestamp> cuts;
  std::vector<std::string> lineage;
  mapped::MappedStrings user_ids, item_ids, titles, categories;
  mapped::StringIndex users_by_id, items_by_id;

  void MapFiles();
  mapped::MappedStrings Strings(const std::string& name) const;
  void ReadManifest();
  void CheckSizes() const;
  void CheckOrder() const;
};

void PreparedData::Columns::MapFiles() {
  for (const auto& [name, about] : manifest.at("files").items()) {
    const std::filesystem::path path = folder / name;
    MappedFile file(path);
    const auto expected = about.at("bytes").get<std::uint64_t>();
    if (file.bytes().size() != expected) {
      Corrupt(path, "it has " + std::to_string(file.bytes().size()) + " bytes, the manifest says " +
                        std::to_string(expected));
    }
    if (DigestOf(file.bytes()) != about.at("digest").get<std::string>()) {
      Corrupt(path, "its digest differs from the manifest's");
    }
    files.emplace(name, std::move(file));
  }
}

mapped::MappedStrings PreparedData::Columns::Strings(const std::string& name) const {
  if (!files.contains(name + ".bytes")) return {};
  return {files.at(name + ".bytes"), files.at(name + ".ends.u64")};
}

void PreparedData::Columns::ReadManifest() {
  const nlohmann::json& counts = manifest.at("counts");
  num_users = counts.at("users");
  num_items = counts.at("items");
  num_slices = counts.at("slices");
  contexts_cross_slices = manifest.at("contexts_cross_slices");
  users_after = manifest.at("users_after").get<std::vector<std::int64_t>>();
  items_after = manifest.at("items_after").get<std::vector<std::int64_t>>();
  lineage = manifest.at("lineage").get<std::vector<std::string>>();
  for (const std::int64_t cut : manifest.at("cuts")) cuts.push_back(Timestamp{cut});
  items = ViewOf<ItemId>(files.at("items.i32"));
  times = ViewOf<Timestamp>(files.at("times.i64"));
  starts = ViewOf<std::int64_t>(files.at("starts.i64"));
  item_times = ViewOf<Timestamp>(files.at("item_times.i64"));
  user_ids = Strings("user_ids");
  item_ids = Strings("item_ids");
  titles = Strings("titles");
  categories = Strings("categories");
}

void PreparedData::Columns::CheckSizes() const {
  const auto events = static_cast<std::int64_t>(items.size());
  const auto slices = static_cast<std::size_t>(num_slices);
  const auto optional = [&](const mapped::MappedStrings& strings) {
    return strings.size() == 0 || strings.size() == num_items;
  };
  const bool agree =
      num_slices >= 1 && static_cast<std::int64_t>(times.size()) == events &&
      static_cast<std::int64_t>(starts.size()) == num_users * num_slices + 1 &&
      static_cast<std::int64_t>(item_times.size()) == num_items && users_after.size() == slices &&
      items_after.size() == slices && lineage.size() == slices &&
      (contexts_cross_slices ? cuts.empty() : cuts.size() + 1 == slices) &&
      user_ids.size() == num_users && item_ids.size() == num_items && optional(titles) &&
      optional(categories) && users_after.back() == num_users && items_after.back() == num_items &&
      starts.front() == 0 && starts.back() == events;
  if (!agree) Corrupt(folder, "its columns and counts do not agree");
}

void PreparedData::Columns::CheckOrder() const {
  if (!std::is_sorted(starts.begin(), starts.end()) || !user_ids.InOrder() || !item_ids.InOrder() ||
      !titles.InOrder() || !categories.InOrder()) {
    Corrupt(folder, "a column of offsets is not ascending");
  }
  for (std::int64_t user = 0; user < num_users; ++user) {
    const std::int64_t begin = starts[user * num_slices];
    const std::int64_t end = starts[(user + 1) * num_slices];
    if (!std::is_sorted(times.begin() + begin, times.begin() + end)) {
      Corrupt(folder, "the events of user row " + std::to_string(user) + " are not in time order");
    }
  }
  std::uint32_t largest = 0;  // a negative item is a large one
  for (const ItemId item : items) {
    largest = std::max(largest, static_cast<std::uint32_t>(Index(item)));
  }
  if (!items.empty() && largest >= num_items) Corrupt(folder, "an event names no known item");
}

PreparedData::PreparedData() = default;
PreparedData::PreparedData(PreparedData&&) noexcept = default;
PreparedData& PreparedData::operator=(PreparedData&&) noexcept = default;
PreparedData::~PreparedData() = default;

PreparedData PreparedData::Load(const std::filesystem::path& directory) {
  constexpr int kAttempts = 20;
  const std::filesystem::path manifest = directory / kManifestFile;
  const auto digest = [&] {
    return std::filesystem::exists(manifest) ? DigestOfFile(manifest) : std::string();
  };
  // Who reads while an append puts a new folder in place may see files of both.
  for (int attempt = 1;; ++attempt) {
    const std::string before = digest();
    try {
      return LoadNow(directory);
    } catch (const Error&) {
      if (attempt == kAttempts || before == digest()) throw;
    }
  }
}

PreparedData PreparedData::LoadNow(const std::filesystem::path& directory) {
  PreparedData data;
  data.columns_ = std::make_unique<Columns>();
  Columns& columns = *data.columns_;
  columns.folder = directory;
  if (!std::filesystem::exists(directory / kManifestFile)) {
    const bool there = std::filesystem::exists(directory);
    throw Error(ErrorCode::kNotFound,
                directory.string() +
                    (there ? " is not a prepared data set (it holds no manifest.json)"
                           : " does not exist") +
                    "; make one with raie data prepare --output FOLDER");
  }
  columns.manifest = LoadManifest(directory / kManifestFile);
  try {
    columns.MapFiles();
    columns.ReadManifest();
  } catch (const nlohmann::json::exception& error) {
    Corrupt(directory / kManifestFile, error.what());
  } catch (const std::out_of_range&) {
    Corrupt(directory / kManifestFile, "it does not name every column");
  }
  columns.CheckSizes();
  columns.CheckOrder();
  return data;
}

std::int64_t PreparedData::num_users() const { return columns_->num_users; }
std::int64_t PreparedData::num_items() const { return columns_->num_items; }
int PreparedData::num_slices() const { return columns_->num_slices; }
std::span<const ItemId> PreparedData::items() const { return columns_->items; }
std::span<const Timestamp> PreparedData::times() const { return columns_->times; }

EventRange PreparedData::SliceEvents(UserId user, int slice) const {
  const std::int64_t at = std::int64_t{Index(user)} * columns_->num_slices + slice;
  return {columns_->starts[at], columns_->starts[at + 1]};
}

std::int64_t PreparedData::ContextBegin(UserId user, int slice) const {
  return SliceEvents(user, contexts_cross_slices() ? 0 : slice).begin;
}

bool PreparedData::contexts_cross_slices() const { return columns_->contexts_cross_slices; }
std::int64_t PreparedData::catalogue_size(int slice) const { return columns_->items_after[slice]; }
std::int64_t PreparedData::user_count(int slice) const { return columns_->users_after[slice]; }

Timestamp PreparedData::FirstTime(ItemId item) const { return columns_->item_times[Index(item)]; }

std::int64_t PreparedData::CatalogueBefore(Timestamp time) const {
  const auto& first = columns_->item_times;
  return std::lower_bound(first.begin(), first.end(), time) - first.begin();
}

std::vector<Timestamp> PreparedData::cuts() const { return columns_->cuts; }
std::string_view PreparedData::user_id(UserId user) const {
  return columns_->user_ids[Index(user)];
}
std::string_view PreparedData::item_id(ItemId item) const {
  return columns_->item_ids[Index(item)];
}
std::string_view PreparedData::title(ItemId item) const { return columns_->titles[Index(item)]; }
std::string_view PreparedData::category(ItemId item) const {
  return columns_->categories[Index(item)];
}

UserId PreparedData::FindUser(std::string_view raw) const {
  return UserId{columns_->users_by_id.Find(columns_->user_ids, raw)};
}

ItemId PreparedData::FindItem(std::string_view raw) const {
  return ItemId{columns_->items_by_id.Find(columns_->item_ids, raw)};
}

const nlohmann::json& PreparedData::manifest() const { return columns_->manifest; }
std::string PreparedData::digest() const { return columns_->lineage.back(); }
const std::vector<std::string>& PreparedData::lineage() const { return columns_->lineage; }

}  // namespace raie
