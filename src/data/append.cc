#include "data/append.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/file_lock.h"
#include "base/files.h"
#include "base/output_folder.h"
#include "data/event_table.h"
#include "data/prepared_data.h"
#include "data/prepared_writer.h"
#include "data/slicing.h"
#include "raie/error.h"

namespace raie {
namespace {

// Drops what is at or before `end` (runs are sorted: a prefix of each) or counts it.
struct EarlierCount {
  std::int64_t events = 0;
  std::int64_t first_time = std::numeric_limits<std::int64_t>::max();
  std::int64_t first_user = -1;
};

class Appending {
 public:
  Appending(const std::filesystem::path& folder, const InteractionLog& log,
            const AppendOptions& options, TaskPool& pool)
      : folder_(folder),
        log_(log),
        options_(options),
        pool_(pool),
        old_(PreparedData::Load(folder)),
        prepared_for_(OptionsOf(old_)) {}

  AppendReport Run(const nlohmann::json& read_report) {
    if (old_.contexts_cross_slices()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "cannot append to " + folder_.string() +
                      ": it was prepared as leave-last-out, which has no slices in time");
    }
    if (prepared_for_.protocol == Protocol::kAsReleased) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "cannot append to " + folder_.string() +
              ": it was prepared as-released, whose slices are S, F and T and whose "
              "vocabulary is that of all three; prepare the whole log with --protocol strict "
              "to go on from slice to slice");
    }
    CheckRatings();
    report_.events_read = log_.size();
    report_.slice = old_.num_slices();
    FilterAndSort();
    MatchIds();
    if (prepared_for_.repeats == Repeats::kFirst) DropKnownPairs();
    if (table_.num_events() == 0) FailNothingLeft();
    const SliceRule one_slice;
    slicing_ = SliceTable(table_, one_slice, CoreRule{}, SameTime::kOrder, pool_);
    FindCut();
    Write(read_report);
    return std::move(report_);
  }

 private:
  // What is below min_rating was dropped before; sets made by earlier versions do not say.
  void CheckRatings() const {
    const nlohmann::json& manifest = old_.manifest();
    if (!manifest.contains("has_ratings") || manifest.at("has_ratings") == !log_.ratings.empty()) {
      return;
    }
    const bool rated = manifest.at("has_ratings");
    throw Error(ErrorCode::kInvalidArgument,
                "cannot append to " + folder_.string() + ": the log it was prepared from has " +
                    (rated ? "" : "no ") + "ratings, this one " + (rated ? "has none" : "has") +
                    ", so the same events would not be taken; give a log of the same kind (a " +
                    "column is named by --columns rating=COLUMN)");
  }

  void FilterAndSort() {
    table_ = GroupByUser(log_, prepared_for_.min_rating, pool_);
    report_.dropped_by_rating = log_.size() - table_.num_events();
    SortRuns(table_, KeepPairs::kAll, pool_);
    DropEarlier();
    const std::int64_t before = table_.num_events();
    if (prepared_for_.repeats == Repeats::kFirst) SortRuns(table_, KeepPairs::kFirst, pool_);
    report_.dropped_as_repeats = before - table_.num_events();
  }

  std::int64_t LastTime() const {
    const auto times = old_.times();
    return Seconds(*std::max_element(times.begin(), times.end()));
  }

  void DropEarlier() {
    const std::int64_t last = LastTime();
    EarlierCount earlier;
    for (std::int64_t u = 0; u < table_.num_users(); ++u) {
      const std::int64_t* times = table_.times.data();
      const std::int64_t* begin = times + table_.begins[u];
      const std::int64_t* from = std::upper_bound(begin, times + table_.ends[u], last);
      if (from == begin) continue;
      earlier.events += from - begin;
      if (*begin < earlier.first_time) {
        earlier.first_time = *begin;
        earlier.first_user = u;
      }
      table_.begins[u] = from - times;
    }
    report_.dropped_as_earlier = earlier.events;
    if (earlier.events == 0 || options_.earlier == EarlierEvents::kDrop) return;
    throw Error(ErrorCode::kCorruptData,
                "cannot append to " + folder_.string() + ": " + std::to_string(earlier.events) +
                    " events are not later than its last event at " + std::to_string(last) +
                    "; the first is user " + std::string(log_.user_ids[earlier.first_user]) +
                    " at " + std::to_string(earlier.first_time) +
                    ": prepare all events anew, or drop these with --earlier drop");
  }

  [[noreturn]] void FailNothingLeft() const {
    throw Error(ErrorCode::kCorruptData,
                "nothing to append: of " + std::to_string(report_.events_read) + " events " +
                    std::to_string(report_.dropped_by_rating) + " are rated below min_rating, " +
                    std::to_string(report_.dropped_as_earlier) +
                    " are not later than the last slice and " +
                    std::to_string(report_.dropped_as_repeats) + " repeat a user-item pair");
  }

  void MatchIds() {
    old_users_.resize(log_.user_ids.size());
    for (std::int64_t u = 0; u < log_.user_ids.size(); ++u) {
      old_users_[u] = Index(old_.FindUser(log_.user_ids[u]));
    }
    item_numbers_.resize(log_.item_ids.size());
    for (std::int64_t i = 0; i < log_.item_ids.size(); ++i) {
      item_numbers_[i] = Index(old_.FindItem(log_.item_ids[i]));
    }
  }

  EventRange OldEvents(std::int32_t user) const {
    return {old_.SliceEvents(UserId{user}, 0).begin,
            old_.SliceEvents(UserId{user}, old_.num_slices() - 1).end};
  }

  void DropKnownPairs() {
    std::vector<std::int64_t> had_by(old_.num_items(), -1);
    const std::int64_t before = table_.num_events();
    for (std::int64_t u = 0; u < table_.num_users(); ++u) {
      if (old_users_[u] < 0) continue;
      const EventRange old = OldEvents(old_users_[u]);
      for (std::int64_t row = old.begin; row < old.end; ++row) {
        had_by[Index(old_.items()[row])] = u;
      }
      std::int64_t kept = table_.begins[u];
      for (std::int64_t e = table_.begins[u]; e < table_.ends[u]; ++e) {
        const std::int32_t number = item_numbers_[table_.items[e]];
        if (number >= 0 && had_by[number] == u) continue;
        table_.items[kept] = table_.items[e];
        table_.times[kept++] = table_.times[e];
      }
      table_.ends[u] = kept;
    }
    report_.dropped_as_repeats += before - table_.num_events();
  }

  void FindCut() {
    const std::int64_t first =
        *std::min_element(slicing_.item_times.begin(), slicing_.item_times.end());
    const std::int64_t last = LastTime();
    const std::int64_t cut = options_.cut < 0 ? first : options_.cut;
    if (cut <= last || cut > first) {
      throw Error(ErrorCode::kInvalidArgument,
                  "cut = " + std::to_string(cut) + " does not lie between the last event so far (" +
                      std::to_string(last) + ") and the first new one (" + std::to_string(first) +
                      ")");
    }
    report_.cut = Timestamp{cut};
  }

  // New users and items follow the old ones, in the order they have among themselves.
  void NumberNewOnes() {
    log_user_.assign(old_.num_users(), -1);
    for (const std::int32_t user : slicing_.users) {
      if (old_users_[user] >= 0) {
        log_user_[old_users_[user]] = user;
      } else {
        log_user_.push_back(user);
      }
    }
    for (const std::int32_t item : slicing_.items) {
      if (item_numbers_[item] >= 0) continue;
      item_numbers_[item] = static_cast<std::int32_t>(old_.num_items() + new_items_.size());
      new_items_.push_back(item);
    }
    report_.counts = slicing_.counts[0];
    report_.new_users = static_cast<std::int64_t>(log_user_.size()) - old_.num_users();
    report_.new_items = static_cast<std::int64_t>(new_items_.size());
  }

  std::vector<std::int64_t> Starts() const {
    std::vector<std::int64_t> starts = {0};
    for (std::size_t user = 0; user < log_user_.size(); ++user) {
      for (int slice = 0; slice < old_.num_slices(); ++slice) {
        const bool is_old = static_cast<std::int64_t>(user) < old_.num_users();
        const std::int64_t size =
            is_old ? old_.SliceEvents(UserId{static_cast<std::int32_t>(user)}, slice).size() : 0;
        starts.push_back(starts.back() + size);
      }
      const std::int32_t from = log_user_[user];
      starts.push_back(starts.back() + (from < 0 ? 0 : table_.ends[from] - table_.begins[from]));
    }
    return starts;
  }

  void CopyUser(std::int64_t user, std::int32_t* items, std::int64_t* times) const {
    if (user < old_.num_users()) {
      const EventRange old = OldEvents(static_cast<std::int32_t>(user));
      for (std::int64_t row = old.begin; row < old.end; ++row) {
        *items++ = Index(old_.items()[row]);
        *times++ = Seconds(old_.times()[row]);
      }
    }
    const std::int32_t from = log_user_[user];
    if (from < 0) return;
    for (std::int64_t e = table_.begins[from]; e < table_.ends[from]; ++e) {
      *items++ = item_numbers_[table_.items[e]];
      *times++ = table_.times[e];
    }
  }

  // Old strings of one kind, then those of the new items; empty if neither side has any.
  template <class OldText>
  StringTable ItemTexts(const StringTable& of_log, bool old_has, const OldText& old_text) const {
    StringTable result;
    if (!old_has && of_log.size() == 0) return result;
    for (std::int32_t i = 0; i < old_.num_items(); ++i) result.Add(old_text(ItemId{i}));
    for (const std::int32_t item : new_items_) {
      result.Add(of_log.size() == 0 ? std::string_view() : of_log[item]);
    }
    return result;
  }

  void AddStrings(PreparedContent& content) const {
    const nlohmann::json& files = old_.manifest().at("files");
    for (std::int32_t u = 0; u < old_.num_users(); ++u) {
      content.user_ids.Add(old_.user_id(UserId{u}));
    }
    for (std::size_t u = old_.num_users(); u < log_user_.size(); ++u) {
      content.user_ids.Add(log_.user_ids[log_user_[u]]);
    }
    content.item_ids =
        ItemTexts(log_.item_ids, true, [this](ItemId item) { return old_.item_id(item); });
    content.titles = ItemTexts(log_.titles, files.contains("titles.bytes"),
                               [this](ItemId item) { return old_.title(item); });
    content.categories = ItemTexts(log_.categories, files.contains("categories.bytes"),
                                   [this](ItemId item) { return old_.category(item); });
  }

  void Write(const nlohmann::json& read_report) {
    NumberNewOnes();
    PreparedContent content;
    content.num_slices = old_.num_slices() + 1;
    for (int slice = 0; slice < old_.num_slices(); ++slice) {
      content.users_after.push_back(old_.user_count(slice));
      content.items_after.push_back(old_.catalogue_size(slice));
    }
    content.users_after.push_back(static_cast<std::int64_t>(log_user_.size()));
    content.items_after.push_back(old_.num_items() + report_.new_items);
    content.starts = Starts();
    for (std::int32_t i = 0; i < old_.num_items(); ++i) {
      content.item_times.push_back(Seconds(old_.FirstTime(ItemId{i})));
    }
    for (std::size_t i = 0; i < slicing_.items.size(); ++i) {
      if (item_numbers_[slicing_.items[i]] >= old_.num_items()) {
        content.item_times.push_back(slicing_.item_times[i]);
      }
    }
    AddStrings(content);
    content.manifest = old_.manifest();
    content.manifest["cuts"].push_back(Seconds(report_.cut));
    content.manifest["appended"].push_back(ToJson(report_));
    content.manifest["appended"].back()["read"] = read_report;
    content.copy_events = [this](std::int64_t user, std::int32_t* items, std::int64_t* times) {
      CopyUser(user, items, times);
    };
    AtomicDirectory folder(folder_);
    std::vector<std::string> lineage = WritePrepared(content, folder.path(), pool_);
    lineage.pop_back();
    if (lineage != old_.lineage()) {
      throw Error(ErrorCode::kInternal,
                  "appending to " + folder_.string() + " would change its earlier slices");
    }
    folder.Commit();
  }

  const std::filesystem::path folder_;
  const InteractionLog& log_;
  const AppendOptions options_;
  TaskPool& pool_;
  const PreparedData old_;
  const PrepareOptions prepared_for_;
  AppendReport report_;
  EventTable table_;
  Slicing slicing_;                         // of the new events alone
  std::vector<std::int32_t> old_users_;     // by user of the log, -1: new
  std::vector<std::int32_t> log_user_;      // by user of the grown data set, -1: not in the log
  std::vector<std::int32_t> new_items_;     // items of the log
  std::vector<std::int32_t> item_numbers_;  // by item of the log
};

}  // namespace

AppendReport AppendData(const std::filesystem::path& folder, const InteractionLog& log,
                        const AppendOptions& options, TaskPool& pool,
                        const nlohmann::json& read_report) {
  CheckRanges(FieldsOf(const_cast<AppendOptions&>(options)), "append options");
  if (!std::filesystem::exists(folder / kManifestFile)) PreparedData::Load(folder);  // says so
  CheckMayReplace(folder, kManifestFile);
  const FileLock lock(folder, "data set", FileLock::On::kFolder);
  if (log.size() == 0) {
    throw Error(ErrorCode::kCorruptData,
                "nothing to append to " + folder.string() + ": the log has no events");
  }
  return Appending(folder, log, options, pool).Run(read_report);
}

nlohmann::json ToJson(const AppendReport& report) {
  return {{"events_read", report.events_read},
          {"dropped_by_rating", report.dropped_by_rating},
          {"dropped_as_earlier", report.dropped_as_earlier},
          {"dropped_as_repeats", report.dropped_as_repeats},
          {"counts", ToJson(report.counts)},
          {"new_users", report.new_users},
          {"new_items", report.new_items},
          {"cut", Seconds(report.cut)},
          {"slice", report.slice}};
}

}  // namespace raie
