#include "service/export_model.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backbones/causal_lm/grown_checkpoint.h"
#include "base/files.h"
#include "base/options_json.h"
#include "base/output_folder.h"
#include "raie/error.h"
#include "raie/version.h"
#include "store/model_directory.h"
#include "store/snapshot_files.h"
#include "text/item_tokens.h"
#include "text/tokenizer.h"
#include "training/item_table.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void RefuseExport(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "cannot export: " + what);
}

void CheckExportable(const ModelDirectory& model, const Snapshot& snapshot) {
  if (snapshot.backbone->pretrained() == nullptr) {
    RefuseExport(model.path().string() + " is a " + model.info().backbone.name +
                 " model; only language models have a form that other programs load");
  }
  if (!snapshot.backbone->pretrained()->has_plain_states()) {
    RefuseExport(model.path().string() +
                 " takes the mean off its states (backbone.causal_lm.states = centred), which no "
                 "checkpoint of other programs can hold; fit with states = plain to export");
  }
  std::string own;
  for (const auto& [region, rows] : snapshot.items->replaced()) {
    if (!rows.items.empty()) own += (own.empty() ? "" : ", ") + std::to_string(Index(region));
  }
  if (!own.empty()) {
    RefuseExport("version " + std::to_string(snapshot.version) + " has item rows of region " + own +
                 "'s own (edit.item_rows = regional), which the folder of an adapter cannot hold; "
                 "export a version edited with item_rows = shared or frozen");
  }
}

void WriteTokenizer(const fs::path& base, const fs::path& folder, const ItemNames& names,
                    std::int64_t first, const Tokenizer& tokenizer) {
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < names.ids.size(); ++i) ids.emplace_back(names.ids[i]);
  for (const auto& entry : fs::directory_iterator(base)) {
    const fs::path name = entry.path().filename();
    if (name == "config.json" || name.extension() == ".safetensors") continue;
    WriteFileAtomically(folder / name, ReadFile(entry.path()));
  }
  for (const TokenizerFile& file : AddTokens(base, NameItemTokens(ids, tokenizer), first)) {
    WriteFileAtomically(folder / file.name, file.text);
  }
}

}  // namespace

nlohmann::ordered_json ExportModel(const ExportRequest& request, const PhaseControl& control) {
  CheckIsFree(request.output, "an export never overwrites");
  const ModelDirectory model = ModelDirectory::Open(request.model);
  const std::int32_t version =
      request.version == kCurrentVersion ? model.current() : request.version;
  StartPhase(control, "reading the model");
  const Snapshot snapshot = model.LoadSnapshot(version);
  CheckExportable(model, snapshot);
  const auto tokenizer = LoadTokenizer(model.base());
  const std::int64_t first = tokenizer->VocabularySize();

  StartPhase(control, "writing");
  AtomicDirectory directory(request.output);
  const fs::path& folder = directory.path();
  WriteTokenizer(model.base(), folder, model.LoadItemNames(version), first, *tokenizer);
  const std::int64_t dim = snapshot.backbone->dim();
  const std::int64_t vocabulary =
      SaveGrown(folder, {.from = model.base(),
                         .rows_ND = snapshot.items->base_ND().first(snapshot.catalogue_size * dim),
                         .first = first,
                         .precision = request.precision});
  const auto adapters = SaveAdapters(folder, snapshot, fs::absolute(request.output).string());
  const BackboneOptions& backbone = model.info().backbone;
  const nlohmann::ordered_json about = {{"raie", kVersion},
                                        {"version", version},
                                        {"items", snapshot.catalogue_size},
                                        {"first_token", first},
                                        {"backbone", OptionsToJson(backbone).at(backbone.name)}};
  WriteFileAtomically(folder / "raie.json", about.dump(2) + "\n");
  const auto bytes = fs::file_size(folder / "model.safetensors");
  CheckNotCancelled(control, "the export was written");
  directory.Commit();
  return {{"version", version},
          {"items", snapshot.catalogue_size},
          {"first_token", first},
          {"vocabulary", vocabulary},
          {"bytes", bytes},
          {"adapters", adapters},
          {"popularity_prior", snapshot.prior != nullptr}};
}

}  // namespace raie
