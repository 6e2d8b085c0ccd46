#include "regions/editor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "base/statistics.h"
#include "base/task_pool.h"
#include "raie/error.h"
#include "regions/calibration.h"
#include "regions/router.h"
#include "regions/sphere.h"
#include "regions/spherical_kmeans.h"

namespace raie {
namespace {

// A prospective region: a cluster of the Add buffer.
struct Candidate {
  Region region;
  std::vector<std::int64_t> members;  // rows of the buffer
};

class Folding {
 public:
  Folding(EditorState state, const EditorOptions& options, std::int64_t buffer_size)
      : state_(std::move(state)), options_(options), buffer_size_(buffer_size) {
    edits_.resize(state_.regions.size());
  }

  void Fold(std::span<const float> z, std::int64_t user, std::int64_t window) {
    const Route route = internal::RouteUnit(state_.regions, z, ConfidenceOf(options_), scratch_);
    Region& region = state_.regions.regions[route.slot];
    EditRecord record;
    record.region = route.region;
    record.window = window;
    record.confidence = route.confidence;
    record.margin = route.margin;
    record.cosine = route.cosine;
    record.angle_rad = AngleRad(region.centre, z);
    record.radius_before_rad = region.radius_rad;
    record.kind = Decide(route, record.angle_rad, region.radius_rad);
    RegionEdits& edits = edits_[route.slot];
    if (record.kind == EditKind::kUpdate) {
      MoveRadius(region, record.angle_rad);
      MoveCentre(region, z);
      ++region.num_updates;
      ++edits.updated;
    } else if (record.kind == EditKind::kExpand) {
      const double lacking = std::max(0.0, record.angle_rad - region.radius_rad);
      SetRadius(region, region.radius_rad + options_.eta * lacking);
      MoveCentre(region, z);
      ++region.num_expands;
      ++edits.expanded;
    } else {
      ++edits.added_near;
    }
    record.radius_after_rad = region.radius_rad;
    if (record.kind == EditKind::kAddRefused) record.refusal = Refusal::kRegionCap;
    journal_.push_back(record);
    if (record.kind == EditKind::kAdd) Buffer(z, user, window);
  }

  EditResult Finish() && {
    EditSummary summary;
    for (std::size_t slot = 0; slot < edits_.size(); ++slot) {
      edits_[slot].region = state_.regions.regions[slot].id;
      summary.updated += edits_[slot].updated;
      summary.expanded += edits_[slot].expanded;
      summary.added += edits_[slot].added_near;
    }
    for (const EditRecord& record : journal_) {
      summary.add_refused += record.kind == EditKind::kAddRefused ? 1 : 0;
      summary.regions_added += record.kind == EditKind::kRegionAdded ? 1 : 0;
      summary.candidates_refused += record.kind == EditKind::kCandidateRefused ? 1 : 0;
      summary.dropped += record.kind == EditKind::kDropped ? 1 : 0;
    }
    summary.left_in_buffer = state_.buffer.size();
    summary.regions = std::move(edits_);
    return {std::move(state_), std::move(journal_), std::move(summary)};
  }

 private:
  bool AtCap() const {
    const auto starting = static_cast<double>(state_.regions.starting_count);
    return static_cast<double>(state_.regions.size() + 1) > options_.max_regions_factor * starting;
  }

  // Eq. 4.
  EditKind Decide(const Route& route, double angle_rad, double radius_rad) const {
    const bool add = options_.add_rule == AddRule::kRadius
                         ? angle_rad > (1 + options_.eps) * radius_rad
                         : route.confidence < state_.calibration.tau;
    if (add) return AtCap() ? EditKind::kAddRefused : EditKind::kAdd;
    return route.margin >= state_.calibration.delta ? EditKind::kUpdate : EditKind::kExpand;
  }

  void SetRadius(Region& region, double radius_rad) const {
    const double highest =
        std::min(std::numbers::pi, options_.r_max_factor * region.initial_radius_rad);
    region.radius_rad = std::clamp(radius_rad, 0.0, highest);
  }

  // Eq. 5, the radius.
  void MoveRadius(Region& region, double angle_rad) const {
    const double r = region.radius_rad;
    if (options_.radius == RadiusRule::kEma) {
      SetRadius(region, (1 - options_.b) * r + options_.b * angle_rad);
    } else if (options_.radius == RadiusRule::kQuantile) {
      const double inside = angle_rad <= r ? 1.0 : 0.0;
      SetRadius(region,
                r + options_.b * region.initial_radius_rad * (state_.regions.quantile - inside));
    }
  }

  // Eq. 5, the centre. A sum without direction leaves it where it is.
  void MoveCentre(Region& region, std::span<const float> z) {
    const bool mean = options_.centre == CentreRule::kMean;
    const double keep = mean ? region.resultant_length : 1 - options_.a;
    const double step = mean ? 1.0 : options_.a;
    moved_.resize(z.size());
    double square = 0;
    for (std::size_t d = 0; d < z.size(); ++d) {
      moved_[d] = keep * double{region.centre[d]} + step * double{z[d]};
      square += moved_[d] * moved_[d];
    }
    const double length = std::sqrt(square);
    if (mean) region.resultant_length = length;
    ++region.num_members;
    if (length < 1e-12) return;
    for (std::size_t d = 0; d < z.size(); ++d) {
      region.centre[d] = static_cast<float>(moved_[d] / length);
    }
  }

  void Buffer(std::span<const float> z, std::int64_t user, std::int64_t window) {
    AddBuffer& buffer = state_.buffer;
    buffer.z_MD.insert(buffer.z_MD.end(), z.begin(), z.end());
    buffer.users.push_back(user);
    buffer.windows.push_back(window);
    if (buffer.size() >= buffer_size_) Resolve(window);
  }

  // The buffer is full: candidates become regions, or the oldest half goes.
  void Resolve(std::int64_t window) {
    std::vector<bool> leaves(state_.buffer.size());
    bool passed = false;
    for (Candidate& candidate : Candidates()) {
      EditRecord record;
      record.window = window;
      record.count = static_cast<std::int64_t>(candidate.members.size());
      record.refusal = Check(candidate);
      record.radius_after_rad = candidate.region.radius_rad;
      if (record.refusal == Refusal::kNone) {
        passed = true;
        record.kind = EditKind::kRegionAdded;
        record.region = candidate.region.id = RegionId{state_.regions.next_id++};
        journal_.push_back(record);
        Accept(candidate, leaves);
      } else {
        record.kind = EditKind::kCandidateRefused;
        journal_.push_back(record);
      }
    }
    if (!passed) DropOldestHalf(leaves);
    Compact(leaves);
  }

  std::vector<Candidate> Candidates() const {
    const AddBuffer& buffer = state_.buffer;
    const std::int64_t dim = state_.regions.dim;
    const auto row = [&](std::int64_t i) { return std::span(buffer.z_MD).subspan(i * dim, dim); };
    std::set<std::vector<float>> distinct;
    for (std::int64_t i = 0; i < buffer.size(); ++i) distinct.emplace(row(i).begin(), row(i).end());
    KMeansOptions options;
    options.k = std::min(options_.add_clusters, static_cast<std::int64_t>(distinct.size()));
    options.seed = DeriveSeed(options_.seed, static_cast<std::uint64_t>(buffer.windows.front()));
    TaskPool pool(1);
    const KMeansResult clusters = SphericalKMeans(buffer.z_MD, dim, options, pool);
    std::vector<Candidate> candidates(options.k);
    for (std::int64_t i = 0; i < buffer.size(); ++i) {
      candidates[clusters.labels[i]].members.push_back(i);
    }
    for (std::int64_t k = 0; k < options.k; ++k) {
      Region& region = candidates[k].region;
      const auto centre = std::span(clusters.centres_KD).subspan(k * dim, dim);
      region.centre.assign(centre.begin(), centre.end());
      region.resultant_length = clusters.resultant_lengths[k];
      region.num_members = clusters.counts[k];
      std::vector<double> angles;
      for (const std::int64_t i : candidates[k].members) {
        angles.push_back(AngleRad(region.centre, row(i)));
      }
      region.radius_rad = Quantile(angles, state_.regions.quantile);
      region.initial_radius_rad = region.radius_rad;
    }
    return candidates;
  }

  Refusal Check(const Candidate& candidate) const {
    if (AtCap()) return Refusal::kRegionCap;
    if (options_.accept == AcceptRule::kAll) return Refusal::kNone;
    const AddBuffer& buffer = state_.buffer;
    const std::int64_t dim = state_.regions.dim;
    std::set<std::int64_t> users;
    std::int64_t near = 0;
    for (const std::int64_t i : candidate.members) {
      users.insert(buffer.users[i]);
      const double cosine =
          Dot(candidate.region.centre, std::span(buffer.z_MD).subspan(i * dim, dim));
      near += cosine >= state_.calibration.first_cos_quantile ? 1 : 0;
    }
    if (static_cast<std::int64_t>(users.size()) < options_.accept_min_users) {
      return Refusal::kFewUsers;
    }
    const auto needed = options_.accept_min_share * static_cast<double>(candidate.members.size());
    return static_cast<double>(near) >= needed ? Refusal::kNone : Refusal::kSpread;
  }

  void Accept(const Candidate& candidate, std::vector<bool>& leaves) {
    for (const std::int64_t i : candidate.members) {
      leaves[i] = true;
      EditRecord record;
      record.kind = EditKind::kMemberAccepted;
      record.region = candidate.region.id;
      record.window = state_.buffer.windows[i];
      journal_.push_back(record);
    }
    state_.regions.regions.push_back(candidate.region);
    RegionEdits edits;
    edits.accepted = static_cast<std::int64_t>(candidate.members.size());
    edits_.push_back(edits);
  }

  void DropOldestHalf(std::vector<bool>& leaves) {
    for (std::size_t i = 0; i < (leaves.size() + 1) / 2; ++i) {
      leaves[i] = true;
      EditRecord record;
      record.kind = EditKind::kDropped;
      record.window = state_.buffer.windows[i];
      journal_.push_back(record);
    }
  }

  void Compact(const std::vector<bool>& leaves) {
    const std::int64_t dim = state_.regions.dim;
    AddBuffer kept;
    const AddBuffer& all = state_.buffer;
    for (std::int64_t i = 0; i < all.size(); ++i) {
      if (leaves[i]) continue;
      kept.z_MD.insert(kept.z_MD.end(), all.z_MD.begin() + i * dim,
                       all.z_MD.begin() + (i + 1) * dim);
      kept.users.push_back(all.users[i]);
      kept.windows.push_back(all.windows[i]);
    }
    state_.buffer = std::move(kept);
  }

  EditorState state_;
  const EditorOptions& options_;
  std::int64_t buffer_size_;
  std::vector<EditRecord> journal_;
  std::vector<RegionEdits> edits_;  // by slot
  std::vector<double> scratch_;
  std::vector<double> moved_;
};

void CheckInputs(const EditorState& state, const EditPoints& points, const EditorOptions& options) {
  options.Validate();
  if (state.regions.regions.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "editing: the region set is empty; discover first");
  }
  ValidateThresholds(state.calibration, state.regions.starting_count, options);
  const std::int64_t rows = CheckUnitRows(points.z_MD, state.regions.dim, "editing");
  if (static_cast<std::int64_t>(points.users.size()) != rows ||
      static_cast<std::int64_t>(points.windows.size()) != rows) {
    throw Error(ErrorCode::kInvalidArgument,
                "editing: " + std::to_string(rows) + " hidden states, " +
                    std::to_string(points.users.size()) + " users and " +
                    std::to_string(points.windows.size()) + " windows: must be as many");
  }
  if (points.num_slice_windows < rows) {
    throw Error(ErrorCode::kInvalidArgument,
                "editing: num_slice_windows = " + std::to_string(points.num_slice_windows) +
                    ": must be at least the " + std::to_string(rows) + " points given");
  }
}

}  // namespace

std::string_view NameOf(EditKind kind) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "update",          "expand", "add", "add_refused", "region_added", "candidate_refused",
      "member_accepted", "dropped"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view NameOf(Refusal refusal) {
  static constexpr std::array<std::string_view, 4> kNames = {"", "few_users", "spread",
                                                             "region_cap"};
  return kNames[static_cast<std::size_t>(refusal)];
}

std::int64_t AddBufferSize(const EditorOptions& options, std::int64_t num_slice_windows) {
  const double share = options.add_min_share * static_cast<double>(num_slice_windows);
  // 1 % of 700 is 7, though .01 * 700 is a little more.
  const auto windows = static_cast<std::int64_t>(std::ceil(share * (1 - 1e-12)));
  return std::max(options.add_min_windows, windows);
}

EditResult EditRegions(const EditorState& state, const EditPoints& points,
                       const EditorOptions& options) {
  CheckInputs(state, points, options);
  Folding folding(state, options, AddBufferSize(options, points.num_slice_windows));
  const std::int64_t dim = state.regions.dim;
  for (std::size_t i = 0; i < points.windows.size(); ++i) {
    folding.Fold(points.z_MD.subspan(i * dim, dim), points.users[i], points.windows[i]);
  }
  return std::move(folding).Finish();
}

}  // namespace raie
