// What is a model on disk, and how do its versions follow each other?
//
// Concept: a folder. model.json and base/ are written once, by `raie fit`: what all versions share
//          (the backbone, how its windows are cut, the configuration). versions/NNNN/ holds what
//          one version is made of: regions, item rows, adapters (PEFT folders), item names, the
//          popularity prior if one was chosen, the edit journal, the effective configuration; files
//          a version did not change are hard links to its parent's. CURRENT names the version that
//          answers. docs/formats.md.
// Errors:  kNotFound; kCorruptData for a file that is missing, cut short or changed by a byte (all
//          digests are checked when a version is loaded); kUnavailable if another process writes
//          to the model; kCorruptData for a data set that is not the model's, too.
// Threads: one writer at a time (a lock file); readers never see half a version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backbones/registry.h"
#include "data/interaction_log.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "training/seen_items.h"
#include "training/snapshot.h"

namespace raie {

// What all versions share (model.json).
struct ModelInfo {
  BackboneOptions backbone;
  WindowOptions windows;     // of the data it was fitted on
  bool masks_seen = false;   // repeats = first: items of the context are never the answer
  bool reads_slices = true;  // false: leave-last-out, contexts are whole histories
  std::string data_digest;   // lineage of the slices it was fitted on
  nlohmann::ordered_json configuration;
  nlohmann::ordered_json report;  // what fitting found

  // What a target of this model does not compete with.
  SeenItems seen() const {
    if (!reads_slices) return SeenItems::kHistoryMasked;
    return masks_seen ? SeenItems::kContextMasked : SeenItems::kRanked;
  }
};

// What is known of one version besides the snapshot (version.json).
struct VersionInfo {
  std::int32_t number = 0;
  std::int32_t parent = -1;  // the version it was made from; -1: fitted
  std::int32_t slice = 0;    // the last slice it has learnt from
  std::int64_t catalogue_size = 0;
  std::int64_t old_catalogue_size = 0;
  std::string data_digest;  // lineage of slices 0..slice
  nlohmann::ordered_json configuration;
  nlohmann::ordered_json report;  // edits, verdicts, samples
};

// Raw ids and titles by item, of the version's catalogue.
struct ItemNames {
  StringTable ids;
  StringTable titles;  // empty: the data has none
};

struct VersionContent {
  const Snapshot& snapshot;
  ItemNames names;
  VersionInfo info;
  std::string journal;  // text of journal.tsv; empty: none
};

class ModelDirectory {
 public:
  // Makes the folder with version 0, all or nothing. It must not exist (or be empty).
  static void Create(const std::filesystem::path& path, const ModelInfo& info,
                     const VersionContent& first);

  // Throws if there is something at `path` already: a model is never overwritten.
  static void CheckNotThere(const std::filesystem::path& path);

  // Reads model.json and checks base/.
  static ModelDirectory Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ModelInfo& info() const { return info_; }
  std::filesystem::path base() const;  // the frozen backbone's folder
  std::int32_t current() const;
  std::vector<std::int32_t> versions() const;  // ascending

  // Checks the version's own file only.
  VersionInfo LoadInfo(std::int32_t version) const;

  // Checks every file of the version first.
  Snapshot LoadSnapshot(std::int32_t version) const;
  ItemNames LoadItemNames(std::int32_t version) const;  // checks their files

  // Writes the next version, made from `content.info.parent`, and makes it current. Returns its
  // number. The number in `content` is not read.
  std::int32_t Append(const VersionContent& content);

  // Errors as Append would have them for a folder that cannot be written or is being written: to be
  // called before long work.
  void CheckMayAppend() const;

  void SetCurrent(std::int32_t version);

 private:
  std::int32_t LastVersion() const;  // throws kCorruptData if there is none
  nlohmann::ordered_json LoadVersionFile(std::int32_t version) const;
  VersionInfo InfoOf(std::int32_t version, const nlohmann::ordered_json& manifest) const;

  explicit ModelDirectory(std::filesystem::path path);

  std::filesystem::path path_;
  ModelInfo info_;
};

// Throws unless `data` begins with the slices the version has learnt from and numbers its items as
// the version does.
void CheckDataMatches(const PreparedData& data, const VersionInfo& info, const ItemNames& names);

// Returns ids and titles of the first `count` items.
ItemNames NamesOf(const PreparedData& data, std::int64_t count);

}  // namespace raie
