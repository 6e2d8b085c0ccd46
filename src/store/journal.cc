#include "store/journal.h"

#include <array>
#include <charconv>
#include <string_view>

namespace raie {
namespace {

constexpr char kHeader[] =
    "kind\trefusal\tregion\tuser\ttime\tcount\tconfidence\tmargin\tcosine\tangle_rad\t"
    "radius_before_rad\tradius_after_rad\n";

void AppendNumber(std::string& line, auto value) {
  std::array<char, 40> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  line += '\t';
  line.append(text.data(), end);
}

// Tabs and line ends of a raw id would break the columns.
void AppendName(std::string& line, std::string_view name) {
  line += '\t';
  for (const char byte : name) {
    if (byte == '\t') {
      line += "\\t";
    } else if (byte == '\n') {
      line += "\\n";
    } else if (byte == '\r') {
      line += "\\r";
    } else if (byte == '\\') {
      line += "\\\\";
    } else {
      line += byte;
    }
  }
}

}  // namespace

std::string JournalText(std::span<const EditRecord> records, const WindowSet& windows,
                        const PreparedData& data) {
  std::string text = kHeader;
  for (const EditRecord& record : records) {
    text += NameOf(record.kind);
    AppendName(text, NameOf(record.refusal));
    AppendNumber(text, Index(record.region));
    if (record.window >= 0) {
      const Window& window = windows.windows[record.window];
      AppendName(text, data.user_id(window.user));
      AppendNumber(text, Seconds(data.times()[window.target]));
    } else {
      text += "\t\t";
    }
    AppendNumber(text, record.count);
    AppendNumber(text, record.confidence);
    AppendNumber(text, record.margin);
    AppendNumber(text, record.cosine);
    AppendNumber(text, record.angle_rad);
    AppendNumber(text, record.radius_before_rad);
    AppendNumber(text, record.radius_after_rad);
    text += '\n';
  }
  return text;
}

}  // namespace raie
