#include "report/page.h"

#include <algorithm>
#include <string_view>

#include "raie/error.h"
#include "report/embedded_files.h"

namespace raie {
namespace {

constexpr std::string_view kD3 = "d3.min.js";
constexpr std::string_view kFirstScript = "base.js";  // what the others use
constexpr std::string_view kLastScript = "page.js";   // what calls them

std::string_view FileNamed(std::string_view name) {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.name == name) return file.text;
  }
  throw Error(ErrorCode::kInternal, "the page lacks " + std::string(name));
}

std::string ScriptElement(std::string_view text) {
  return "<script>\n" + std::string(text) + "</script>\n";
}

// D3, what all use, one script a chart, what calls them.
std::string Scripts() {
  std::string text = ScriptElement(FileNamed(kD3)) + ScriptElement(FileNamed(kFirstScript));
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (!file.name.ends_with(".js")) continue;
    if (file.name == kD3 || file.name == kFirstScript || file.name == kLastScript) continue;
    text += ScriptElement(file.text);
  }
  return text + ScriptElement(FileNamed(kLastScript));
}

// Replaces the one place of the template that is named so.
void Fill(std::string& page, const std::string& place, const std::string& text) {
  const std::string mark = "<!--" + place + "-->";
  const std::size_t at = page.find(mark);
  if (at == std::string::npos) throw Error(ErrorCode::kInternal, "the template has no " + mark);
  page.replace(at, mark.size(), text);
}

void ReplaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ScriptJson(const ReportJson& report) {
  const std::string json =
      report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        escaped += "\\u003c";
        break;
      case '>':
        escaped += "\\u003e";
        break;
      case '&':
        escaped += "\\u0026";
        break;
      default:
        escaped += c;
    }
  }
  ReplaceAll(escaped, "\xE2\x80\xA8", "\\u2028");
  ReplaceAll(escaped, "\xE2\x80\xA9", "\\u2029");
  return escaped;
}

std::string ReportPage(const ReportJson& report) {
  std::string page(FileNamed("template.html"));
  // What comes from data last, so that nothing in it is taken for a place.
  Fill(page, "style", "<style>\n" + std::string(FileNamed("style.css")) + "</style>");
  Fill(page, "scripts", Scripts());
  Fill(page, "data",
       "<script type=\"application/json\" id=\"report\">" + ScriptJson(report) + "</script>");
  Fill(page, "title", EscapeHtml(report.at("title")));
  return page;
}

}  // namespace raie
