#include "data/archive_input.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/files.h"
#include "data/gzip_input.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kPageBytes = std::size_t{1} << 16;  // a multiple of any page size
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

enum class Container { kPlain, kGzip, kXz, kZip, kTar, kTarGzip };

bool HasMembersOf(Container container) {
  return container == Container::kZip || container == Container::kTar ||
         container == Container::kTarGzip;
}

// What the first bytes say of a file.
struct Magic {
  std::string_view bytes;
  const char* name;
};
constexpr Magic kRefused[] = {
    {std::string_view("BZh"), "bzip2"},
    {std::string_view("\x28\xB5\x2F\xFD"), "zstd"},
    {std::string_view("7z\xBC\xAF\x27\x1C"), "7-zip"},
    {std::string_view("Rar!"), "RAR"},
    {std::string_view("\x04\x22\x4D\x18"), "lz4"},
};

std::string FirstBytes(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorCode::kInvalidArgument,
                path + ": is a folder; name the file of interactions in it");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const bool missing = errno == ENOENT;
    throw Error(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
                "open " + path + ": " + std::strerror(errno));
  }
  std::string bytes(512, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

bool NamedTar(const std::string& path) {
  return path.ends_with(".tar") || path.ends_with(".tgz") || path.ends_with(".txz") ||
         path.find(".tar.") != std::string::npos;
}

Container ContainerOf(const std::string& path) {
  const std::string bytes = FirstBytes(path);
  for (const Magic& magic : kRefused) {
    if (bytes.starts_with(magic.bytes)) {
      throw Error(ErrorCode::kInvalidArgument,
                  path + ": compressed by " + magic.name +
                      ", which is not read; unpack it first (read are plain files, .gz, .xz, .zip, "
                      ".tar, .tar.gz, .tar.xz)");
    }
  }
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return Container::kZip;
  if (bytes.starts_with("\x1F\x8B")) {
    return NamedTar(path) ? Container::kTarGzip : Container::kGzip;
  }
  if (bytes.starts_with(std::string_view("\xFD"
                                         "7zXZ\0",
                                         6))) {
    return NamedTar(path) ? Container::kTar : Container::kXz;
  }
  if (bytes.size() > 262 && bytes.compare(257, 5, "ustar") == 0) return Container::kTar;
  return NamedTar(path) && !bytes.empty() ? Container::kTar : Container::kPlain;
}

// Gives libarchive the text of a gzip file, whose checksums it would not compare itself.
class GzipSource {
 public:
  explicit GzipSource(const std::string& path) : reader_(path) {}

  static la_ssize_t Read(archive* archive, void* self, const void** bytes) {
    auto& source = *static_cast<GzipSource*>(self);
    try {
      *bytes = source.buffer_.data();
      return static_cast<la_ssize_t>(source.reader_.Read(source.buffer_));
    } catch (...) {  // not through C code: OpenArchive throws it on
      source.failure_ = std::current_exception();
      archive_set_error(archive, EIO, "the gzip file cannot be read");
      return -1;
    }
  }

  void Rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

  // Reads what libarchive has no use for, so that the file is checked to its end.
  void Finish() {
    while (reader_.Read(buffer_) > 0) {
    }
  }

 private:
  GzipReader reader_;
  std::vector<char> buffer_ = std::vector<char>(kReadBytes);
  std::exception_ptr failure_;
};

// One open archive of libarchive.
class OpenArchive {
 public:
  OpenArchive(std::string path, Container container)
      : path_(std::move(path)), archive_(archive_read_new(), &archive_read_free) {
    archive* const a = archive_.get();
    // Not `all`: it would take ratings.dat for an mtree description.
    if (container == Container::kZip) archive_read_support_format_zip(a);
    if (container == Container::kTar || container == Container::kTarGzip) {
      archive_read_support_format_tar(a);
    }
    if (container == Container::kXz) archive_read_support_format_raw(a);
    archive_read_support_format_empty(a);
    if (container == Container::kTarGzip) {
      gzip_ = std::make_unique<GzipSource>(path_);
      Check(archive_read_open(a, gzip_.get(), nullptr, &GzipSource::Read, nullptr), "open");
      return;
    }
    archive_read_support_filter_xz(a);
    Check(archive_read_open_filename(a, path_.c_str(), kReadBytes), "open");
  }

  // Goes to the next regular file; false at the end.
  bool Next() {
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(archive_.get(), &entry);
      if (result == ARCHIVE_EOF) {
        if (gzip_ != nullptr) gzip_->Finish();
        return false;
      }
      Check(result, "read");
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      if (archive_entry_is_encrypted(entry) != 0) {
        throw Error(ErrorCode::kInvalidArgument, path_ + ": is encrypted; unpack it first");
      }
      const char* name = archive_entry_pathname(entry);
      member_ = name == nullptr ? "" : name;
      return true;
    }
  }

  std::size_t Read(std::span<char> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      const la_ssize_t got =
          archive_read_data(archive_.get(), buffer.data() + filled, buffer.size() - filled);
      if (got == 0) break;
      if (got < 0) Check(static_cast<int>(got), "read");
      filled += static_cast<std::size_t>(got);
    }
    if (filled < buffer.size() && gzip_ != nullptr) gzip_->Finish();
    return filled;
  }

  const std::string& member() const { return member_; }

 private:
  void Check(int result, const char* doing) {
    if (result == ARCHIVE_OK) return;
    if (gzip_ != nullptr) gzip_->Rethrow();
    const char* const reason = archive_error_string(archive_.get());
    throw Error(ErrorCode::kCorruptData,
                std::string(doing) + " " + path_ + (member_.empty() ? "" : ":" + member_) +
                    ": the archive is damaged or cut short (" +
                    (reason == nullptr ? "no reason given" : reason) +
                    "); fetch it again, or test it with gzip -t, xz -t, unzip -t or tar -t");
  }

  std::string path_;
  std::unique_ptr<GzipSource> gzip_;  // outlives the archive that reads it
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::string member_;
};

class ArchiveText : public TextInput {
 public:
  explicit ArchiveText(OpenArchive archive) : archive_(std::move(archive)) {}
  std::size_t Read(std::span<char> buffer) override { return archive_.Read(buffer); }

 private:
  OpenArchive archive_;
};

class GzipText : public TextInput {
 public:
  explicit GzipText(const std::string& path) : reader_(path) {}
  std::size_t Read(std::span<char> buffer) override { return reader_.Read(buffer); }

 private:
  GzipReader reader_;
};

class MappedText : public TextInput {
 public:
  explicit MappedText(const std::string& path) : file_(path) {}
  std::optional<std::string_view> mapped() const override { return file_.text(); }
  void Release(std::size_t bytes) override {
    const std::size_t whole_pages = bytes / kPageBytes * kPageBytes;
    if (whole_pages <= released_) return;
    // Only advice: the pages stay in the page cache and come back if they are asked for.
    (void)madvise(const_cast<char*>(file_.text().data()) + released_, whole_pages - released_,
                  MADV_DONTNEED);
    released_ = whole_pages;
  }
  std::size_t Read(std::span<char> buffer) override {
    const std::string_view rest = file_.text().substr(place_, buffer.size());
    std::copy(rest.begin(), rest.end(), buffer.begin());
    place_ += rest.size();
    return rest.size();
  }

 private:
  MappedFile file_;
  std::size_t place_ = 0;
  std::size_t released_ = 0;
};

bool IsNoise(std::string_view member) {
  return member.starts_with("__MACOSX/") || member.find("/._") != std::string_view::npos ||
         member.starts_with("._") || member.ends_with(".DS_Store");
}

std::string ListOfFiles(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "no file" : text;
}

}  // namespace

InputName ParseInputName(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text, ""};
  for (std::size_t colon = text.find(':'); colon != std::string::npos;
       colon = text.find(':', colon + 1)) {
    const std::string path = text.substr(0, colon);
    if (std::filesystem::is_regular_file(path, ignored)) return {path, text.substr(colon + 1)};
  }
  return {text, ""};
}

bool HasMembers(const std::string& path) { return HasMembersOf(ContainerOf(path)); }

std::vector<std::string> ListMembers(const std::string& path) {
  std::vector<std::string> names;
  OpenArchive archive(path, ContainerOf(path));
  while (archive.Next()) {
    if (!IsNoise(archive.member())) names.push_back(archive.member());
  }
  return names;
}

std::unique_ptr<TextInput> OpenInput(const InputName& name) {
  const Container container = ContainerOf(name.path);
  const bool has_members = HasMembersOf(container);
  if (!has_members && !name.member.empty()) {
    throw Error(ErrorCode::kInvalidArgument, name.ToString() + ": " + name.path +
                                                 " is no .zip or .tar, so it has no member '" +
                                                 name.member + "'");
  }
  if (container == Container::kPlain) return std::make_unique<MappedText>(name.path);
  if (container == Container::kGzip) return std::make_unique<GzipText>(name.path);
  OpenArchive archive(name.path, container);
  while (archive.Next()) {
    if (!has_members || archive.member() == name.member) {
      return std::make_unique<ArchiveText>(std::move(archive));
    }
  }
  if (!has_members) {
    throw Error(ErrorCode::kCorruptData, name.path + ": the archive is empty or cut short");
  }
  throw Error(ErrorCode::kNotFound, name.path + " has no member '" + name.member + "'; it has " +
                                        ListOfFiles(ListMembers(name.path)));
}

std::string ReadAll(const InputName& name) {
  const std::unique_ptr<TextInput> input = OpenInput(name);
  if (const auto mapped = input->mapped()) return std::string(*mapped);
  std::string text;
  for (std::size_t room = kReadBytes;; room *= 2) {
    const std::size_t old = text.size();
    text.resize(old + room);
    const std::size_t got = input->Read(std::span(text).subspan(old));
    text.resize(old + got);
    if (got < room) return text;
  }
}

}  // namespace raie
