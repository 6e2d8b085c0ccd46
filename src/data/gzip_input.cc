#include "data/gzip_input.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{1} << 18;
constexpr int kGzipOnly = 15 + 16;  // windowBits of zlib: largest window, gzip frame

}  // namespace

struct GzipReader::State {
  explicit State(const std::string& name) : path(name), file(name, std::ios::binary) {
    if (!file) {
      throw Error(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                  "open " + path + ": " + std::strerror(errno));
    }
    if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
      throw Error(ErrorCode::kInternal, "open " + path + ": zlib cannot start");
    }
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Makes sure there are packed bytes at hand; false at the end of the file.
  bool Refill() {
    if (stream.avail_in > 0) return true;
    file.read(packed.data(), static_cast<std::streamsize>(packed.size()));
    if (file.bad()) throw Error(ErrorCode::kIo, "read " + path + ": " + std::strerror(errno));
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(file.gcount());
    return stream.avail_in > 0;
  }

  // After a member: goes to the next one; false if only padding follows.
  bool NextMember() {
    bool padded = false;
    while (Refill()) {
      if (*stream.next_in != 0) {
        if (padded || *stream.next_in != 0x1F) Fail("bytes after its end are no gzip member");
        inflateReset(&stream);
        return true;
      }
      padded = true;
      ++stream.next_in;
      --stream.avail_in;
    }
    return false;
  }

  [[noreturn]] void Fail(const std::string& reason) const {
    throw Error(ErrorCode::kCorruptData, "read " + path +
                                             ": the archive is damaged or cut short (" + reason +
                                             "); fetch it again, or test it with gzip -t");
  }

  [[noreturn]] void FailOf(int result) const {
    const std::string_view reason = stream.msg == nullptr ? "" : stream.msg;
    if (reason == "incorrect data check") {
      Fail("the text does not have the checksum its end gives");
    }
    if (reason == "incorrect length check") {
      Fail("the text passes the checksum but is not as long as its end says");
    }
    Fail(reason.empty() ? "zlib error " + std::to_string(result) : std::string(reason));
  }

  std::string path;
  std::ifstream file;
  std::vector<char> packed = std::vector<char>(kPackedBytes);
  z_stream stream = {};
  bool at_end = false;
};

GzipReader::GzipReader(const std::string& path) : state_(std::make_unique<State>(path)) {}
GzipReader::GzipReader(GzipReader&&) noexcept = default;
GzipReader::~GzipReader() = default;

std::size_t GzipReader::Read(std::span<char> buffer) {
  State& state = *state_;
  z_stream& stream = state.stream;
  std::size_t filled = 0;
  while (filled < buffer.size() && !state.at_end) {
    if (!state.Refill()) state.Fail("it ends within the text");
    const auto room = static_cast<uInt>(std::min(buffer.size() - filled, std::size_t{1} << 30));
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data() + filled);
    stream.avail_out = room;
    const int result = inflate(&stream, Z_NO_FLUSH);
    filled += room - stream.avail_out;
    if (result == Z_STREAM_END) {
      state.at_end = !state.NextMember();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      state.FailOf(result);
    }
  }
  return filled;
}

}  // namespace raie
