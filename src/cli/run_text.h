// How is the report of a comparison told in a terminal?
//
// Concept: the sentences of the report, the main table with a mark for each method on a common
// scale,
//          a curve of events, the regions with most traffic: at most 60 lines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace raie::cli {

std::string RunText(const nlohmann::ordered_json& report);

}  // namespace raie::cli
