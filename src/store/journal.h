// How is the edit journal written down?
//
// Concept: journal.tsv, a line a decision, in the order they were made; windows are named by the
// raw
//          id of their user and the time of their target, so that the journal can be read without
//          the data set. docs/formats.md.
#pragma once

#include <span>
#include <string>

#include "data/prepared_data.h"
#include "data/windows.h"
#include "regions/editor.h"

namespace raie {

// `windows` are those the records' window numbers count.
std::string JournalText(std::span<const EditRecord> records, const WindowSet& windows,
                        const PreparedData& data);

}  // namespace raie
