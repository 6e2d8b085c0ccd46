#include "training/fit_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie::internal {
namespace {

constexpr const char* kFile = "state.safetensors";
constexpr const char* kDigestFile = "digest";  // of the other

nlohmann::ordered_json CountersOf(const FitState& state) {
  nlohmann::ordered_json epochs = nlohmann::ordered_json::array();
  for (const FitEpoch& epoch : state.report.epochs) {
    epochs.push_back({epoch.epoch, epoch.loss, epoch.validation_ndcg10, epoch.validation_recall10});
  }
  return {{"backbone_steps", state.trained.steps},
          {"rows_steps", state.rows.state.steps},
          {"best_score", state.best_score},
          {"best_step", state.best_step},
          {"epoch", state.epoch},
          {"batch", state.batch},
          {"epoch_loss", state.epoch_loss},
          {"epoch_weight", state.epoch_weight},
          {"patience_epochs", state.patience_epochs},
          {"patience_steps", state.patience_steps},
          {"best_epoch", state.report.best_epoch},
          {"steps", state.report.steps},
          {"samples", state.report.samples},
          {"epochs", epochs}};
}

void SetCounters(const nlohmann::json& counters, FitState& state) {
  state.trained.steps = counters.at("backbone_steps");
  state.rows.state.steps = counters.at("rows_steps");
  state.best_score = counters.at("best_score");
  state.best_step = counters.at("best_step");
  state.epoch = counters.at("epoch");
  state.batch = counters.at("batch");
  state.epoch_loss = counters.at("epoch_loss");
  state.epoch_weight = counters.at("epoch_weight");
  state.patience_epochs = counters.at("patience_epochs");
  state.patience_steps = counters.at("patience_steps");
  state.report.best_epoch = counters.at("best_epoch");
  state.report.steps = counters.at("steps");
  state.report.samples = counters.at("samples");
  for (const nlohmann::json& epoch : counters.at("epochs")) {
    state.report.epochs.push_back({.epoch = epoch.at(0),
                                   .loss = epoch.at(1),
                                   .validation_ndcg10 = epoch.at(2),
                                   .validation_recall10 = epoch.at(3)});
  }
}

// The first entry that differs is named as one writes it in a configuration: fit.adam.beta1.
void CheckIdentity(const std::filesystem::path& path, const nlohmann::ordered_json& saved,
                   const nlohmann::ordered_json& wanted) {
  const nlohmann::ordered_json there = saved.flatten();
  const nlohmann::ordered_json here = wanted.flatten();
  for (const auto& [pointer, value] : here.items()) {
    const std::string found = there.contains(pointer) ? there.at(pointer).dump() : "nothing";
    if (found == value.dump()) continue;
    std::string key = pointer.substr(1);
    std::ranges::replace(key, '/', '.');
    throw Error(ErrorCode::kInvalidArgument,
                "cannot resume from " + path.string() + ": " + key + " was " + found +
                    " there and is " + value.dump() +
                    " now; fit anew, or with the settings the checkpoint was made with");
  }
}

TensorView Tensor(const char* name, std::span<const float> values) {
  return {name, {std::ssize(values)}, values};
}

void Copy(const TensorFile& file, const char* name, std::span<float> to) {
  const std::int64_t shape[] = {std::ssize(to)};
  const std::span<const float> from = file.Floats(name, shape);
  std::copy(from.begin(), from.end(), to.begin());
}

}  // namespace

void SaveFitState(const std::filesystem::path& path, const nlohmann::ordered_json& identity,
                  const FitState& state, std::span<const float> parameters,
                  const ItemTable& items) {
  AtomicDirectory folder(path);
  std::vector<TensorView> tensors = {
      Tensor("parameters", parameters),        Tensor("parameters.m", state.trained.m),
      Tensor("parameters.v", state.trained.v), Tensor("items", items.base_ND()),
      Tensor("items.m", state.rows.state.m),   Tensor("items.v", state.rows.state.v)};
  if (!state.best_parameters.empty()) {
    tensors.push_back(Tensor("best.parameters", state.best_parameters));
    tensors.push_back(Tensor("best.items", state.best_items));
  }
  SaveTensors(folder.path() / kFile, std::move(tensors),
              {{"identity", identity.dump()}, {"counters", CountersOf(state).dump()}});
  WriteFileAtomically(folder.path() / kDigestFile, DigestOfFile(folder.path() / kFile) + "\n");
  folder.Commit();
}

void LoadFitState(const std::filesystem::path& path, const nlohmann::ordered_json& identity,
                  FitState& state, std::span<float> parameters, ItemTable& items) {
  const TensorFile file(path / kFile);
  const std::filesystem::path digest = path / kDigestFile;
  if (!std::filesystem::exists(digest) || ReadFile(digest) != DigestOfFile(path / kFile) + "\n") {
    throw Error(ErrorCode::kCorruptData, (path / kFile).string() + " is damaged: it is not what " +
                                             digest.string() + " was written for; remove " +
                                             path.string() + " and fit anew");
  }
  const TensorMetadata& metadata = file.metadata();
  try {
    CheckIdentity(path, nlohmann::ordered_json::parse(metadata.at("identity")), identity);
    SetCounters(nlohmann::json::parse(metadata.at("counters")), state);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorruptData,
                (path / kFile).string() + ": not the state of a fit: " + error.what());
  }
  Copy(file, "parameters", parameters);
  Copy(file, "parameters.m", state.trained.m);
  Copy(file, "parameters.v", state.trained.v);
  Copy(file, "items", items.base_ND());
  Copy(file, "items.m", state.rows.state.m);
  Copy(file, "items.v", state.rows.state.v);
  if (file.Find("best.parameters") == nullptr) return;
  state.best_parameters.resize(parameters.size());
  state.best_items.resize(items.base_ND().size());
  Copy(file, "best.parameters", state.best_parameters);
  Copy(file, "best.items", state.best_items);
}

}  // namespace raie::internal
