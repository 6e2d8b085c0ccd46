// Which file of an archive holds the interactions, and which one the titles?
//
// Concept: the formats come with file names of their own (ratings.dat, u.data,
//          yelp_academic_dataset_review.json ...); a member is taken without being named only if
//          exactly one fits.
// Errors:  kInvalidArgument (none or several fit; lists them), kNotFound (an explicit titles file).
#pragma once

#include <optional>
#include <string>

#include "data/archive_input.h"
#include "data/read_log.h"

namespace raie {

// Completes "archive.zip" to "archive.zip:member"; other inputs are returned as they are.
InputName ChooseMember(const std::string& input, LogFormat format);

// Returns the titles file that belongs to an input of this format: beside it, or in the same
// folder of the same archive; plain, .gz or .xz.
std::optional<InputName> FindTitlesFile(const InputName& input, LogFormat format);

}  // namespace raie
