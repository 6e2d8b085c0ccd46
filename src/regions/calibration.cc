#include "regions/calibration.h"

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

std::string Text(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

void AddRangeProblems(const Calibration& calibration, std::int64_t num_regions,
                      const EditorOptions& options, std::vector<std::string>& problems) {
  const bool softmax = options.confidence == ConfidenceKind::kSoftmax;
  // Written so that a NaN fails.
  if (!(calibration.tau > -1 && calibration.tau <= 1)) {
    problems.push_back("tau = " + Text(calibration.tau) +
                       ": must be above -1 and at most 1; calibrate it on S held-out windows");
  }
  if (num_regions == 1) {
    if (calibration.delta != 0) {
      problems.push_back("delta = " + Text(calibration.delta) +
                         ": a set started with one region has no margin; delta must be 0");
    }
    if (softmax) {
      problems.push_back(
          "confidence = softmax: it is 1 for the only region whatever the window, so Add could "
          "never fire; use confidence = cosine or k > 1");
    }
  } else if (!(calibration.delta > 0)) {
    problems.push_back("delta = " + Text(calibration.delta) +
                       ": no margin is below it, so Expand could never fire; the regions coincide "
                       "or delta_quantile is too low: raise delta_quantile or lower k");
  }
}

void AddSoftmaxProblems(const Calibration& calibration, std::int64_t num_regions,
                        const EditorOptions& options, std::vector<std::string>& problems) {
  const double tau = calibration.tau;
  const auto k = static_cast<double>(num_regions);
  const std::string fix =
      "; use confidence = cosine, or change temperature (now " + Text(options.temperature) + ")";
  if (calibration.delta <= 2 * tau - 1) {
    problems.push_back("softmax with tau = " + Text(tau) + ", delta = " + Text(calibration.delta) +
                       ": a margin is at least 2 c(1) - 1, so with delta <= 2 tau - 1 = " +
                       Text(2 * tau - 1) + " Expand could never fire" + fix);
  }
  if (tau <= 1 / k) {
    problems.push_back(
        "softmax with tau = " + Text(tau) + ": the best of " + std::to_string(num_regions) +
        " confidences is at least 1/K = " + Text(1 / k) + ", so Add could never fire" + fix);
  }
  const double highest = 1 / (1 + (k - 1) * std::exp(-2 / options.temperature));
  if (tau > highest) {
    problems.push_back("softmax with tau = " + Text(tau) +
                       ": no confidence exceeds 1 / (1 + (K - 1) exp(-2 / T)) = " + Text(highest) +
                       ", so every window would be an Add" + fix);
  }
}

void SetOrigin(const EditorOptions& options, Calibration& calibration) {
  const bool softmax = options.confidence == ConfidenceKind::kSoftmax;
  calibration.confidence = EnumNames(options.confidence)[static_cast<int>(options.confidence)];
  calibration.temperature = softmax ? options.temperature : 0;
  calibration.tau_quantile = options.tau_quantile;
  calibration.delta_quantile = options.delta_quantile;
}

// Thresholds of one confidence mean nothing in another.
void AddOriginProblems(const Calibration& calibration, const EditorOptions& options,
                       std::vector<std::string>& problems) {
  Calibration wanted;
  SetOrigin(options, wanted);
  const auto compare = [&](const char* name, const std::string& found, const std::string& asked) {
    if (found == asked) return;
    problems.push_back(std::string(name) + " = " + asked + ": tau and delta were calibrated with " +
                       name + " = " + found + "; keep that, or fit the model with the new one");
  };
  compare("confidence", calibration.confidence, wanted.confidence);
  if (calibration.confidence == wanted.confidence) {
    compare("temperature", Text(calibration.temperature), Text(wanted.temperature));
  }
  compare("tau_quantile", Text(calibration.tau_quantile), Text(wanted.tau_quantile));
  compare("delta_quantile", Text(calibration.delta_quantile), Text(wanted.delta_quantile));
}

}  // namespace

void ValidateThresholds(const Calibration& calibration, std::int64_t num_regions,
                        const EditorOptions& options) {
  std::vector<std::string> problems;
  AddOriginProblems(calibration, options, problems);
  AddRangeProblems(calibration, num_regions, options, problems);
  // With add_rule = radius tau is not read, so nothing follows from it.
  if (options.confidence == ConfidenceKind::kSoftmax && num_regions > 1 &&
      options.add_rule == AddRule::kDefault) {
    AddSoftmaxProblems(calibration, num_regions, options, problems);
  }
  if (problems.empty()) return;
  std::string text = "edit thresholds refused: " + problems[0];
  for (std::size_t i = 1; i < problems.size(); ++i) text += "\n  " + problems[i];
  throw Error(ErrorCode::kInvalidArgument, text);
}

Calibration Calibrate(const RegionSet& regions, std::span<const float> z_ND,
                      const EditorOptions& options, TaskPool& pool) {
  options.Validate();
  if (z_ND.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "calibration of tau and delta: there are no S held-out windows; they need users "
                "with at least context + 2 events in S: shorten the context or min_context, or use "
                "more data");
  }
  std::vector<double> confidences;
  std::vector<double> margins;
  std::vector<double> cosines;
  for (const Route& route : RouteMany(regions, z_ND, pool, ConfidenceOf(options))) {
    confidences.push_back(route.confidence);
    margins.push_back(route.margin);
    cosines.push_back(route.cosine);
  }
  constexpr double kFirstCosQuantile = 0.01;
  Calibration calibration;
  calibration.tau = Quantile(confidences, options.tau_quantile);
  calibration.delta = regions.starting_count == 1 ? 0.0 : Quantile(margins, options.delta_quantile);
  calibration.first_cos_quantile = Quantile(cosines, kFirstCosQuantile);
  SetOrigin(options, calibration);
  ValidateThresholds(calibration, regions.starting_count, options);
  return calibration;
}

}  // namespace raie
