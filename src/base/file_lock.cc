#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "raie/error.h"

namespace raie {

FileLock::FileLock(const std::filesystem::path& folder, const std::string& what)
    : descriptor_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  const std::string name = what + " " + folder.string();
  if (descriptor_ < 0) {
    throw Error(ErrorCode::kIo, "cannot write to " + name + ": " + std::strerror(errno));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    throw Error(ErrorCode::kUnavailable,
                name + " is being written by another process; try again when that has ended");
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace raie
