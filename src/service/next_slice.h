// What do edit and drift need of a model and of the slice it meets next?
//
// Errors:  kCorruptData if the data set is not the model's; kInvalidArgument if the slice is
//          not the next one or settings cannot work.
#pragma once

#include <filesystem>
#include <memory>

#include "data/prepared_data.h"
#include "methods/method.h"
#include "service/configuration.h"
#include "service/run_control.h"
#include "service/slice_windows.h"
#include "store/model_directory.h"
#include "training/snapshot.h"

namespace raie {

inline constexpr int kNextSlice = -1;

struct NextSlice {
  ModelDirectory model;
  VersionInfo current;
  Snapshot before;  // without its prior: what is learnt is the model, whatever was popular
  std::shared_ptr<const PopularityPrior> prior;  // of `before`
  Configuration configuration;
  int slice = 0;
  SliceWindows windows;

  // Refer to this object, which must outlive them.
  AdaptSlice adapt_slice(const PreparedData& data) const;
  RunContext run_context(const PreparedData& data, const PhaseControl& control) const;
};

NextSlice LoadNextSlice(const std::filesystem::path& model, const PreparedData& data, int slice,
                        const PhaseControl& control);

}  // namespace raie
