#include "report/stream_section.h"

#include "base/number_text.h"
#include "report/comparison_section.h"

namespace raie {
ReportJson StreamSection(const RunFiles& run) {
  const ReportJson& results = run.results();
  std::vector<const ReportJson*> rows = FinishedRows(results);
  std::erase_if(rows, [](const ReportJson* row) { return !row->contains("stream"); });
  if (rows.empty()) {
    return SectionOf("stream", "Stream",
                     {MissingBlock("This run is not a stream: raie data prepare --protocol stream, "
                                   "then raie compare, gives the matrix of slices, BWT and FWT.")});
  }
  ReportTable matrix{.columns = {{"series", "Method"},
                                 {"after", "After slice", "count"},
                                 {"part", "Tested on slice", "count"},
                                 {"ndcg10", "NDCG@10", "score"}}};
  ReportTable metrics{
      .columns = {
          {"series", "Method"},
          {"next_accuracy", "Next slice", "score",
           "mean NDCG@10 on the slice after the one learnt last"},
          {"average_accuracy", "Average", "score", "over all parts at the end"},
          {"backward_transfer", "BWT", "change",
           "what parts gained (+) or lost (-) since their slice was learnt"},
          {"forward_transfer", "FWT", "change", "over the frozen model, before a slice was learnt"},
          {"forgetting", "Forgetting", "score",
           "from the best since a part's slice was learnt to the end"}}};
  ReportTable next{.columns = {{"series", "Series"},
                               {"x", "After slice", "number"},
                               {"value", "Value"},
                               {"part", "Windows"},
                               {"ndcg10", "NDCG@10", "score"},
                               {"verdict", "Verdict", "verdict"}}};
  for (const ReportJson* row : rows) {
    const ReportJson& stream = row->at("stream").at("ndcg@10");
    const std::string series = PointName(results, *row);
    const ReportJson& r = stream.at("R");
    for (std::size_t i = 0; i < r.size(); ++i) {
      for (std::size_t j = 0; j < r[i].size(); ++j) matrix.rows.push_back({series, i, j, r[i][j]});
    }
    ReportJson cells = {series};
    for (std::size_t i = 1; i < metrics.columns.size(); ++i) {
      cells.push_back(stream.value(metrics.columns[i].key, ReportJson()));
    }
    metrics.rows.push_back(std::move(cells));
    const ReportJson& by_slice = stream.at("next");
    const std::string verdict = VerdictOf(*row, "next");
    for (std::size_t i = 0; i < by_slice.size(); ++i) {
      next.rows.push_back({series, i, std::to_string(i), "the next slice", by_slice[i],
                           verdict.empty() ? "reference" : verdict});
    }
  }
  std::vector<ReportJson> blocks;
  blocks.push_back(TableBlock(
      {.id = "stream-metrics",
       .title = "Keeping and gaining along the stream",
       .takeaway = VerdictSentence(results, "next", rows),
       .note = "Means over seeds, NDCG@10. Only the next slice was tested; of BWT, FWT and "
               "forgetting nothing is claimed. With a popularity prior, BWT and forgetting begin "
               "at slice 1."},
      metrics));
  blocks.push_back(FigureBlock(
      {.id = "stream-matrix",
       .chart = "matrix",
       .title = "Every slice after every slice",
       .takeaway = "Below the diagonal are slices learnt before, above it slices still to come.",
       .note = "NDCG@10 on each slice's last windows (columns) after learning from each slice "
               "(rows)."},
      matrix));
  blocks.push_back(FigureBlock({.id = "stream-next",
                                .chart = "lines",
                                .title = "The next slice, slice by slice",
                                .takeaway = "What a user of the model would have seen after each "
                                            "update.",
                                .note = "NDCG@10 on all windows of the slice that follows."},
                               next, {{"x", "after slice"}, {"numbers", true}}));
  return SectionOf("stream", "Stream", std::move(blocks));
}

}  // namespace raie
