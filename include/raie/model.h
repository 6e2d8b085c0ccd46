// How does a program ask a fitted model for recommendations?
//
// Concept: a model directory (made by `raie fit`, updated by `raie edit`) is loaded once; the
// loaded
//          model is immutable. A request is a history of raw item ids or titles, oldest first; it
//          is routed to the nearest preference region and scored with that region's adapter, and by
//          recent popularity if the version holds a popularity prior.
// Errors:  Load throws kNotFound and kCorruptData; Recommend throws kInvalidArgument for an empty
//          history, and, if the model reads times, for an item without one or earlier than the one
//          before it; kNotFound if it has no item the model knows; it names those it does not know
//          otherwise.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raie/types.h"

namespace raie {

enum class AnswerSeen {
  kAsFitted,  // as in the data the model was fitted on: left out if repeats were removed there
  kAllow,     // items of the history may be recommended again
  kExclude,   // they are not
};

struct HistoryItem {
  std::string item;               // raw id, or title if no item has this id
  std::optional<Timestamp> time;  // needed where ModelSummary::reads_times says so
  bool is_id = false;             // never taken for a title
};

struct RecommendRequest {
  std::vector<HistoryItem> history;  // oldest first; only the last ones count (model's context)
  std::string user;                  // raw id of whoever asks, read where ModelSummary::reads_users
                                     // says so; "": not known
  std::int64_t count = 10;
  AnswerSeen seen = AnswerSeen::kAsFitted;
};

struct Recommendation {
  std::string item;   // raw id
  std::string title;  // "" if the data has none
  double score = 0;
};

// A title that several items carry, and which of them was taken.
struct SharedTitle {
  std::string title;
  std::string taken;                // raw id of the first one in the catalogue
  std::vector<std::string> others;  // raw ids
};

struct RecommendAnswer {
  std::vector<Recommendation> items;  // best first
  RegionId region = kNoRegion;
  double cosine = 0;  // of the history's state to the region's centre
  double margin = 0;  // confidence over the second nearest region; infinite with one region
  std::vector<std::string> unknown;        // of the history: neither an id nor a title; left out
  std::vector<SharedTitle> shared_titles;  // of the history
  std::string user;  // what the model read as the user's id; "": it reads none
};

struct RegionSummary {
  RegionId id = kNoRegion;
  double radius_rad = 0;
  std::int64_t num_members = 0;
  bool has_adapter = false;
};

struct ModelSummary {
  std::string backbone;
  std::int64_t dim = 0;
  std::int64_t context = 0;  // items of a history that are read
  bool reads_times = false;  // every item of a history needs its time
  bool reads_users = false;  // its prompt names the user
  std::string unknown_user;  // what it calls users who are not known, if it reads them
  bool widens_bf16 = false;  // weights are bf16, and this machine multiplies floats
  std::int64_t num_items = 0;
  std::int32_t version = 0;
  std::int32_t slice = 0;  // the last slice it has learnt from
  std::vector<RegionSummary> regions;
};

inline constexpr std::int32_t kCurrentVersion = -1;

class Model {
 public:
  // Loads a version of a model directory and checks every file of it.
  static Model Load(const std::filesystem::path& directory, std::int32_t version = kCurrentVersion);

  RecommendAnswer Recommend(const RecommendRequest& request) const;
  bool Knows(std::string_view item) const;  // as a raw id or a title
  const ModelSummary& summary() const;

 private:
  struct State;
  explicit Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace raie
