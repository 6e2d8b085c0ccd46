// Does anything a model learns, chooses or is filtered by come from what it is tested on?
//
// Concept: a leak is whatever training, choice or filtering takes from events at or after t2, or
//          from held-out targets. A prepared data set is checked for eight kinds, from its columns
//          and not only from what its manifest says. What is the protocol's own and no leak (S is
//          filtered together with F) is a note.
// Source:  METHOD section 2.
// Checks:  split       every event lies in its slice's time; slices are cut in time
//          vocabulary  the catalogue after a slice holds its items and no later ones
//          k_core      no user or item stays, and no test event leaves, because of later events
//          windows     no window crosses a slice border or holds later events
//          statistics  first times and numbering of items are those of the events up to then
//          held_out    S is measured on windows that training never sees
//          duplicates  repeats that were to be removed are gone; no target lies in its own context
//          same_time   where only earlier events are eligible, none shares the target's time
// Cost:    O(events x log).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/prepared_data.h"

namespace raie {

enum class AuditVerdict { kOk, kNote, kLeak };

struct AuditFinding {
  std::string check;
  AuditVerdict verdict = AuditVerdict::kOk;
  std::int64_t count = 0;  // events, items, users or windows concerned
  std::string message;
};

// At least one finding for each check, in the order above.
std::vector<AuditFinding> AuditData(const PreparedData& data);

std::int64_t CountLeaks(const std::vector<AuditFinding>& findings);

// {"leaks", "findings": [{"check", "verdict": "ok" | "note" | "leak", "count", "message"}]}.
nlohmann::ordered_json ToJson(const std::vector<AuditFinding>& findings);

}  // namespace raie
