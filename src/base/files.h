// How are files read, and written so that nobody ever sees half of one?
//
// Concept: a file or folder is written under a temporary name beside its final one, synced,
// renamed,
//          and the folder above is synced. Whoever fails half-way leaves the old state untouched.
// Errors:  kNotFound, kIo; the message names the path, what was tried and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace raie {

// In the names of files and folders that are being written, after their final name.
inline constexpr std::string_view kPartial = ".partial.";

std::string ReadFile(const std::filesystem::path& path);

// Replaces `path` (what it leads to, if it is a link) by a file with these bytes, all or nothing;
// to pipes and devices they are written as they come.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

// A file mapped for reading; the bytes live as long as the object.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Writes one new file in pieces; the caller commits by renaming its folder (AtomicDirectory).
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }
  // Writes at a place of the file instead of its end; may run concurrently with itself.
  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes);
  void Close();  // syncs; without it the destructor only closes

 private:
  std::filesystem::path path_;
  int descriptor_;
};

// A file without a name, to write and read at any place of: its room is free again when the object
// is gone, however the program ends. Reads and writes may run concurrently.
class ScratchFile {
 public:
  // On the disk of this folder; empty: in memory.
  explicit ScratchFile(std::filesystem::path folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes);
  // All of these bytes must have been written.
  void ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  std::filesystem::path place_;
  int descriptor_;
};

// A folder that appears at `target` when Commit is called, and not at all otherwise. An existing
// target (what it leads to, if it is a link) is exchanged in one step and the old one removed
// afterwards. What killed processes have left beside it is removed a day later.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(std::filesystem::path target);
  ~AtomicDirectory();  // removes what was not committed
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  const std::filesystem::path& path() const { return temporary_; }  // write in here
  void Commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

// Returns 32 hexadecimal digits (XXH3, 128 bits): detects damage and accidental difference, not
// malice.
std::string DigestOf(std::span<const std::byte> bytes);
std::string DigestOfFile(const std::filesystem::path& path);

}  // namespace raie
