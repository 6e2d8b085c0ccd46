// What does the published Python do in F, for whoever wants its numbers beside ours?
//
// Concept: protocol `as-released`. `frozen` and `lora` are the methods of that name under the
//          protocol's options (AdaptOptions::Preset). `raie` trains one global adapter and the item
//          rows of F's targets first, as `lora` does; finds regions in the mean-pooled states of
//          *that* model; decides by a posterior score (regions/posterior.h); sends every window of
//          F to the region of highest score; and goes on from a copy of the global adapter in each
//          region, on each of its F windows three times and 2.33 times as many S windows, rows
//          frozen. So it sees 6.3 times the samples of `lora` and never expands a region.
// Source:  fengaogao/RAIE, SASRec_RAIE.py. docs/decisions/010 lists what is not reproduced.
// Errors:  kInvalidArgument for methods that are not reproduced, for budget = equal or a popularity
//          prior, and those of regions/posterior.h.
#pragma once

#include <memory>
#include <string_view>

#include "methods/method.h"

namespace raie {

// Returns the method as the published code has it.
std::unique_ptr<Method> MakeAsReleased(std::string_view name, const RunContext& context,
                                       const AdaptOptions& options);

// Throws unless `name` is one of them.
void CheckReleased(std::string_view name);

}  // namespace raie
