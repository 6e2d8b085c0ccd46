// How well does a version of a model rank S and T?
//
// Source:  METHOD section 2 ("Ranking", "Breakdown").
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "data/prepared_data.h"
#include "evaluation/evaluate.h"
#include "raie/model.h"
#include "service/run_control.h"

namespace raie {

inline constexpr int kLastSlice = -1;

struct EvaluateOptions {
  std::int32_t version = kCurrentVersion;
  int slice = kLastSlice;
  SetupPart setup_part = SetupPart::kAll;
};

nlohmann::ordered_json EvaluateModel(const std::filesystem::path& model, const PreparedData& data,
                                     const EvaluateOptions& options, const PhaseControl& control);

}  // namespace raie
