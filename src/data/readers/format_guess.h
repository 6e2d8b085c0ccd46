// Which format can this be, judging by its first rows?
//
// Concept: a format is taken only if the rows allow no other reading; otherwise the error lists
//          what it could be and how to say so.
// Errors:  kInvalidArgument.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/readers/layout.h"

namespace raie {

LogFormat GuessFormat(std::string_view text, const std::string& name, const ReadOptions& options);

// Returns the separator that cuts the first rows into the same number of fields; one that gives
// columns of these names wins.
std::string GuessSeparator(const Sample& sample, const std::string& name,
                           const std::vector<std::string>& wanted_names);

// Returns role -> column for a header with usual names (user_id, item, timestamp, ...).
std::map<std::string, std::string> GuessRoles(const std::vector<std::string>& header,
                                              const std::string& name);

}  // namespace raie
