#include "data/prepared_writer.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

#include "base/files.h"
#include "data/prepared_data.h"

namespace raie {
namespace {

constexpr std::int64_t kBlockUsers = 256;  // part of the digest's definition: never change it

// XXH3, 128 bits, over pieces.
class Hasher {
 public:
  Hasher() { Reset(); }
  void Reset() {
    XXH3_128bits_reset(state_.get());
    empty_ = true;
  }
  void Add(const void* bytes, std::size_t size) {
    XXH3_128bits_update(state_.get(), bytes, size);
    empty_ = false;
  }
  void AddNumber(std::uint64_t number) { Add(&number, sizeof(number)); }
  void AddText(std::string_view text) {
    AddNumber(text.size());
    Add(text.data(), text.size());
  }
  bool empty() const { return empty_; }
  XXH128_hash_t Digest() const { return XXH3_128bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
  bool empty_ = true;
};

std::string Hex(XXH128_hash_t hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t word : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(word >> shift) & 15];
  }
  return text;
}

// Copies blocks of users to the two column files, and keeps a digest by (block, slice).
class EventWriter {
 public:
  EventWriter(const PreparedContent& content, const std::filesystem::path& folder, TaskPool& pool)
      : content_(content),
        items_(folder / "items.i32"),
        times_(folder / "times.i64"),
        blocks_((content.num_users() + kBlockUsers - 1) / kBlockUsers),
        digests_(blocks_ * content.num_slices) {
    std::vector<Scratch> scratch(pool.threads());
    pool.ForEach(blocks_,
                 [&](std::int64_t block, int worker) { WriteBlock(block, scratch[worker]); });
    items_.Close();
    times_.Close();
  }

  // Adds what the slice holds: blocks without an event of it leave no trace, so users that come
  // later change nothing.
  void AddSlice(int slice, Hasher& hasher) const {
    for (std::int64_t block = 0; block < blocks_; ++block) {
      const auto& digest = digests_[block * content_.num_slices + slice];
      if (!digest) continue;
      hasher.AddNumber(block);
      hasher.AddNumber(digest->high64);
      hasher.AddNumber(digest->low64);
    }
  }

 private:
  struct Scratch {
    std::vector<std::int32_t> items;
    std::vector<std::int64_t> times;
    std::vector<Hasher> hashers;  // by slice
  };

  void WriteBlock(std::int64_t block, Scratch& scratch) {
    const int slices = content_.num_slices;
    const std::int64_t first = block * kBlockUsers;
    const std::int64_t last = std::min(first + kBlockUsers, content_.num_users());
    const std::int64_t base = content_.starts[first * slices];
    const std::size_t size = content_.starts[last * slices] - base;
    if (scratch.items.size() < size) scratch.items.resize(size);
    if (scratch.times.size() < size) scratch.times.resize(size);
    scratch.hashers.resize(slices);
    for (Hasher& hasher : scratch.hashers) hasher.Reset();
    for (std::int64_t user = first; user < last; ++user) {
      const std::int64_t at = content_.starts[user * slices] - base;
      content_.copy_events(user, scratch.items.data() + at, scratch.times.data() + at);
      for (int slice = 0; slice < slices; ++slice) HashRun(user, slice, base, scratch);
    }
    for (int slice = 0; slice < slices; ++slice) {
      const Hasher& hasher = scratch.hashers[slice];
      if (!hasher.empty()) digests_[block * slices + slice] = hasher.Digest();
    }
    items_.WriteAt(base * sizeof(std::int32_t),
                   std::as_bytes(std::span(scratch.items.data(), size)));
    times_.WriteAt(base * sizeof(std::int64_t),
                   std::as_bytes(std::span(scratch.times.data(), size)));
  }

  void HashRun(std::int64_t user, int slice, std::int64_t base, Scratch& scratch) const {
    const std::int64_t begin = content_.starts[user * content_.num_slices + slice];
    const std::int64_t size = content_.starts[user * content_.num_slices + slice + 1] - begin;
    if (size == 0) return;
    Hasher& hasher = scratch.hashers[slice];
    hasher.AddNumber(user);
    hasher.AddNumber(size);
    hasher.Add(scratch.items.data() + (begin - base), size * sizeof(std::int32_t));
    hasher.Add(scratch.times.data() + (begin - base), size * sizeof(std::int64_t));
  }

  const PreparedContent& content_;
  FileWriter items_;
  FileWriter times_;
  std::int64_t blocks_;
  std::vector<std::optional<XXH128_hash_t>> digests_;
};

// Each digest holds the one before it: it stands for all slices up to its own.
std::vector<std::string> Lineage(const PreparedContent& content, const EventWriter& events) {
  std::vector<std::string> lineage;
  std::int64_t user = 0;
  std::int64_t item = 0;
  for (int slice = 0; slice < content.num_slices; ++slice) {
    Hasher hasher;
    if (!lineage.empty()) hasher.AddText(lineage.back());
    for (; user < content.users_after[slice]; ++user) hasher.AddText(content.user_ids[user]);
    for (; item < content.items_after[slice]; ++item) {
      hasher.AddText(content.item_ids[item]);
      hasher.AddText(content.titles.size() == 0 ? "" : content.titles[item]);
      hasher.AddText(content.categories.size() == 0 ? "" : content.categories[item]);
    }
    events.AddSlice(slice, hasher);
    lineage.push_back(Hex(hasher.Digest()));
  }
  return lineage;
}

template <class T>
void WriteColumn(const std::filesystem::path& path, const std::vector<T>& values) {
  FileWriter writer(path);
  writer.Write(std::as_bytes(std::span(values)));
  writer.Close();
}

void WriteStrings(const std::filesystem::path& folder, const std::string& name,
                  const StringTable& table) {
  FileWriter writer(folder / (name + ".bytes"));
  writer.Write(table.bytes());
  writer.Close();
  WriteColumn(folder / (name + ".ends.u64"), table.ends());
}

nlohmann::json DescribeFiles(const std::filesystem::path& folder, TaskPool& pool) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::vector<std::string> digests(paths.size());
  pool.ForEach(static_cast<std::int64_t>(paths.size()),
               [&](std::int64_t i, int) { digests[i] = DigestOfFile(paths[i]); });
  nlohmann::json files;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    files[paths[i].filename().string()] = {{"bytes", std::filesystem::file_size(paths[i])},
                                           {"digest", digests[i]}};
  }
  return files;
}

}  // namespace

std::string ManifestDigest(nlohmann::json manifest) {
  manifest.erase("manifest_digest");
  const std::string text = manifest.dump(1);
  return DigestOf(std::as_bytes(std::span(text)));
}

std::vector<std::string> WritePrepared(const PreparedContent& content,
                                       const std::filesystem::path& folder, TaskPool& pool) {
  const EventWriter events(content, folder, pool);
  WriteColumn(folder / "starts.i64", content.starts);
  WriteColumn(folder / "item_times.i64", content.item_times);
  WriteStrings(folder, "user_ids", content.user_ids);
  WriteStrings(folder, "item_ids", content.item_ids);
  if (content.titles.size() > 0) WriteStrings(folder, "titles", content.titles);
  if (content.categories.size() > 0) WriteStrings(folder, "categories", content.categories);

  const std::vector<std::string> lineage = Lineage(content, events);
  nlohmann::json manifest = content.manifest;
  manifest["format"] = kPreparedFormat;
  manifest["version"] = kPreparedVersion;
  manifest["counts"] = {{"users", content.num_users()},
                        {"items", content.num_items()},
                        {"events", content.starts.back()},
                        {"slices", content.num_slices}};
  manifest["users_after"] = content.users_after;
  manifest["items_after"] = content.items_after;
  manifest["lineage"] = lineage;
  manifest["digest"] = lineage.back();
  manifest["files"] = DescribeFiles(folder, pool);
  manifest["manifest_digest"] = ManifestDigest(manifest);
  FileWriter writer(folder / kManifestFile);
  writer.Write(manifest.dump(1));
  writer.Close();
  return lineage;
}

}  // namespace raie
