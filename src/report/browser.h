// How are the figures of a page drawn without a person in front of it?
//
// Concept: a Chromium that is installed runs headless on the page; the page, asked to by the end of
//          its address, draws every figure as a file of its own and leaves them in its document.
//          A profile folder of its own, no network, ended after two minutes.
// Errors:  kUnavailable if there is no browser, it fails, or it takes too long.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace raie {

// The first of chromium, chromium-browser, google-chrome on PATH.
std::optional<std::filesystem::path> FindBrowser();

struct DrawnFigure {
  std::string id;
  std::string svg;
  std::string png;  // bytes
};

// Returns the figures of a report's page.
std::vector<DrawnFigure> DrawFigures(const std::filesystem::path& browser,
                                     const std::filesystem::path& page);

// The bytes of base64 text.
std::string DecodeBase64(const std::string& text);

}  // namespace raie
