// Which second does a piece of text name?
//
// Concept: epoch seconds, epoch milliseconds or ISO-8601: YYYY-MM-DD, then optionally 'T' or a
//          blank and HH:MM[:SS[.fraction]], then optionally Z or an offset (+hh:mm, +hhmm, +hh).
//          Without an offset the time is UTC. Fractions of a second are floored.
// Units:   results in UTC seconds since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "data/read_log.h"

namespace raie {

// Returns nullopt if the text is no time in this format (which must not be kAuto).
std::optional<std::int64_t> ParseTime(std::string_view text, TimeFormat format);

// Returns the format a text can only be in: ISO by its shape, milliseconds from 1e11 on (as
// seconds that would be the year 5138), else seconds; kAuto if it is no time at all.
TimeFormat GuessTimeFormat(std::string_view text);

// Returns "epoch seconds", "epoch milliseconds" or "ISO-8601 ...", for messages.
std::string_view DescribeTimeFormat(TimeFormat format);

}  // namespace raie
