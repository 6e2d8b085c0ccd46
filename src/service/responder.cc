#include "service/responder.h"

#include <algorithm>
#include <cmath>

#include "raie/error.h"
#include "training/item_table.h"

namespace raie {
namespace {

void Normalise(std::vector<float>& values) {
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * value;
  const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
  for (float& value : values) value = static_cast<float>(value * scale);
}

}  // namespace

Responder::Responder(std::shared_ptr<const Snapshot> snapshot, ItemNames names, std::int64_t length)
    : snapshot_(std::move(snapshot)), names_(std::move(names)), length_(length) {
  const Backbone& backbone = *snapshot_->backbone;
  const RegionSet& regions = snapshot_->editor.regions;
  routing_weights_ = backbone.Bind(nullptr, Purpose::kScore);
  routing_rows_ = snapshot_->routing_items->Rows(kNoRegion);
  for (std::int64_t k = 0; k < std::max<std::int64_t>(1, regions.size()); ++k) {
    const RegionId region = regions.size() == 0 ? kNoRegion : regions.regions[k].id;
    slots_.push_back({backbone.Bind(snapshot_->AdapterOf(region), Purpose::kScore),
                      snapshot_->items->Rows(region)});
  }
  packed_items_.Pack(
      kernels::View(snapshot_->items->base_ND(), snapshot_->catalogue_size, backbone.dim()),
      kernels::PackFor::kForward);
  if (snapshot_->prior != nullptr) bias_N_ = BiasOf(*snapshot_->prior, snapshot_->catalogue_size);
  for (std::int64_t i = 0; i < names_.ids.size(); ++i) {
    const ItemId item{static_cast<std::int32_t>(i)};
    by_id_.emplace(names_.ids[i], item);
    if (i < names_.titles.size() && !names_.titles[i].empty()) {
      by_title_[names_.titles[i]].push_back(item);
    }
  }
}

ItemId Responder::WithId(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? kNoItem : found->second;
}

ItemId Responder::Find(std::string_view text) const {
  if (const ItemId item = WithId(text); item != kNoItem) return item;
  const std::span<const ItemId> titled = WithTitle(text);
  return titled.empty() ? kNoItem : titled[0];
}

std::span<const ItemId> Responder::WithTitle(std::string_view text) const {
  if (by_id_.contains(text)) return {};
  const auto found = by_title_.find(text);
  return found == by_title_.end() ? std::span<const ItemId>() : found->second;
}

Responder::Request Responder::Read(const Question& question) const {
  std::span<const ContextItem> context = question.context;
  if (std::ssize(context) > length_) context = context.last(length_);
  Request request;
  WindowBatch& batch = request.batch;
  for (const ContextItem& item : context) {
    batch.items.push_back(item.item);
    batch.times.push_back(item.time);
  }
  batch.offsets.push_back(static_cast<std::int32_t>(context.size()));
  batch.users.push_back(UserId{-1});
  batch.row_keys.push_back(0);
  const Backbone& backbone = *snapshot_->backbone;
  if (backbone.reads_users() && backbone.pretrained() != nullptr && !question.user.empty()) {
    request.user_tokens = backbone.pretrained()->TokensOfUser(question.user);
  }
  return request;
}

std::vector<float> Responder::Hidden(const BoundWeights& weights, const ItemRows& rows,
                                     const Request& request) const {
  std::vector<float> hidden_D(static_cast<std::size_t>(snapshot_->backbone->dim()));
  const OutputPosition last{0, static_cast<std::int32_t>(request.batch.num_tokens()) - 1};
  const ForwardInput input{.batch = request.batch,
                           .outputs = std::span(&last, 1),
                           .items = rows,
                           .user_tokens = request.user_tokens};
  snapshot_->backbone->Forward(weights, input, hidden_D);
  return hidden_D;
}

std::vector<float> Responder::Scores(const Slot& slot, std::span<const float> hidden_D) const {
  const std::int64_t dim = snapshot_->backbone->dim();
  std::vector<float> scores_N(static_cast<std::size_t>(snapshot_->catalogue_size));
  kernels::MultiplyTransposed(kernels::View(hidden_D, 1, dim), packed_items_, {},
                              kernels::Store::kSet,
                              kernels::MutableView(scores_N, 1, snapshot_->catalogue_size));
  // The region's own rows are not in the packed table.
  for (std::size_t n = 0; n < slot.rows.replaced_items.size(); ++n) {
    const std::int32_t item = slot.rows.replaced_items[n];
    if (item >= snapshot_->catalogue_size) continue;
    const auto row_D = slot.rows.replaced_rows.subspan(n * dim, dim);
    float score = 0;
    for (std::int64_t d = 0; d < dim; ++d) score += hidden_D[d] * row_D[d];
    scores_N[item] = score;
  }
  for (std::size_t i = 0; i < bias_N_.size(); ++i) scores_N[i] += bias_N_[i];
  return scores_N;
}

Answer Responder::Respond(const Question& question) const {
  if (question.context.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the history holds no item the model knows; give at least one");
  }
  const Request request = Read(question);
  Answer answer;
  answer.read_user = !request.user_tokens.empty();
  std::int32_t slot = 0;
  if (snapshot_->editor.regions.size() > 0) {
    std::vector<float> z_D = Hidden(*routing_weights_, routing_rows_, request);
    Normalise(z_D);
    answer.route = RouteOne(snapshot_->editor.regions, z_D);
    slot = answer.route.slot;
  }
  const std::vector<float> hidden_D = Hidden(*slots_[slot].weights, slots_[slot].rows, request);
  const std::vector<float> scores_N = Scores(slots_[slot], hidden_D);
  if (!kernels::AllFinite(scores_N)) {
    throw Error(ErrorCode::kInternal,
                "a score is not finite; the model was fitted badly: fit it "
                "again with a smaller learning rate");
  }
  kernels::TopK best(std::max<std::int64_t>(1, question.count));
  best.Add(scores_N, 0, question.excluded);
  answer.items = best.Best();
  return answer;
}

}  // namespace raie
