// SASRec against tensors made with PyTorch in float64 (tests/golden/make_sasrec_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backbones/sasrec.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

constexpr double kTolerance = 1e-5;  // max|a - b| / max|b|
constexpr int kNumItems = 50;

double Largest(std::span<const float> values) {
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(double{value}));
  return largest;
}

// `scale` stands in for max|b| where b is zero in exact arithmetic.
void ExpectNear(std::span<const float> found, std::span<const float> golden,
                const std::string& name, double scale = 0) {
  ASSERT_EQ(found.size(), golden.size()) << name;
  double error = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    error = std::max(error, std::fabs(double{found[i]} - golden[i]));
  }
  EXPECT_LE(error / (scale > 0 ? scale : Largest(golden)), kTolerance) << name;
}

enum class Trained { kAll, kAdapterMerged, kAdapterApart };
enum class Loss { kLast, kAll };

class SasrecGolden : public ::testing::TestWithParam<std::string> {
 protected:
  SasrecGolden() : file_(GetParam()), items_(file_.Floats("items")) {
    SetFromJson(FieldsOf(options_), nlohmann::json::parse(file_.metadata().at("options")),
                GetParam());
    backbone_ = MakeSasrec(options_, 1);
    for (const Backbone::Parameter& p : backbone_->parameter_list()) {
      const auto values = file_.Floats("parameter." + p.name, p.shape);
      std::copy(values.begin(), values.end(), backbone_->parameters().begin() + p.begin);
    }
    for (const float item : file_.Floats("sequence")) {
      batch_.items.push_back(ItemId{static_cast<std::int32_t>(item)});
    }
    for (const float length : file_.Floats("lengths")) {
      batch_.row_keys.push_back(static_cast<std::uint32_t>(batch_.num_rows()));
      batch_.offsets.push_back(batch_.offsets.back() + static_cast<std::int32_t>(length));
    }
  }

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

  std::vector<OutputPosition> Outputs(Loss loss) const {
    std::vector<OutputPosition> outputs;
    for (std::int32_t row = 0; row < batch_.num_rows(); ++row) {
      const std::int32_t length = batch_.offsets[row + 1] - batch_.offsets[row];
      for (std::int32_t p = loss == Loss::kLast ? length - 1 : 0; p < length; ++p) {
        outputs.push_back({row, p});
      }
    }
    return outputs;
  }

  // Mean cross-entropy over all items; adds the gradient of the item rows to `items_grad`.
  double CrossEntropy(std::span<const float> hidden, std::span<const float> targets,
                      std::span<float> hidden_grad, std::vector<double>& items_grad) const {
    const std::int64_t d = options_.dim, count = static_cast<std::int64_t>(targets.size());
    double loss = 0;
    for (std::int64_t p = 0; p < count; ++p) {
      std::vector<double> logits(kNumItems, 0), grad(d, 0);
      for (std::int64_t i = 0; i < kNumItems * d; ++i) {
        logits[i / d] += double{hidden[p * d + i % d]} * items_[i];
      }
      double sum = 0;
      for (const double logit : logits) sum += std::exp(logit);
      const auto target = static_cast<std::size_t>(targets[p]);
      loss += (std::log(sum) - logits[target]) / static_cast<double>(count);
      for (std::int64_t i = 0; i < kNumItems * d; ++i) {
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
  void Check(Trained trained, Loss loss);

  TensorFile file_;
  std::span<const float> items_;
  SasrecOptions options_;
  std::unique_ptr<Backbone> backbone_;
  WindowBatch batch_;
};

void SasrecGolden::CheckGradients(const std::string& golden, const GradientSink& sink,
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
               at == std::string::npos ? 0 : Largest(file_.Floats(golden + "grad." + other)));
  }
}

void SasrecGolden::Check(Trained trained, Loss loss) {
  const bool all = trained == Trained::kAll;
  const std::string golden =
      std::string(all ? "full" : "lora") + (loss == Loss::kLast ? "_last." : "_all.");
  SCOPED_TRACE(golden + (trained == Trained::kAdapterApart ? "apart" : ""));
  // A rate that drops nothing, but keeps the low-rank path apart.
  const Adapter adapter = GoldenAdapter(trained == Trained::kAdapterApart ? 1e-9 : 0);
  const auto bound =
      backbone_->Bind(all ? nullptr : &adapter, all ? Purpose::kTrainAll : Purpose::kTrainAdapter);
  const std::vector<OutputPosition> outputs = Outputs(loss);
  const ItemRows rows{items_, {}, {}};
  const ForwardInput input{
      .batch = batch_, .outputs = outputs, .items = rows, .training = true, .seed = 1, .step = 1};
  const std::size_t d = options_.dim;
  std::vector<float> hidden(outputs.size() * d), grad(outputs.size() * d);
  const auto tape = backbone_->Forward(*bound, input, hidden);
  ExpectNear(hidden, file_.Floats(golden + "hidden"), "hidden");
  std::vector<double> items_grad(kNumItems * d, 0);
  const auto targets = file_.Floats(loss == Loss::kLast ? "last.targets" : "all.targets");
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
    items_grad[Index(batch_.items[i / d]) * d + i % d] += input_grad[i];
  }
  const std::vector<float> total(items_grad.begin(), items_grad.end());
  ExpectNear(total, file_.Floats(golden + "items_grad"), "items_grad");
}

TEST_P(SasrecGolden, LossHiddenStatesAndAllGradientsAgree) {
  for (const Trained trained : {Trained::kAll, Trained::kAdapterMerged, Trained::kAdapterApart}) {
    for (const Loss loss : {Loss::kLast, Loss::kAll}) Check(trained, loss);
  }
}

std::vector<std::string> GoldenFiles() {
  std::vector<std::string> files;
  std::error_code missing;  // no files: the suite says that it is not instantiated
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden", missing)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("sasrec_") && name.ends_with(".safetensors")) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, SasrecGolden, ::testing::ValuesIn(GoldenFiles()),
                         [](const auto& param) {
                           return std::filesystem::path(param.param).stem().string();
                         });

}  // namespace
}  // namespace raie
