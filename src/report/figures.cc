#include "report/figures.h"

#include <system_error>

#include "base/files.h"
#include "raie/error.h"
#include "report/browser.h"
#include "report/report.h"

namespace raie {

namespace fs = std::filesystem;

FigureFiles WriteFigures(const ReportJson& report, const fs::path& page, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::kIo, "cannot make folder " + folder.string() + ": " + error.message());
  }
  FigureFiles files;
  for (const ReportJson* block : BlocksWithNumbers(report)) {
    WriteFileAtomically(folder / (block->at("id").get<std::string>() + ".csv"), BlockCsv(*block));
    ++files.tables;
  }
  const auto browser = FindBrowser();
  if (!browser.has_value()) {
    files.notice =
        "figures are not drawn: no chromium on the PATH (Debian: apt-get install chromium); the "
        "numbers are there as CSV, and the page saves figures as SVG";
    return files;
  }
  for (const DrawnFigure& figure : DrawFigures(*browser, page)) {
    WriteFileAtomically(folder / (figure.id + ".svg"), figure.svg);
    WriteFileAtomically(folder / (figure.id + ".png"), figure.png);
    ++files.drawn;
  }
  return files;
}

}  // namespace raie
