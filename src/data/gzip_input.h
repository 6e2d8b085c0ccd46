// What text does a gzip file hold, and is it the text that was packed?
//
// Concept: a file is one gzip member or several, one after another. Every member ends with the
//          CRC-32 and the length of its text; both are compared, as is not done by libarchive.
//          Zero bytes after the last member are padding.
// Errors:  kNotFound, kIo; kCorruptData for a damaged or short file, or bytes after the last member
//          that are no member.
// Threads: one reader at a time.
// Cost:    that of zlib; two buffers of 1 MB or less.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace raie {

class GzipReader {
 public:
  explicit GzipReader(const std::string& path);
  GzipReader(GzipReader&&) noexcept;
  ~GzipReader();

  // Fills `buffer` as far as the text goes; 0 at its end, which is reached only if all is sound.
  std::size_t Read(std::span<char> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace raie
