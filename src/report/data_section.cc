#include "report/data_section.h"

#include <algorithm>

#include "base/number_text.h"
#include "data/prepare.h"
#include "data/stats.h"

namespace raie {
namespace {

constexpr int kBins = 120;

struct TimeSpan {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

TimeSpan SpanOf(const PreparedData& data, EventRange rows, TimeSpan span, bool& any) {
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const std::int64_t time = Seconds(data.times()[row]);
    span.first = any ? std::min(span.first, time) : time;
    span.last = any ? std::max(span.last, time) : time;
    any = true;
  }
  return span;
}

TimeSpan SpanOfSlice(const PreparedData& data, int slice) {
  TimeSpan span;
  bool any = false;
  for (std::int64_t user = 0; user < data.num_users(); ++user) {
    span =
        SpanOf(data, data.SliceEvents(UserId{static_cast<std::int32_t>(user)}, slice), span, any);
  }
  return span;
}

ReportJson SlicesTable(const PreparedData& data, const DataStats& stats) {
  ReportTable table{
      .columns = {
          {"slice", "Slice"},
          {"first", "First event", "day"},
          {"last", "Last event", "day"},
          {"users", "Users", "count"},
          {"items", "Items", "count"},
          {"events", "Events", "count"},
          {"events_before", "Events before k-core", "count",
           "cut there, before users and items with few events were dropped"},
          {"windows", "Windows", "count", "a target and the events before it"},
          {"catalogue", "Catalogue after", "count", "items of this slice and all before it"},
          {"outside_previous", "Targets new", "percent",
           "share of targets that no earlier slice holds"},
          {"returning", "Returning users", "percent",
           "share of the slice's users with windows who have windows in slice 0"}}};
  for (int slice = 0; slice < data.num_slices(); ++slice) {
    const TimeSpan span = SpanOfSlice(data, slice);
    ReportJson row = {SliceLabel(data, slice),
                      span.first,
                      span.last,
                      stats.after[slice].users,
                      stats.after[slice].items,
                      stats.after[slice].events,
                      stats.before[slice].events,
                      stats.windows[slice],
                      stats.catalogue[slice]};
    if (slice == 0) {
      row.push_back(nullptr);
      row.push_back(nullptr);
    } else {
      const SliceTargets& targets = stats.targets[slice - 1];
      row.push_back(targets.outside_previous);
      row.push_back(targets.users == 0 ? ReportJson()
                                       : ReportJson(static_cast<double>(targets.returning_users) /
                                                    static_cast<double>(targets.users)));
    }
    table.rows.push_back(std::move(row));
  }
  std::int64_t events = 0;
  for (const SliceCounts& counts : stats.after) events += counts.events;
  return TableBlock(
      {.id = "slices",
       .title = "The data set, slice by slice",
       .takeaway = CountOf(data.num_users(), "user") + ", " + CountOf(data.num_items(), "item") +
                   " and " + CountOf(events, "event") + " in " +
                   CountOf(data.num_slices(), "slice") + "."},
      table);
}

ReportJson EventsFigure(const PreparedData& data) {
  const int slices = data.num_slices();
  TimeSpan span;
  bool any = false;
  for (std::int64_t user = 0; user < data.num_users(); ++user) {
    for (int slice = 0; slice < slices; ++slice) {
      span =
          SpanOf(data, data.SliceEvents(UserId{static_cast<std::int32_t>(user)}, slice), span, any);
    }
  }
  const std::int64_t width = std::max<std::int64_t>(1, (span.last - span.first) / kBins + 1);
  std::vector<std::vector<std::int64_t>> counts(kBins, std::vector<std::int64_t>(slices));
  for (std::int64_t user = 0; user < data.num_users(); ++user) {
    for (int slice = 0; slice < slices; ++slice) {
      const EventRange rows = data.SliceEvents(UserId{static_cast<std::int32_t>(user)}, slice);
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        ++counts[(Seconds(data.times()[row]) - span.first) / width][slice];
      }
    }
  }
  ReportTable table{.columns = {{"start", "From", "time"},
                                {"end", "To", "time"},
                                {"slice", "Slice"},
                                {"events", "Events", "count"}}};
  std::int64_t most = 0;
  std::int64_t busiest = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    std::int64_t all = 0;
    for (int slice = 0; slice < slices; ++slice) {
      if (counts[bin][slice] == 0) continue;
      all += counts[bin][slice];
      table.rows.push_back({span.first + bin * width, span.first + (bin + 1) * width,
                            SliceLabel(data, slice), counts[bin][slice]});
    }
    if (all > most) busiest = bin;
    most = std::max(most, all);
  }
  ReportJson options = {{"cuts", ReportJson::array()}, {"slices", ReportJson::array()}};
  for (const Timestamp cut : data.cuts()) options["cuts"].push_back(Seconds(cut));
  for (int slice = 0; slice < slices; ++slice) {
    options["slices"].push_back(SliceLabel(data, slice));
  }
  std::vector<std::string> cuts;
  for (const Timestamp cut : data.cuts()) cuts.push_back(Day(Seconds(cut)));
  const std::string days = Fixed(static_cast<double>(width) / 86400, 1);
  return FigureBlock(
      {.id = "events",
       .chart = "events",
       .title = "Events over time",
       .takeaway = "From " + Day(span.first) + " to " + Day(span.last) +
                   (cuts.empty() ? "; slices are parts of each user's history, not of time."
                                 : ", cut at " + ListOfNames(cuts) + ".") +
                   " Activity peaks around " + Day(span.first + busiest * width) + ".",
       .note = "Events that survived preparation, in " + std::to_string(kBins) + " bins of " +
               days + " days each. Dashed lines are the cuts between slices."},
      table, options);
}

ReportJson NewItemsFigure(const PreparedData& data, const DataStats& stats) {
  ReportTable table{
      .columns = {{"slice", "Slice"}, {"measure", "Measure"}, {"share", "Share", "percent"}}};
  std::string takeaway;
  for (int slice = 1; slice < data.num_slices(); ++slice) {
    const SliceTargets& targets = stats.targets[slice - 1];
    const std::string label = SliceLabel(data, slice);
    table.rows.push_back({label, "targets outside slice 0", targets.outside_first});
    if (slice > 1) {
      table.rows.push_back({label, "targets outside all slices before", targets.outside_previous});
    }
    table.rows.push_back(
        {label, "context events outside all slices before", targets.context_events_unknown});
    if (slice + 1 == data.num_slices()) {
      takeaway = Percent(targets.outside_previous) + " of the targets of " + label +
                 " are items that no earlier slice holds: no method compared here can rank them.";
    }
  }
  return FigureBlock({.id = "new-items",
                      .chart = "bars",
                      .title = "How much is new in each slice",
                      .takeaway = takeaway,
                      .note = "Shares of targets and of context events whose item is not in the "
                              "catalogue of the earlier slices."},
                     table, {{"label", "measure"}, {"group", "slice"}, {"value", "share"}});
}

}  // namespace

std::string SliceLabel(const PreparedData& data, int slice) {
  if (data.contexts_cross_slices()) {
    static constexpr const char* kParts[] = {"training", "validation", "test"};
    return kParts[std::min(slice, 2)];
  }
  static constexpr const char* kNames[] = {"S", "F", "T"};
  if (data.num_slices() == 3 && OptionsOf(data).protocol != Protocol::kStream) {
    return kNames[slice];
  }
  return "slice " + std::to_string(slice);
}

ReportJson DataSection(const PreparedData& data) {
  const DataStats stats = ComputeStats(data);
  std::vector<ReportJson> blocks = {SlicesTable(data, stats), EventsFigure(data)};
  if (data.num_slices() > 1) blocks.push_back(NewItemsFigure(data, stats));
  return SectionOf("data", "Data", std::move(blocks));
}

}  // namespace raie
