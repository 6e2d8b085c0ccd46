// Which files are the figures of a report, for a paper or another program?
//
// Concept: ID.csv of every figure and table; ID.svg and ID.png of every figure where a Chromium is
//          installed. Files of the same name are replaced, others in the folder are left alone.
// Errors:  kIo; those of DrawFigures.
#pragma once

#include <filesystem>

#include "report/blocks.h"

namespace raie {

struct FigureFiles {
  std::int64_t tables = 0;  // CSV files written
  std::int64_t drawn = 0;   // figures written as SVG and PNG
  std::string notice = "";  // why none were drawn; empty: they were
};

// `page` is the report's page on disk.
FigureFiles WriteFigures(const ReportJson& report, const std::filesystem::path& page,
                         const std::filesystem::path& folder);

}  // namespace raie
