#include "data/readers/log_builder.h"

#include <algorithm>
#include <utility>

#include "raie/error.h"

namespace raie {
namespace {

std::string KindsAndCounts(const std::array<std::int64_t, kNumBadRowKinds>& counts) {
  std::string text;
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    if (counts[kind] == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(counts[kind]) + " " +
            EnumNames(BadRowKind{})[kind];
  }
  return text;
}

StringTable ToTable(const IdList& ids) {
  StringTable table;
  for (std::int32_t i = 0; i < ids.size(); ++i) {
    const IdList::Entry& entry = ids[i];
    table.Add(entry.length == IdList::kNumber ? std::string_view(ids.ToString(i))
                                              : ids.Text(entry));
  }
  return table;
}

void FillEmpty(std::vector<std::string>& texts, std::int32_t index, std::string&& text) {
  const auto place = static_cast<std::size_t>(index);
  if (place >= texts.size()) texts.resize(place + 1);
  if (texts[place].empty()) texts[place] = std::move(text);
}

}  // namespace

bool KeySet::Add(const RowKey& key) {
  if (key == RowKey{0, 0}) return !std::exchange(has_zero_, true);
  if (used_ * 2 >= slots_.size()) Grow();
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t place = key.low & mask;; place = (place + 1) & mask) {
    if (slots_[place] == key) return false;
    if (slots_[place] == RowKey{0, 0}) {
      slots_[place] = key;
      ++used_;
      return true;
    }
  }
}

void KeySet::Grow() {
  const std::vector<RowKey> old = std::move(slots_);
  slots_.assign(std::max<std::size_t>(4096, old.size() * 2), RowKey{0, 0});
  used_ = 0;
  for (const RowKey& key : old) {
    if (key != RowKey{0, 0}) Add(key);
  }
}

void LogBuilder::BeginFile(const std::string& name, const Layout& layout) {
  name_ = name;
  layout_ = &layout;
  layout_has_ratings_ = layout.rating != kNoColumn;
  line_ = layout.first_line;
  report_.files.push_back(name);
  report_.format = layout.format;
  report_.time_format = layout.time_format;
  if (report_.rules.empty()) {
    for (const RowRule& rule : layout.rules) report_.rules.push_back({rule.text, 0});
    if (!layout.dedupe.empty()) report_.rules.push_back({layout.dedupe_text, 0});
  }
}

void LogBuilder::Reserve(std::int64_t num_rows) {
  const auto room = static_cast<std::size_t>(log_.size() + num_rows);
  log_.users.reserve(room);
  log_.items.reserve(room);
  log_.times.reserve(room);
  if (layout_->rating != kNoColumn) log_.ratings.reserve(room);
}

void LogBuilder::RefuseBadRow() const {
  if (layout_->max_bad_rows == 0) {
    throw Error(ErrorCode::kCorruptData,
                report_.first_bad_row + " (--skip-bad-rows N allows a number of such rows)");
  }
  throw Error(ErrorCode::kCorruptData,
              name_ + ": more than skip_bad_rows = " + std::to_string(layout_->max_bad_rows) +
                  " malformed rows so far (" + KindsAndCounts(report_.bad_rows) +
                  "); the first is " + report_.first_bad_row);
}

void LogBuilder::Count(const ChunkRows& chunk) {
  report_.rows += chunk.rows;
  report_.blank_lines += chunk.blank_lines;
  for (std::size_t r = 0; r < chunk.dropped.size(); ++r)
    report_.rules[r].dropped += chunk.dropped[r];
  for (std::size_t k = 0; k < chunk.bad_rows.size(); ++k) report_.bad_rows[k] += chunk.bad_rows[k];
  if (chunk.num_bad_rows > 0 && num_bad_rows_ == 0) {
    const BadRow& bad = chunk.first_bad_row;
    report_.first_bad_row = name_ + ":" + std::to_string(line_ + bad.line + 1) + ": " +
                            EnumNames(bad.kind)[static_cast<std::size_t>(bad.kind)] + ": " +
                            bad.detail + "; expected " + bad.expected + "; the row is '" + bad.row +
                            "'";
  }
  num_bad_rows_ += chunk.num_bad_rows;
  if (num_bad_rows_ > layout_->max_bad_rows) RefuseBadRow();
  line_ += chunk.lines;
}

// Moves the rows whose key is new to the front.
void LogBuilder::DropDuplicates(ChunkRows& chunk) {
  std::size_t kept = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(chunk.size); ++row) {
    if (!keys_.Add(chunk.keys[row])) continue;
    chunk.users[kept] = chunk.users[row];
    chunk.items[kept] = chunk.items[row];
    chunk.ratings[kept] = chunk.ratings[row];
    chunk.times[kept] = chunk.times[row];
    ++kept;
  }
  report_.rules.back().dropped += chunk.size - static_cast<std::int64_t>(kept);
  chunk.size = static_cast<std::int64_t>(kept);
}

void LogBuilder::MapIds(const ChunkRows& chunk, ChunkMap& map) {
  map.users.assign(static_cast<std::size_t>(chunk.user_ids.size()), -1);
  map.items.assign(static_cast<std::size_t>(chunk.item_ids.size()), -1);
  if (layout_->dedupe.empty()) {
    for (std::int32_t i = 0; i < chunk.user_ids.size(); ++i) {
      map.users[static_cast<std::size_t>(i)] = users_.Add(user_ids_, chunk.user_ids, i);
    }
    for (std::int32_t i = 0; i < chunk.item_ids.size(); ++i) {
      map.items[static_cast<std::size_t>(i)] = items_.Add(item_ids_, chunk.item_ids, i);
    }
    return;
  }
  // Some ids may have gone with the duplicates: only rows that stay count.
  for (std::size_t row = 0; row < static_cast<std::size_t>(chunk.size); ++row) {
    std::int32_t& user = map.users[static_cast<std::size_t>(chunk.users[row])];
    if (user < 0) user = users_.Add(user_ids_, chunk.user_ids, chunk.users[row]);
    std::int32_t& item = map.items[static_cast<std::size_t>(chunk.items[row])];
    if (item < 0) item = items_.Add(item_ids_, chunk.item_ids, chunk.items[row]);
  }
}

void LogBuilder::Copy(const ChunkRows& chunk, const ChunkMap& map) {
  const auto size = static_cast<std::size_t>(chunk.size);
  const auto first = static_cast<std::size_t>(map.first_row);
  for (std::size_t row = 0; row < size; ++row) {
    log_.users[first + row] = UserId{map.users[static_cast<std::size_t>(chunk.users[row])]};
    log_.items[first + row] = ItemId{map.items[static_cast<std::size_t>(chunk.items[row])]};
    log_.times[first + row] = Timestamp{chunk.times[row]};
  }
  if (layout_->rating != kNoColumn) {
    std::copy_n(chunk.ratings.begin(), size, log_.ratings.begin() + map.first_row);
  }
}

void LogBuilder::Append(std::span<ChunkRows> chunks) {
  if (maps_.size() < chunks.size()) maps_.resize(chunks.size());
  std::int64_t num_rows = log_.size();
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    ChunkRows& chunk = chunks[c];
    Count(chunk);
    if (!layout_->dedupe.empty()) DropDuplicates(chunk);
    MapIds(chunk, maps_[c]);
    maps_[c].first_row = num_rows;
    num_rows += chunk.size;
    for (std::size_t i = 0; i < std::max(chunk.titles.size(), chunk.categories.size()); ++i) {
      const std::int32_t item = maps_[c].items[i];
      if (item < 0) continue;
      if (i < chunk.titles.size()) FillEmpty(titles_, item, std::move(chunk.titles[i]));
      if (i < chunk.categories.size()) FillEmpty(categories_, item, std::move(chunk.categories[i]));
    }
  }
  const auto size = static_cast<std::size_t>(num_rows);
  log_.users.resize(size);
  log_.items.resize(size);
  log_.times.resize(size);
  if (layout_->rating != kNoColumn) log_.ratings.resize(size);
  pool_.ForEach(static_cast<std::int64_t>(chunks.size()), [&](std::int64_t task, int) {
    const auto c = static_cast<std::size_t>(task);
    Copy(chunks[c], maps_[c]);
  });
}

InteractionLog LogBuilder::TakeLog() {
  log_.user_ids = ToTable(user_ids_);
  log_.item_ids = ToTable(item_ids_);
  report_.kept = log_.size();
  return std::move(log_);
}

}  // namespace raie
