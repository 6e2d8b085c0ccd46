// What does a report of a comparison say?
//
// Concept: sections (blocks.h) made from the run's folder and, where it is at hand, its prepared
// data
//          set. What a run does not hold is left out with a sentence that says how to get it;
//          sections without anything else are gathered at the end.
// Source:  docs/formats.md ("Run of a comparison").
// Errors:  those of RunFiles; kInvalidArgument for a data set that is not the run's.
#pragma once

#include <filesystem>
#include <functional>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "data/prepared_data.h"
#include "report/blocks.h"

namespace raie {

struct ReportRequest {
  std::filesystem::path run;
  const PreparedData* data = nullptr;              // null: what needs the data set is left out
  std::function<void(const Backbone&)> made = {};  // told of a backbone that is loaded
};

// {"format": "raie-report", "version", "title", "subtitle", "summary": [sentences], "sections"}
ReportJson BuildReport(const ReportRequest& request, TaskPool& pool);

// Returns the figures and tables of a report, in its order.
std::vector<const ReportJson*> BlocksWithNumbers(const ReportJson& report);

}  // namespace raie
