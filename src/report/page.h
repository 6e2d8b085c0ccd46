// How does a report become one HTML file that needs nothing else?
//
// Concept: the template of web/report/ with the style, D3, the scripts and the report's JSON put
// in.
//          The JSON cannot end its script element, whatever titles hold: <, >, & and the line
//          separators of Unicode are written as escapes, bytes that are no UTF-8 as U+FFFD.
#pragma once

#include <string>

#include "report/blocks.h"

namespace raie {

std::string ReportPage(const ReportJson& report);

// JSON that may stand inside a script element.
std::string ScriptJson(const ReportJson& report);

// Text that may stand in an element or an attribute.
std::string EscapeHtml(const std::string& text);

}  // namespace raie
