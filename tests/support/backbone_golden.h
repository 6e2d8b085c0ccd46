// Is a backbone what PyTorch in float64 says? (tests/golden/make_*_golden.py)
//
// Concept: a file holds parameters, an adapter, sequences and targets, and the loss, hidden states
//          and every gradient that autograd found for them: full and LoRA, last position and all.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "tensorfile/safetensors.h"

namespace raie::testing_support {

inline constexpr double kTolerance = 1e-5;  // max|a - b| / max|b|

inline double GoldenLargest(std::span<const float> values) {
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(double{value}));
  return largest;
}

// `scale` stands in for max|b| where b is zero in exact arithmetic.
inline void ExpectNear(std::span<const float> found, std::span<const float> golden,
                       const std::string& name, double scale = 0) {
  ASSERT_EQ(found.size(), golden.size()) << name;
  double error = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    error = std::max(error, std::fabs(double{found[i]} - golden[i]));
  }
  EXPECT_LE(error / (scale > 0 ? scale : GoldenLargest(golden)), kTolerance) << name;
}

enum class GoldenTrained { kAll, kAdapterMerged, kAdapterApart };
enum class GoldenLoss { kLast, kAll };

class BackboneGolden {
 public:
  // Makes a backbone from the options of a file, as JSON.
  using Make = std::function<std::unique_ptr<Backbone>(const nlohmann::json&)>;

  BackboneGolden(const std::string& path, const Make& make)
      : file_(path),
        items_(file_.Floats("items")),
        backbone_(make(nlohmann::json::parse(file_.metadata().at("options")))) {
    for (const Backbone::Parameter& p : backbone_->parameter_list()) {
      const auto values = file_.Floats("parameter." + p.name, p.shape);
      std::copy(values.begin(), values.end(), backbone_->parameters().begin() + p.begin);
    }
    for (const float item : file_.Floats("sequence")) {
      batch_.items.push_back(ItemId{static_cast<std::int32_t>(item)});
    }
    if (backbone_->reads_times()) {
      for (const float time : file_.Floats("times")) {
        batch_.times.push_back(Timestamp{static_cast<std::int64_t>(time)});
      }
    }
    for (const float length : file_.Floats("lengths")) {
      batch_.row_keys.push_back(static_cast<std::uint32_t>(batch_.num_rows()));
      batch_.offsets.push_back(batch_.offsets.back() + static_cast<std::int32_t>(length));
    }
  }

  // Loss, hidden states and all gradients are those of the file.
  void CheckAll() {
    for (const GoldenTrained trained :
         {GoldenTrained::kAll, GoldenTrained::kAdapterMerged, GoldenTrained::kAdapterApart}) {
      for (const GoldenLoss loss : {GoldenLoss::kLast, GoldenLoss::kAll}) Check(trained, loss);
    }
  }

 private:
  Adapter GoldenAdapter(double dropout) const {
    LoraOptions options;
    options.rank = std::stoll(file_.metadata().at("rank"));
    options.alpha = std::stod(file_.metadata().at("alpha"));
    options.dropout = dropout;
    Adapter adapter = Adapter::Make(backbone_->linear_maps(), options, 1);
    for (const Adapter::Map& map : adapter.maps()) {
      const std::string name = "adapter." + backbone_->linear_maps()[map.map].name;
      const auto a = file_.Floats(name + ".lora_A"), b = file_.Floats(name + ".lora_B");
      std::copy(a.begin(), a.end(), adapter.values().begin() + map.a_begin);
      std::copy(b.begin(), b.end(), adapter.values().begin() + map.b_begin);
    }
    return adapter;
  }

  std::vector<OutputPosition> Outputs(GoldenLoss loss) const {
    std::vector<OutputPosition> outputs;
    for (std::int32_t row = 0; row < batch_.num_rows(); ++row) {
      const std::int32_t length = batch_.offsets[row + 1] - batch_.offsets[row];
      for (std::int32_t p = loss == GoldenLoss::kLast ? length - 1 : 0; p < length; ++p) {
        outputs.push_back({row, p});
      }
    }
    return outputs;
  }

  // Mean cross-entropy over all items; adds the gradient of the item rows to `items_grad`.
  double CrossEntropy(std::span<const float> hidden, std::span<const float> targets,
                      std::span<float> hidden_grad, std::vector<double>& items_grad) const {
    const std::int64_t d = backbone_->dim(), count = static_cast<std::int64_t>(targets.size());
    double loss = 0;
    for (std::int64_t p = 0; p < count; ++p) {
      std::vector<double> logits(std::ssize(items_) / d, 0), grad(d, 0);
      for (std::int64_t i = 0; i < std::ssize(items_); ++i) {
        logits[i / d] += double{hidden[p * d + i % d]} * items_[i];
      }
      double sum = 0;
      for (const double logit : logits) sum += std::exp(logit);
      const auto target = static_cast<std::size_t>(targets[p]);
      loss += (std::log(sum) - logits[target]) / static_cast<double>(count);
      for (std::int64_t i = 0; i < std::ssize(items_); ++i) {
        const double probability = std::exp(logits[i / d]) / sum;
        const double g = (probability - (i / d == static_cast<std::int64_t>(target))) /
                         static_cast<double>(count);
        grad[i % d] += g * items_[i];
        items_grad[i] += g * hidden[p * d + i % d];
      }
      std::copy(grad.begin(), grad.end(), hidden_grad.begin() + p * d);
    }
    return loss;
  }

  void CheckGradients(const std::string& golden, const GradientSink& sink, const Adapter* adapter);
  void Check(GoldenTrained trained, GoldenLoss loss);

  TensorFile file_;
  std::span<const float> items_;
  std::unique_ptr<Backbone> backbone_;
  WindowBatch batch_;
};

inline void BackboneGolden::CheckGradients(const std::string& golden, const GradientSink& sink,
                                           const Adapter* adapter) {
  if (adapter != nullptr) {
    for (const Adapter::Map& map : adapter->maps()) {
      const std::string name = golden + "grad." + backbone_->linear_maps()[map.map].name;
      const auto a = file_.Floats(name + ".lora_A"), b = file_.Floats(name + ".lora_B");
      ExpectNear(sink.adapter.subspan(map.a_begin, a.size()), a, name + ".lora_A");
      ExpectNear(sink.adapter.subspan(map.b_begin, b.size()), b, name + ".lora_B");
    }
    return;
  }
  for (const Backbone::Parameter& p : backbone_->parameter_list()) {
    const auto grad = file_.Floats(golden + "grad." + p.name, p.shape);
    // A constant added to all keys changes no attention weight: its gradient is rounding only.
    const auto at = p.name.find("attention.k.bias");
    std::string other = p.name;
    if (at != std::string::npos) other.replace(at, 16, "attention.v.bias");
    ExpectNear(sink.parameters.subspan(p.begin, grad.size()), grad, golden + p.name,
               at == std::string::npos ? 0 : GoldenLargest(file_.Floats(golden + "grad." + other)));
  }
}

inline void BackboneGolden::Check(GoldenTrained trained, GoldenLoss loss) {
  const bool all = trained == GoldenTrained::kAll;
  const std::string golden =
      std::string(all ? "full" : "lora") + (loss == GoldenLoss::kLast ? "_last." : "_all.");
  SCOPED_TRACE(golden + (trained == GoldenTrained::kAdapterApart ? "apart" : ""));
  // A rate that drops nothing, but keeps the low-rank path apart.
  const Adapter adapter = GoldenAdapter(trained == GoldenTrained::kAdapterApart ? 1e-9 : 0);
  const auto bound =
      backbone_->Bind(all ? nullptr : &adapter, all ? Purpose::kTrainAll : Purpose::kTrainAdapter);
  const std::vector<OutputPosition> outputs = Outputs(loss);
  const ItemRows rows{items_, {}, {}};
  const ForwardInput input{
      .batch = batch_, .outputs = outputs, .items = rows, .training = true, .seed = 1, .step = 1};
  const std::size_t d = backbone_->dim();
  std::vector<float> hidden(outputs.size() * d), grad(outputs.size() * d);
  const auto tape = backbone_->Forward(*bound, input, hidden);
  ExpectNear(hidden, file_.Floats(golden + "hidden"), "hidden");
  std::vector<double> items_grad(std::ssize(items_), 0);
  const auto targets = file_.Floats(loss == GoldenLoss::kLast ? "last.targets" : "all.targets");
  const auto value = static_cast<float>(CrossEntropy(hidden, targets, grad, items_grad));
  ExpectNear(std::span(&value, 1), file_.Floats(golden + "loss"), "loss");
  ExpectNear(grad, file_.Floats(golden + "hidden_grad"), "hidden_grad");

  std::vector<float> parameters(all ? backbone_->parameters().size() : 0);
  std::vector<float> adapter_grad(all ? 0 : adapter.values().size());
  std::vector<float> input_grad(batch_.items.size() * d);
  const GradientSink sink{parameters, adapter_grad, input_grad};
  backbone_->Backward(*bound, input, *tape, grad, sink);
  CheckGradients(golden, sink, all ? nullptr : &adapter);
  ExpectNear(input_grad, file_.Floats(golden + "input_grad"), "input_grad");
  for (std::size_t i = 0; i < input_grad.size(); ++i) {
    if (batch_.items[i / d] == kMaskItem) continue;  // no row of the table
    items_grad[Index(batch_.items[i / d]) * d + i % d] += input_grad[i];
  }
  const std::vector<float> total(items_grad.begin(), items_grad.end());
  ExpectNear(total, file_.Floats(golden + "items_grad"), "items_grad");
}

// The files of tests/golden whose names begin so.
inline std::vector<std::string> GoldenFiles(const std::string& prefix) {
  std::vector<std::string> files;
  std::error_code missing;  // no files: the suite says that it is not instantiated
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden", missing)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".safetensors")) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace raie::testing_support
