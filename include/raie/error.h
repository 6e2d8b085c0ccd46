// How does raie say that something went wrong?
//
// Concept: one exception class with a code. Outcomes that are expected (an unknown user, a region
//          without an adapter) are values, not errors. A message carries what was being done, the
//          offending value, the limit, the place (file:line) and the fix.
#pragma once

#include <stdexcept>
#include <string>

namespace raie {

enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that cannot be (exit code 2)
  kNotFound,         // a file, version or id that is not there (3)
  kCorruptData,      // a file that does not hold what it should (3)
  kIo,               // the operating system refused (3)
  kUnavailable,      // cannot be done now, may work later (3)
  kCancelled,        // stopped by the user; what was done is kept (130)
  kInternal,         // a defect of raie itself (1)
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace raie
