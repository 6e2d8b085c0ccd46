#include "report/browser.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/files.h"
#include "raie/error.h"

extern char** environ;  // NOLINT: what POSIX has

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongest{120};
constexpr char kBegin[] = "<script type=\"application/json\" id=\"drawn\">";
constexpr char kEnd[] = "</script>";

[[noreturn]] void Unavailable(const std::string& what) {
  throw Error(ErrorCode::kUnavailable, "drawing figures with Chromium: " + what);
}

// A folder that is removed when it is done with.
class WorkFolder {
 public:
  WorkFolder() {
    std::string name = (fs::temp_directory_path() / "raie-browser-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) Unavailable("cannot make the folder " + name);
    path_ = name;
  }
  ~WorkFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Runs a program, its output into a file, its complaints nowhere. Returns its exit status, or
// nothing if it had to be ended.
std::optional<int> RunProgram(std::vector<std::string> command, const fs::path& output) {
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // its children end with it
  ::posix_spawnattr_setpgroup(&attributes, 0);
  pid_t process = 0;
  const int failed =
      ::posix_spawn(&process, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) Unavailable("cannot run " + command[0]);
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  int status = 0;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(-process, SIGKILL);
      ::waitpid(process, &status, 0);
      return std::nullopt;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return status;
}

std::string UrlOf(const fs::path& page) {
  std::string url = "file://";
  for (const char c : fs::absolute(page).string()) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '/' || c == '-' || c == '_' || c == '.';
    if (plain) {
      url += c;
      continue;
    }
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    url += {'%', kDigits[byte / 16], kDigits[byte % 16]};
  }
  return url;
}

}  // namespace

std::optional<fs::path> FindBrowser() {
  const char* variable = std::getenv("PATH");
  const std::string path = variable == nullptr ? "" : variable;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    for (std::size_t at = 0; at < path.size();) {
      const std::size_t colon = std::min(path.find(':', at), path.size());
      const fs::path program = fs::path(path.substr(at, colon - at)) / name;
      if (colon > at && ::access(program.c_str(), X_OK) == 0) return program;
      at = colon + 1;
    }
  }
  return std::nullopt;
}

std::vector<DrawnFigure> DrawFigures(const fs::path& browser, const fs::path& page) {
  const WorkFolder work;
  const fs::path output = work.path() / "page";
  const auto status =
      RunProgram({browser.string(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                  "--no-first-run", "--disable-background-networking", "--disable-component-update",
                  "--disable-sync", "--hide-scrollbars", "--window-size=1000,1400",
                  "--user-data-dir=" + (work.path() / "profile").string(),
                  "--virtual-time-budget=60000", "--dump-dom", UrlOf(page) + "#draw"},
                 output);
  if (!status.has_value()) Unavailable(browser.string() + " did not end within two minutes");
  const std::string document = ReadFile(output);
  const std::size_t begin = document.find(kBegin);
  if (begin == std::string::npos) {
    Unavailable(browser.string() + " did not draw the page (status " + std::to_string(*status) +
                "); open the report in a browser and save figures there");
  }
  const std::size_t start = begin + sizeof kBegin - 1;
  const std::string json = document.substr(start, document.find(kEnd, start) - start);
  std::vector<DrawnFigure> figures;
  try {
    for (const auto& figure : nlohmann::json::parse(json)) {
      figures.push_back({figure.at("id"), figure.at("svg"), DecodeBase64(figure.at("png"))});
    }
  } catch (const nlohmann::json::exception& error) {
    Unavailable(std::string("what the page drew cannot be read: ") + error.what());
  }
  return figures;
}

std::string DecodeBase64(const std::string& text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      value = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      value = c - '0' + 52;
    } else if (c == '+') {
      value = 62;
    } else if (c == '/') {
      value = 63;
    } else {
      continue;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

}  // namespace raie
