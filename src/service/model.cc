#include "raie/model.h"

#include <algorithm>

#include "raie/error.h"
#include "service/responder.h"
#include "store/model_directory.h"

namespace raie {
namespace {

ModelSummary SummaryOf(const ModelInfo& info, const Snapshot& snapshot) {
  ModelSummary summary;
  summary.backbone = info.backbone.name;
  summary.dim = snapshot.backbone->dim();
  summary.context = info.windows.context;
  summary.reads_times = snapshot.backbone->reads_times();
  if (const Pretrained* const pretrained = snapshot.backbone->pretrained()) {
    summary.reads_users = snapshot.backbone->reads_users();
    if (summary.reads_users) summary.unknown_user = pretrained->unknown_user();
    summary.widens_bf16 = pretrained->widens_bf16();
  }
  summary.num_items = snapshot.catalogue_size;
  summary.version = snapshot.version;
  summary.slice = snapshot.slice;
  for (const Region& region : snapshot.editor.regions.regions) {
    summary.regions.push_back({.id = region.id,
                               .radius_rad = region.radius_rad,
                               .num_members = region.num_members,
                               .has_adapter = snapshot.AdapterOf(region.id) != nullptr});
  }
  return summary;
}

// Says so if several items carry the title, once for each title.
void NoteSharedTitle(const Responder& responder, const std::string& title,
                     RecommendAnswer& answer) {
  const std::span<const ItemId> items = responder.WithTitle(title);
  if (items.size() < 2) return;
  for (const SharedTitle& noted : answer.shared_titles) {
    if (noted.title == title) return;
  }
  const StringTable& ids = responder.names().ids;
  SharedTitle shared{.title = title, .taken = std::string(ids[Index(items[0])])};
  for (const ItemId other : items.subspan(1)) shared.others.emplace_back(ids[Index(other)]);
  answer.shared_titles.push_back(std::move(shared));
}

// Returns the time of an item, where the model reads it; a known item needs one.
Timestamp TimeOf(const HistoryItem& item, const ModelSummary& summary) {
  if (summary.reads_times && !item.time.has_value()) {
    throw Error(ErrorCode::kInvalidArgument,
                "item \"" + item.item + "\" of the history has no time, and " + summary.backbone +
                    " reads times; give each item its own (ITEM@SECONDS, seconds since 1970)");
  }
  return item.time.value_or(Timestamp{0});
}

}  // namespace

struct Model::State {
  bool masks_seen;
  ModelSummary summary;
  std::unique_ptr<const Responder> responder;
};

Model Model::Load(const std::filesystem::path& directory, std::int32_t version) {
  const ModelDirectory model = ModelDirectory::Open(directory);
  if (version == kCurrentVersion) version = model.current();
  auto snapshot = std::make_shared<const Snapshot>(model.LoadSnapshot(version));
  ModelSummary summary = SummaryOf(model.info(), *snapshot);
  return Model(std::make_shared<const State>(
      State{.masks_seen = model.info().masks_seen,
            .summary = std::move(summary),
            .responder = std::make_unique<const Responder>(snapshot, model.LoadItemNames(version),
                                                           model.info().windows.context)}));
}

const ModelSummary& Model::summary() const { return state_->summary; }

bool Model::Knows(std::string_view item) const { return state_->responder->Find(item) != kNoItem; }

RecommendAnswer Model::Recommend(const RecommendRequest& request) const {
  const Responder& responder = *state_->responder;
  if (request.count < 1) {
    throw Error(ErrorCode::kInvalidArgument, "count = " + std::to_string(request.count) +
                                                 ": at least one item must be asked for");
  }
  RecommendAnswer result;
  std::vector<ContextItem> context;
  std::vector<std::int32_t> seen;
  for (const HistoryItem& item : request.history) {
    const ItemId id = item.is_id ? responder.WithId(item.item) : responder.Find(item.item);
    if (id == kNoItem) {
      result.unknown.push_back(item.item);
    } else {
      context.push_back({id, TimeOf(item, state_->summary)});
      seen.push_back(Index(id));
      NoteSharedTitle(responder, item.item, result);
    }
  }
  if (context.empty() && !result.unknown.empty()) {
    std::string text = "none of the items of the history is an id or a title the model knows:";
    for (const std::string& name : result.unknown) text += " \"" + name + "\"";
    throw Error(ErrorCode::kNotFound, text);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  const bool exclude = request.seen == AnswerSeen::kExclude ||
                       (request.seen == AnswerSeen::kAsFitted && state_->masks_seen);
  if (!exclude) seen.clear();
  if (std::ssize(context) > state_->summary.context) {
    context.erase(context.begin(), context.end() - state_->summary.context);
  }
  const Answer answer = responder.Respond(
      {.context = context, .user = request.user, .count = request.count, .excluded = seen});
  result.region = answer.route.region;
  result.cosine = answer.route.cosine;
  result.margin = answer.route.margin;
  if (state_->summary.reads_users) {
    result.user = answer.read_user ? request.user : state_->summary.unknown_user;
  }
  const ItemNames& names = responder.names();
  for (const kernels::ScoredItem& item : answer.items) {
    result.items.push_back(
        {.item = std::string(names.ids[item.item]),
         .title = item.item < names.titles.size() ? std::string(names.titles[item.item]) : "",
         .score = item.score});
  }
  return result;
}

}  // namespace raie
