#include "cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "raie/error.h"

namespace raie::cli {

void Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ErrorCode::kIo,
                "cannot write to standard output: " + std::string(std::strerror(errno)));
  }
}

void PrintJson(const nlohmann::ordered_json& object) { Print(object.dump(2) + "\n"); }

void Note(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

}  // namespace raie::cli
