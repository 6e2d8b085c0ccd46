#include "backbones/border_store.h"

#include <filesystem>

#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

fs::path BorderFolder(const BorderOptions& options) {
  if (options.place == BorderPlace::kMemory) return {};
  return options.folder.empty() ? fs::temp_directory_path() : fs::path(options.folder);
}

template <class Call>
auto WithAdvice(Call&& call) {
  try {
    return call();
  } catch (const Error& error) {
    throw Error(error.code(),
                std::string("border states: ") + error.what() +
                    "; set border.folder to a folder with room, border.gigabytes to what there "
                    "is, border.place = memory, or border.use = off");
  }
}

}  // namespace

std::string PlaceOf(const BorderOptions& options) {
  return options.place == BorderPlace::kMemory ? "memory" : BorderFolder(options).string();
}

BorderStore::BorderStore(const BorderOptions& options)
    : limit_bytes_(static_cast<std::int64_t>(1e9 * options.gigabytes)),
      file_(WithAdvice([&] { return ScratchFile(BorderFolder(options)); })) {}

bool BorderStore::Read(const std::string& key, std::span<float> states) const {
  std::uint64_t offset = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || !found->second.written) return false;
    if (found->second.floats != states.size()) {
      throw Error(ErrorCode::kInternal, "border states: a row of another size has this key");
    }
    offset = found->second.offset;
    ++counts_.reads;
  }
  WithAdvice([&] { file_.ReadAt(offset, std::as_writable_bytes(states)); });
  return true;
}

BorderStore::Entry* BorderStore::Admit(const std::string& key, Row row, std::size_t floats) {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(key)) return nullptr;
  if (row == Row::kMayComeBack && asked_once_.insert(key).second) return nullptr;
  const auto bytes = static_cast<std::int64_t>(floats * sizeof(float));
  if (counts_.bytes + bytes > limit_bytes_) {
    ++counts_.no_room;
    return nullptr;
  }
  asked_once_.erase(key);
  Entry& entry = entries_[key];
  entry = {.offset = static_cast<std::uint64_t>(counts_.bytes), .floats = floats};
  counts_.bytes += bytes;
  ++counts_.rows;
  return &entry;
}

void BorderStore::Offer(const std::string& key, Row row, std::span<const float> states) {
  // An entry stays in place, whatever is added beside it.
  Entry* const entry = Admit(key, row, states.size());
  if (entry == nullptr) return;
  WithAdvice([&] { file_.WriteAt(entry->offset, std::as_bytes(states)); });
  const std::lock_guard lock(mutex_);
  entry->written = true;
}

BorderStore::Counts BorderStore::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace raie
