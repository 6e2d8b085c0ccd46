#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "raie/error.h"

namespace raie {

FileLock::FileLock(const std::filesystem::path& folder, const std::string& what, On on)
    : descriptor_(on == On::kFolder
                      ? ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                      : ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  const std::string name = what + " " + folder.string();
  if (descriptor_ < 0) {
    throw Error(ErrorCode::kIo, "cannot write to " + name + ": " + std::strerror(errno));
  }
  bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  if (locked && on == On::kFolder) {  // and not one that has been replaced meanwhile
    struct stat own {};
    struct stat there {};
    locked = ::fstat(descriptor_, &own) == 0 && ::stat(folder.c_str(), &there) == 0 &&
             own.st_ino == there.st_ino;
  }
  if (!locked) {
    ::close(descriptor_);
    throw Error(ErrorCode::kUnavailable,
                name + " is being written by another process; try again when that has ended");
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace raie
