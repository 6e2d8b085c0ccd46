// Does a backbone of ours reach what is published for it?
//
// Usage:   raie_sanity CONFIG.toml RATINGS WORK_FOLDER [THREADS]
// Concept: reads a log, prepares it leave-last-out, fits (going on from WORK_FOLDER if it was
//          stopped), ranks each user's last event over all items with the user's other items
//          masked, and prints one line an epoch and the test metrics.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "backbones/registry.h"
#include "data/prepare.h"
#include "data/read_log.h"
#include "raie/error.h"
#include "training/fit.h"
#include "training/metrics.h"

namespace raie {
namespace {

struct SanityOptions {
  std::int64_t seed = 0;
  ReadOptions read;
  PrepareOptions prepare;
  BackboneOptions backbone;
  FitOptions fit;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.seed, Field{.name = "seed", .help = "of the run"});
    visit(self.read, Field{.name = "read", .help = ""});
    visit(self.prepare, Field{.name = "prepare", .help = ""});
    visit(self.backbone, Field{.name = "backbone", .help = ""});
    visit(self.fit, Field{.name = "fit", .help = ""});
  }
};

struct Arguments {
  std::string config;
  std::string ratings;
  std::filesystem::path work;
  int threads;
};

void Print(const FitReport& report) {
  for (const FitEpoch& epoch : report.epochs) {
    std::printf("epoch %3lld  loss %.4f  validation NDCG@10 %.4f  Recall@10 %.4f\n",
                static_cast<long long>(epoch.epoch), epoch.loss, epoch.validation_ndcg10,
                epoch.validation_recall10);
  }
  std::printf("kept epoch %lld, %lld steps\n", static_cast<long long>(report.best_epoch),
              static_cast<long long>(report.steps));
}

void Run(const Arguments& arguments) {
  SanityOptions options;
  SetFromToml(FieldsOf(options), arguments.config);
  TaskPool pool(arguments.threads);
  const std::filesystem::path folder = arguments.work / "data";
  if (!std::filesystem::exists(folder)) {
    const ReadResult read = ReadLog({arguments.ratings}, options.read, pool);
    PrepareData(read.log, options.prepare, folder, pool);
  }
  const PreparedData data = PreparedData::Load(folder);
  const auto backbone = MakeBackbone(options.backbone, options.seed);
  ItemTable items(backbone->dim(),
                  MakeItemRows(options.backbone, *backbone, data.num_items(), options.seed));
  std::string last;
  const FitRequest request{.data = data,
                           .windows = WindowOptionsOf(data),
                           .catalogue_size = data.num_items(),
                           .seen = SeenItems::kHistoryMasked,
                           .seed = static_cast<std::uint64_t>(options.seed),
                           .checkpoint = arguments.work / "checkpoint",
                           .resume = true,
                           .observer = [&last](const Progress& progress) {
                             if (progress.detail == last) return;
                             last = progress.detail;
                             std::fprintf(stderr, "%s  %.0f %s/s\n", last.c_str(),
                                          progress.per_second, progress.unit.c_str());
                           }};
  Print(FitBackbone(options.fit, request, *backbone, items, pool));
  const WindowSet test = MakeSetupWindows(data, 0, request.windows).held_out;
  const WindowRanking ranking = RankFittedWindows(request, *backbone, items, test, pool);
  std::vector<UserId> users;
  for (const Window& window : test.windows) users.push_back(window.user);
  const RankSummary summary = Summarise(ranking.ranks, users);
  std::printf("test: %lld users, Recall@10 %.4f, NDCG@10 %.4f, MRR %.4f\n",
              static_cast<long long>(summary.users), summary.window_mean.recall[1],
              summary.window_mean.ndcg[1], summary.window_mean.mrr);
}

}  // namespace
}  // namespace raie

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: raie_sanity CONFIG.toml RATINGS WORK_FOLDER [THREADS]\n");
    return 2;
  }
  try {
    std::filesystem::create_directories(argv[3]);
    raie::Run({argv[1], argv[2], argv[3], argc > 4 ? std::atoi(argv[4]) : 1});
  } catch (const raie::Error& error) {
    std::fprintf(stderr, "raie_sanity: %s\n", error.what());
    return 1;
  }
  return 0;
}
