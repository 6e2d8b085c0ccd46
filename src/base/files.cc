#include "base/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const char* what, const fs::path& path) {
  const int error = errno;
  throw Error(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
              std::string("cannot ") + what + " " + path.string() + ": " + std::strerror(error));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, const char* what)
      : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (value_ < 0) Fail(what, path);
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

// Returns the size a regular file has now; 0 for pipes and the like, whose size is not known.
std::size_t KnownSize(const Descriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) Fail("inspect", path);
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    Fail("read", path);
  }
  return S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
}

void RequireRegular(const Descriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) Fail("inspect", path);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kIo, "cannot map " + path.string() + ": not a regular file");
  }
}

void WriteAll(int descriptor, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      Fail("write", path);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void WriteAllAt(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes,
                const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      Fail("write", path);
    }
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

// Returns the descriptor of a file that has no name, or none any more.
int OpenScratch(const fs::path& folder) {
  if (folder.empty()) return ::memfd_create("raie", MFD_CLOEXEC);
  std::string name = (folder / "raie-scratch-XXXXXX").string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor >= 0) ::unlink(name.c_str());
  return descriptor;
}

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void SyncFolder(const fs::path& folder) {
  const Descriptor directory(folder, O_RDONLY | O_DIRECTORY, "open folder");
  if (::fsync(directory.value()) != 0 && errno != EINVAL) Fail("sync", folder);
}

void SyncFoldersWithin(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) SyncFolder(entry.path());
  }
  SyncFolder(folder);
}

// What a link leads to; any other path as it is.
fs::path Followed(const fs::path& path) {
  std::error_code error;
  return fs::is_symlink(path, error) ? fs::weakly_canonical(path) : path;
}

// A name beside `path` that no other process and no other call of this one uses.
fs::path TemporaryName(const fs::path& path) {
  static std::atomic<int> calls{0};
  fs::path name = path;
  name +=
      std::string(kPartial) + std::to_string(::getpid()) + "." + std::to_string(calls.fetch_add(1));
  return name;
}

// Removes what processes that were killed a day ago or more had begun to write for `target` (one
// that is not known here may be alive in another container).
void RemoveAbandoned(const fs::path& target) {
  const std::string prefix = target.filename().string() + std::string(kPartial);
  std::error_code error;
  std::vector<fs::path> abandoned;
  for (const fs::directory_entry& entry : fs::directory_iterator(FolderOf(target), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t process = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), process);
    const bool dead = process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
    const auto age = fs::file_time_type::clock::now() - entry.last_write_time(error);
    if (dead && !error && age > std::chrono::hours(24)) abandoned.push_back(entry.path());
  }
  for (const fs::path& path : abandoned) fs::remove_all(path, error);
}

}  // namespace

std::string ReadFile(const fs::path& path) {
  const Descriptor file(path, O_RDONLY, "read");
  // One byte more than the size known, so that the end is seen without growing.
  std::string bytes(KnownSize(file, path) + 1, '\0');
  std::size_t done = 0;
  for (;;) {
    if (done == bytes.size()) bytes.resize(2 * bytes.size() + 4096);
    const ssize_t got = ::read(file.value(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail("read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void WriteFileAtomically(const fs::path& given, std::string_view bytes) {
  const fs::file_status status = fs::status(given);  // of what a link leads to
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    FileWriter writer(given);  // a pipe, a terminal, a device: cannot be replaced
    writer.Write(bytes);
    writer.Close();
    return;
  }
  const fs::path path = Followed(given);
  const fs::path temporary = TemporaryName(path);
  try {
    FileWriter writer(temporary);
    writer.Write(bytes);
    writer.Close();
    if (::rename(temporary.c_str(), path.c_str()) != 0) Fail("replace", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  SyncFolder(FolderOf(path));
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor file(path, O_RDONLY, "read");
  size_ = KnownSize(file, path);
  RequireRegular(file, path);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value(), 0);
  if (data == MAP_FAILED) Fail("map", path);
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

FileWriter::FileWriter(const fs::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) Fail("create", path_);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileWriter::Write(std::span<const std::byte> bytes) { WriteAll(descriptor_, bytes, path_); }

void FileWriter::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) {
  WriteAllAt(descriptor_, offset, bytes, path_);
}

void FileWriter::Close() {
  if (::fsync(descriptor_) != 0 && errno != EINVAL) Fail("sync", path_);
  if (::close(std::exchange(descriptor_, -1)) != 0) Fail("close", path_);
}

ScratchFile::ScratchFile(fs::path folder)
    : place_(folder.empty() ? fs::path("memory") : folder / "(temporary file)"),
      descriptor_(OpenScratch(folder)) {
  if (descriptor_ < 0) Fail("create", place_);
}

ScratchFile::~ScratchFile() { ::close(descriptor_); }

void ScratchFile::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) {
  WriteAllAt(descriptor_, offset, bytes, place_);
}

void ScratchFile::ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t got =
        ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ENODATA;
    if (got <= 0) Fail("read", place_);
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

AtomicDirectory::AtomicDirectory(fs::path target) : target_(std::move(target)) {
  target_ = target_.lexically_normal();
  if (!target_.has_filename()) target_ = target_.parent_path();  // "dir/" -> "dir"
  std::error_code error;
  target_ = Followed(target_);
  const fs::file_status status = fs::status(target_, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw Error(ErrorCode::kInvalidArgument, "cannot create folder " + target_.string() +
                                                 ": a file of that name exists; choose another");
  }
  fs::create_directories(FolderOf(target_), error);  // a failure shows in the next line
  RemoveAbandoned(target_);
  const fs::path temporary = TemporaryName(target_);
  fs::remove_all(temporary, error);
  if (::mkdir(temporary.c_str(), 0777) != 0) Fail("create folder", temporary);
  temporary_ = temporary;
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code error;
  if (!temporary_.empty()) fs::remove_all(temporary_, error);
}

void AtomicDirectory::Commit() {
  SyncFoldersWithin(temporary_);
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_.clear();
  } else if (errno != EEXIST || ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(),
                                            RENAME_EXCHANGE) != 0) {
    Fail("put in place", target_);
  }
  SyncFolder(FolderOf(target_));
  // After an exchange the temporary name holds the old folder; the destructor removes it.
}

std::string DigestOf(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text.data();
}

std::string DigestOfFile(const fs::path& path) { return DigestOf(MappedFile(path).bytes()); }

}  // namespace raie
