#include "cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace raie::cli {
namespace {

constexpr std::chrono::seconds kLogEvery{10};

std::string Duration(double seconds) {
  char text[32];
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%lld s", whole);
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld min", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld h", whole / 3600, whole / 60 % 60);
  }
  return text;
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

std::string ProgressLine::Format(const Progress& progress) {
  std::string line = progress.phase;
  if (progress.total > 0) {
    line += ": " + std::to_string(progress.done) + "/" + std::to_string(progress.total);
  } else if (progress.done > 0) {
    line += ": " + std::to_string(progress.done);
  }
  if ((progress.total > 0 || progress.done > 0) && !progress.unit.empty()) {
    line += " " + progress.unit;
  }
  if (progress.per_second > 0) {
    char rate[48];
    std::snprintf(rate, sizeof rate, ", %.0f/s", progress.per_second);
    line += rate;
  }
  if (progress.seconds_left > 0) line += ", " + Duration(progress.seconds_left) + " left";
  if (!progress.detail.empty()) line += ", " + progress.detail;
  return line;
}

void ProgressLine::Show(const Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", Format(progress).c_str());
    std::fflush(stderr);
    open_ = true;
    return;
  }
  if (now - last_ < kLogEvery) return;
  last_ = now;
  std::fprintf(stderr, "%s\n", Format(progress).c_str());
}

void ProgressLine::Clear() {
  if (open_) std::fprintf(stderr, "\r\033[K");
  open_ = false;
}

}  // namespace raie::cli
