// How long does one request take?
//
// Concept: a simulated shop of about 9,000 items, one epoch of SASRec (d 128, L 50) and one adapter
//          for each of 8 regions, made once; then requests with histories of 10 and 50 items, one
//          at a time on one thread: both forward passes, the scores of all items and the ten best.
//          The counters are quantiles over the requests of a run, in ms.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/statistics.h"
#include "raie/model.h"
#include "raie/pipeline.h"
#include "workspace.h"

namespace raie {
namespace {

// A model with adapters, and what its requests are made of.
struct Shop {
  Shop() {
    RunControl control;
    for (const auto& [key, value] :
         std::vector<std::pair<std::string, std::string>>{{"simulate.items", "9600"},
                                                          {"simulate.events", "100000"},
                                                          {"prepare.k_core", "0"},
                                                          {"backbone.sasrec.dim", "128"},
                                                          {"backbone.sasrec.context", "50"},
                                                          {"fit.max_epochs", "1"},
                                                          {"regions.k", "8"},
                                                          {"edit.gate", "off"},
                                                          {"edit.keep_gate", "off"},
                                                          {"edit.budget", "own"},
                                                          {"edit.epochs", "1"}}) {
      control.settings.values.push_back({key, value, "request_bench"});
    }
    const std::filesystem::path root = folder.path();
    SimulateShop(root / "shop", control);
    PrepareLogs({root / "shop" / "events.csv"}, root / "data", control);
    FitModel(root / "data", root / "model", control);
    EditModel(root / "model", root / "data", -1, control);
    model = std::make_unique<Model>(Model::Load(root / "model"));
    std::ifstream titles(root / "shop" / "items.csv");
    std::string line;
    std::getline(titles, line);  // the header
    while (std::getline(titles, line)) items.push_back(line.substr(0, line.find(',')));
  }

  Workspace folder;
  std::unique_ptr<Model> model;
  std::vector<std::string> items;
};

const Shop& TheShop() {
  static const Shop shop;
  return shop;
}

void BM_Request(benchmark::State& state) {
  const Shop& shop = TheShop();
  const auto& regions = shop.model->summary().regions;
  RandomStream random(1, 0);
  std::vector<double> milliseconds;
  for (auto _ : state) {
    RecommendRequest request;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      request.history.push_back({.item = shop.items[random.Below(shop.items.size())]});
    }
    const auto start = std::chrono::steady_clock::now();
    const RecommendAnswer answer = shop.model->Recommend(request);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (answer.items.size() != 10) state.SkipWithError("an answer without ten items");
    state.SetIterationTime(time.count());
    milliseconds.push_back(time.count() * 1e3);
  }
  state.counters["p50_ms"] = Quantile(milliseconds, 0.5);
  state.counters["p99_ms"] = Quantile(milliseconds, 0.99);
  state.counters["items"] = static_cast<double>(shop.model->summary().num_items);
  state.counters["adapters"] = static_cast<double>(
      std::count_if(regions.begin(), regions.end(), [](const auto& r) { return r.has_adapter; }));
}
BENCHMARK(BM_Request)
    ->ArgName("history")
    ->Arg(10)
    ->Arg(50)
    ->Iterations(3000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace raie
