#include "methods/adapt_options.h"

#include <string>
#include <vector>

#include "raie/error.h"

namespace raie {

namespace {

// The published loss is the sum over the target and its negative, ours their mean: half of it, and
// so half the clip and half the anchor.
AdaptOptions AsReleased() {
  AdaptOptions options;
  options.budget = BudgetKind::kOwn;
  options.weight_decay = 0.01;
  options.clip = 0.5;
  options.item_rows = ItemRowsKind::kShared;
  options.anchor = 5e-5;
  options.anchor_over = AnchorOver::kMean;
  options.loss.kind = LossKind::kBce;
  options.loss.drawn = NegativesDrawn::kOnce;
  options.lora.dropout = 0.05;
  options.rho = 0.7;
  options.batches = BatchKind::kSeparate;
  options.gate = GateKind::kOff;
  options.keep_gate = KeepGateKind::kOff;
  return options;
}

}  // namespace

AdaptOptions AdaptOptions::Preset(EditorPreset editor, Protocol protocol) {
  if (protocol == Protocol::kAsReleased) return AsReleased();
  AdaptOptions options;
  options.editor = EditorOptions::Preset(editor);
  if (editor == EditorPreset::kPaper) {
    options.gate = GateKind::kOff;
    options.keep_gate = KeepGateKind::kOff;
    options.rho = 0.7;
  }
  if (protocol == Protocol::kPaper) {
    options.budget = BudgetKind::kOwn;
    options.item_rows = ItemRowsKind::kFrozen;
    options.lora.dropout = 0.05;
    options.batches = BatchKind::kSeparate;
  }
  return options;
}

void AdaptOptions::Validate() const {
  std::vector<std::string> problems;
  if (gate == GateKind::kDrift && drift.level == 0) {
    problems.push_back(
        "drift.level is 0, so no region can ever be found to drift and nothing would be trained; "
        "set a level above 0 or gate = off");
  }
  if (gate == GateKind::kGain && gain.level == 0) {
    problems.push_back("gain.level is 0, so no region can ever gain; set a level above 0");
  }
  if (popularity_prior.use == PriorUse::kOn &&
      (popularity_prior.weights.empty() || popularity_prior.half_lives.empty())) {
    problems.push_back(
        "popularity_prior.use is on, but there is nothing to choose from: list at least one of "
        "popularity_prior.weights and one of popularity_prior.half_lives, or set "
        "popularity_prior.use = off");
  }
  if (sharing != Sharing::kRegional && overlap_penalty > 0) {
    problems.push_back("overlap_penalty is " + std::to_string(overlap_penalty) +
                       ", which needs adapters of their own; set sharing = regional");
  }
  if (batches == BatchKind::kSeparate && overlap_penalty > 0) {
    problems.push_back("overlap_penalty is " + std::to_string(overlap_penalty) +
                       ", which compares the gradients of the regions of one batch, and batches = "
                       "separate has only one in each; set batches = mixed or overlap_penalty = 0");
  }
  if (sharing == Sharing::kWarm && (warm_share == 0 || warm_share == 1)) {
    problems.push_back(
        "warm_share must lie between 0 and 1 for sharing = warm; set sharing = regional (0) or "
        "shared (1)");
  }
  CheckRanges(FieldsOf(const_cast<AdaptOptions&>(*this)), "adapt", problems);
  editor.Validate();
}

}  // namespace raie
