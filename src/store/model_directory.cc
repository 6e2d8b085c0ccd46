#include "store/model_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/file_lock.h"
#include "base/files.h"
#include "base/options_json.h"
#include "base/output_folder.h"
#include "raie/error.h"
#include "raie/version.h"
#include "store/manifest.h"
#include "store/names_file.h"
#include "store/prior_file.h"
#include "store/snapshot_files.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr char kModelFile[] = "model.json";
constexpr char kVersionFile[] = "version.json";
constexpr char kCurrentFile[] = "CURRENT";
constexpr char kBase[] = "base";
constexpr char kVersions[] = "versions";

std::string FolderName(std::int32_t version) {
  char name[16];
  std::snprintf(name, sizeof name, "%04d", version);
  return name;
}

fs::path FolderOf(const fs::path& model, std::int32_t version) {
  return model / kVersions / FolderName(version);
}

// Number and digest, so that a changed digit is not another version.
std::string CurrentText(const fs::path& model, std::int32_t version) {
  const auto manifest = LoadManifest(FolderOf(model, version), kVersionFile);
  return FolderName(version) + " " + manifest.at("digest").get<std::string>() + "\n";
}

void WriteCurrent(const fs::path& model, std::int32_t version) {
  WriteFileAtomically(model / kCurrentFile, CurrentText(model, version));
}

nlohmann::ordered_json ToJson(const ModelInfo& info) {
  return {{"format", kFormat},
          {"raie", kVersion},
          {"backbone", OptionsToJson(info.backbone)},
          {"windows",
           {{"context", info.windows.context},
            {"stride", info.windows.stride},
            {"min_context", info.windows.min_context},
            {"same_time", EnumNames(SameTime{})[static_cast<int>(info.windows.same_time)]},
            {"held_out", EnumNames(HeldOut{})[static_cast<int>(info.windows.held_out)]}}},
          {"masks_seen", info.masks_seen},
          {"reads_slices", info.reads_slices},
          {"data_digest", info.data_digest},
          {"configuration", info.configuration},
          {"report", info.report}};
}

ModelInfo ModelInfoFrom(const nlohmann::ordered_json& object, const std::string& place) {
  ModelInfo info;
  SetFromJson(FieldsOf(info.backbone), object.at("backbone"), place);
  const auto& windows = object.at("windows");
  info.windows.context = windows.at("context");
  info.windows.stride = windows.at("stride");
  info.windows.min_context = windows.at("min_context");
  info.windows.same_time =
      windows.at("same_time") == "strict" ? SameTime::kStrict : SameTime::kOrder;
  info.windows.held_out =
      windows.value("held_out", "last-two") == "none" ? HeldOut::kNone : HeldOut::kLastTwo;
  info.masks_seen = object.at("masks_seen");
  info.reads_slices = object.at("reads_slices");
  info.data_digest = object.at("data_digest");
  info.configuration = object.at("configuration");
  info.report = object.at("report");
  return info;
}

nlohmann::ordered_json ToJson(const VersionInfo& info) {
  return {{"format", kFormat},
          {"raie", kVersion},
          {"number", info.number},
          {"parent", info.parent},
          {"slice", info.slice},
          {"catalogue_size", info.catalogue_size},
          {"old_catalogue_size", info.old_catalogue_size},
          {"data_digest", info.data_digest},
          {"configuration", info.configuration},
          {"report", info.report}};
}

VersionInfo VersionInfoFrom(const nlohmann::ordered_json& object) {
  VersionInfo info;
  info.number = object.at("number");
  info.parent = object.at("parent");
  info.slice = object.at("slice");
  info.catalogue_size = object.at("catalogue_size");
  info.old_catalogue_size = object.at("old_catalogue_size");
  info.data_digest = object.at("data_digest");
  info.configuration = object.at("configuration");
  info.report = object.at("report");
  return info;
}

// Reads a manifest's members with `read`; what is not there is damage.
template <class Read>
auto ReadMembers(const fs::path& path, const nlohmann::ordered_json& manifest, Read read) {
  const auto corrupt = [&path](const std::string& what) {
    return Error(ErrorCode::kCorruptData, path.string() + ": " + what);
  };
  try {
    if (manifest.at("format") != kFormat) {
      throw corrupt("format " + manifest.at("format").dump() + " where this raie (" + kVersion +
                    ") reads " + std::to_string(kFormat) + "; use the raie that wrote it (" +
                    manifest.value("raie", "unknown") + ")");
    }
    return read(manifest);
  } catch (const nlohmann::json::exception& error) {
    throw corrupt(error.what());
  }
}

// Writes all files of a version but its manifest into `folder`, which exists.
void SaveContent(const fs::path& folder, const VersionContent& content) {
  SaveVersionFiles(folder, content.snapshot);
  SaveNames(folder / "items.ids", content.names.ids);
  SaveNames(folder / "items.titles", content.names.titles);
  if (!content.journal.empty()) WriteFileAtomically(folder / "journal.tsv", content.journal);
}

void CheckIsModel(const fs::path& path) {
  if (fs::exists(path / kModelFile)) return;
  throw Error(ErrorCode::kNotFound, path.string() +
                                        (fs::exists(path) ? " is not a model (it has no model.json)"
                                                          : " does not exist") +
                                        "; make a model with raie fit --model " + path.string());
}

}  // namespace

ModelDirectory::ModelDirectory(fs::path path) : path_(std::move(path)) {}

void ModelDirectory::Create(const fs::path& path, const ModelInfo& info,
                            const VersionContent& first) {
  CheckNotThere(path);
  AtomicDirectory directory(path);
  const fs::path& root = directory.path();
  fs::create_directories(root / kBase);
  SaveBackbone(root / kBase, *first.snapshot.backbone);
  SaveManifest(root, kModelFile, kBase, ToJson(info));

  VersionInfo version = first.info;
  version.number = 0;
  version.parent = -1;
  const fs::path folder = FolderOf(root, 0);
  fs::create_directories(folder);
  SaveContent(folder, first);
  SaveManifest(folder, kVersionFile, ToJson(version));
  WriteCurrent(root, 0);
  directory.Commit();
}

void ModelDirectory::CheckNotThere(const fs::path& path) {
  CheckIsFree(path, "a model is never overwritten");
}

ModelDirectory ModelDirectory::Open(const fs::path& path) {
  CheckIsModel(path);
  ModelDirectory model(path);
  const auto manifest = LoadManifest(path, kModelFile);
  model.info_ = ReadMembers(path / kModelFile, manifest, [&](const nlohmann::ordered_json& object) {
    return ModelInfoFrom(object, (path / kModelFile).string());
  });
  CheckFiles(path, manifest);
  return model;
}

fs::path ModelDirectory::base() const { return path_ / kBase; }

std::int32_t ModelDirectory::current() const {
  const fs::path file = path_ / kCurrentFile;
  const std::string text = fs::exists(file) ? ReadFile(file) : "";
  std::int32_t version = -1;
  std::from_chars(text.data(), text.data() + text.size(), version);
  if (version < 0 || !fs::exists(FolderOf(path_, version)) || text != CurrentText(path_, version)) {
    throw Error(ErrorCode::kCorruptData,
                file.string() +
                    ": does not name a version; choose one with raie rollback VERSION --model " +
                    path_.string());
  }
  return version;
}

std::vector<std::int32_t> ModelDirectory::versions() const {
  std::vector<std::int32_t> numbers;
  for (const auto& entry : fs::directory_iterator(path_ / kVersions)) {
    const std::string name = entry.path().filename().string();
    std::int32_t number = -1;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number >= 0 && name == FolderName(number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::int32_t ModelDirectory::LastVersion() const {
  const std::vector<std::int32_t> numbers = versions();
  if (!numbers.empty()) return numbers.back();
  throw Error(ErrorCode::kCorruptData, "model " + path_.string() +
                                           " has no versions (its folder versions is empty); " +
                                           "restore the folder from a copy");
}

nlohmann::ordered_json ModelDirectory::LoadVersionFile(std::int32_t version) const {
  const fs::path folder = FolderOf(path_, version);
  if (!fs::exists(folder)) {
    throw Error(ErrorCode::kNotFound, "model " + path_.string() + " has no version " +
                                          std::to_string(version) + "; it has 0 to " +
                                          std::to_string(LastVersion()));
  }
  return LoadManifest(folder, kVersionFile);
}

VersionInfo ModelDirectory::LoadInfo(std::int32_t version) const {
  return InfoOf(version, LoadVersionFile(version));
}

VersionInfo ModelDirectory::InfoOf(std::int32_t version,
                                   const nlohmann::ordered_json& manifest) const {
  return ReadMembers(FolderOf(path_, version) / kVersionFile, manifest, VersionInfoFrom);
}

Snapshot ModelDirectory::LoadSnapshot(std::int32_t version) const {
  const nlohmann::ordered_json manifest = LoadVersionFile(version);
  const VersionInfo info = InfoOf(version, manifest);
  const fs::path folder = FolderOf(path_, version);
  CheckFiles(folder, manifest);
  Snapshot snapshot;
  snapshot.version = version;
  snapshot.slice = info.slice;
  snapshot.catalogue_size = info.catalogue_size;
  snapshot.old_catalogue_size = info.old_catalogue_size;
  snapshot.backbone = LoadBackbone(base(), info_.backbone, [&] {
    const ItemNames names = LoadItemNames(version);
    return Texts{.items = NamesOrIds(names.ids, names.titles), .users = {}};
  });
  LoadVersionFiles(folder, snapshot);
  if (manifest.at("files").contains(kPriorFile)) {
    snapshot.prior =
        std::make_shared<const PopularityPrior>(LoadPrior(folder, info.catalogue_size));
  }
  return snapshot;
}

ItemNames ModelDirectory::LoadItemNames(std::int32_t version) const {
  const nlohmann::ordered_json manifest = LoadVersionFile(version);
  const std::int64_t expected = InfoOf(version, manifest).catalogue_size;
  const fs::path folder = FolderOf(path_, version);
  for (const char* file : {"items.ids", "items.titles"}) CheckFile(folder, manifest, file);
  ItemNames names{LoadNames(folder / "items.ids"), LoadNames(folder / "items.titles")};
  if (names.ids.size() != expected ||
      (names.titles.size() != 0 && names.titles.size() != expected)) {
    throw Error(ErrorCode::kCorruptData,
                folder.string() + ": " + std::to_string(names.ids.size()) + " item ids and " +
                    std::to_string(names.titles.size()) + " titles where the catalogue has " +
                    std::to_string(expected));
  }
  return names;
}

std::int32_t ModelDirectory::Append(const VersionContent& content) {
  const FileLock lock(path_, "model");
  const std::int32_t number = LastVersion() + 1;
  const std::int32_t parent = content.info.parent;
  if (const std::int32_t now = current(); now != parent) {
    throw Error(ErrorCode::kUnavailable,
                path_.string() + ": version " + std::to_string(now) +
                    " has taken the place of version " + std::to_string(parent) +
                    " since this edit began; nothing was written: edit again");
  }
  AtomicDirectory directory(FolderOf(path_, number));
  const fs::path& folder = directory.path();
  SaveContent(folder, content);
  const fs::path parent_folder = FolderOf(path_, parent);
  ShareUnchanged(folder, parent_folder, LoadManifest(parent_folder, kVersionFile));
  VersionInfo info = content.info;
  info.number = number;
  SaveManifest(folder, kVersionFile, ToJson(info));
  directory.Commit();
  WriteCurrent(path_, number);
  return number;
}

void ModelDirectory::CheckMayAppend() const {
  const FileLock lock(path_, "model");
  for (const fs::path& folder : {path_, path_ / kVersions}) {
    if (::access(folder.c_str(), W_OK) == 0) continue;
    throw Error(ErrorCode::kIo, "cannot write to " + folder.string() + ": " + std::strerror(errno) +
                                    "; nothing was trained");
  }
}

void ModelDirectory::SetCurrent(std::int32_t version) {
  CheckFiles(FolderOf(path_, version), LoadVersionFile(version));  // there, and whole
  const FileLock lock(path_, "model");
  WriteCurrent(path_, version);
}

void CheckDataMatches(const PreparedData& data, const VersionInfo& info, const ItemNames& names) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::kCorruptData,
                "the data set is not the model's: " + what +
                    "; give the data set the model was fitted on (raie data append adds slices to "
                    "it)");
  };
  if (info.slice >= data.num_slices()) {
    refuse("the model has learnt from slices 0 to " + std::to_string(info.slice) +
           ", the data set has " + std::to_string(data.num_slices()));
  }
  const std::string digest = data.lineage()[info.slice];
  if (digest != info.data_digest) {
    refuse("slices 0 to " + std::to_string(info.slice) + " have digest " + digest +
           " where the model learnt from " + info.data_digest);
  }
  if (info.catalogue_size > data.num_items()) {
    refuse("it has " + std::to_string(data.num_items()) + " items, the model " +
           std::to_string(info.catalogue_size));
  }
  for (std::int64_t i = 0; i < info.catalogue_size; ++i) {
    const ItemId item{static_cast<std::int32_t>(i)};
    if (data.item_id(item) != names.ids[i]) {
      refuse("item " + std::to_string(i) + " is \"" + std::string(data.item_id(item)) +
             "\" there and \"" + std::string(names.ids[i]) + "\" in the model");
    }
  }
}

ItemNames NamesOf(const PreparedData& data, std::int64_t count) {
  ItemNames names;
  bool any_title = false;
  for (std::int64_t i = 0; i < count; ++i) {
    const ItemId item{static_cast<std::int32_t>(i)};
    names.ids.Add(data.item_id(item));
    names.titles.Add(data.title(item));
    any_title = any_title || !data.title(item).empty();
  }
  if (!any_title) names.titles = {};
  return names;
}

}  // namespace raie
