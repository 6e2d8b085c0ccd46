#include "cli/command.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "raie/error.h"

namespace raie::cli {
namespace {

constexpr std::int64_t kMostLayers = 1024;  // LoraOptions::last_layers

std::string LastLayersOf(const std::string& text) {
  constexpr std::string_view kLast = "last:";
  if (text == "all") return "0";
  std::int64_t layers = 0;
  const char* const end = text.data() + text.size();
  const bool last = text.starts_with(kLast);
  const auto [stop, error] =
      std::from_chars(text.data() + (last ? kLast.size() : text.size()), end, layers);
  if (!last || error != std::errc() || stop != end || layers < 1 || layers > kMostLayers) {
    throw Error(ErrorCode::kInvalidArgument, "--adapter-layers " + text +
                                                 ": write all, or last:N with N from 1 to " +
                                                 std::to_string(kMostLayers) + ", as in last:8");
  }
  return std::to_string(layers);
}

}  // namespace

KeyFlag AdapterLayersFlag(std::vector<std::string> also) {
  return {.flag = "--adapter-layers",
          .key = "edit.lora.last_layers",
          .also = std::move(also),
          .convert = LastLayersOf,
          .help =
              "layers that adapters are in: all, or last:N, the last N of them: cheaper, and "
              "a language model computes the others once a prompt (default: all)"};
}

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
