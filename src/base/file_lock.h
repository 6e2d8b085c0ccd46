// How does one process keep others from writing to a folder?
//
// Concept: an advisory lock on FOLDER/.lock, or on the folder itself if it is one that is replaced
//          as a whole; given back when the process ends, however it ends.
// Errors:  kUnavailable if another process has it; kIo.
#pragma once

#include <filesystem>
#include <string>

namespace raie {

class FileLock {
 public:
  enum class On { kFileWithin, kFolder };

  // `what` names the folder in messages: "model", "run".
  FileLock(const std::filesystem::path& folder, const std::string& what, On on = On::kFileWithin);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace raie
