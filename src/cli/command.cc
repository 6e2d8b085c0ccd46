#include "cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "raie/error.h"

namespace raie::cli {

std::vector<KeyFlag> WithReadFlags(std::vector<KeyFlag> own) {
  std::vector<KeyFlag> flags = {{"--format", "read.format"},
                                {"--columns", "read.columns"},
                                {"--separator", "read.separator"},
                                {"--titles", "read.titles"},
                                {"--drop-missing", "read.drop_missing", true},
                                {"--drop", "read.drop", true},
                                {"--dedupe", "read.dedupe", true},
                                {"--skip-bad-rows", "read.skip_bad_rows"}};
  flags.insert(flags.end(), own.begin(), own.end());
  return flags;
}

void Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ErrorCode::kIo,
                "cannot write to standard output: " + std::string(std::strerror(errno)));
  }
}

void PrintJson(const nlohmann::ordered_json& object) { Print(object.dump(2) + "\n"); }

void Note(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

}  // namespace raie::cli
