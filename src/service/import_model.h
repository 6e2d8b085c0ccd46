// How does a model of another library become one that can be edited?
//
// Concept: its weights are read through a name map (interchange/checkpoint.h); each item of slice S
//          gets the row the checkpoint has for its raw id. Items of S that the checkpoint does not
//          know get a row as items that are new in F do. Rows of items that occur in later slices
//          only are kept for them; rows of items the data has not at all are left behind. Then
//          regions and thresholds are found as by `raie fit`, and version 0 is written.
// Source:  METHOD section 2 ("Catalogue") for rows of unknown items; sections 3 and 4.
// Errors:  kInvalidArgument: a backbone that is neither SASRec nor BERT4Rec, a size that is given
//          and is not that of the tensors, no number of heads, contexts of the data longer than the
//          model reads, no item in common; those of interchange/. Nothing is written then.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "data/prepared_data.h"
#include "service/run_control.h"

namespace raie {

struct ImportPlaces {
  std::filesystem::path from;   // folder of weights and item list
  std::filesystem::path map;    // name map
  std::filesystem::path model;  // the new model directory
};

// Writes the model; returns what is printed with --json.
nlohmann::ordered_json ImportModelDirectory(const ImportPlaces& places, const PreparedData& data,
                                            const PhaseControl& control);

}  // namespace raie
