// Which cells does a comparison consist of, and in which order are they run?
//
// Concept: a variant is a backbone at one point of the swept settings; a cell is a variant, a
//          method and a seed, and its own folder. Seeds are the outer loop of a variant, so that
//          each seed's S checkpoint is used for all methods while it is in memory. `raie_wo_all`
//          (no regions, no adapters of their own) is `lora`: it is a row, never a cell.
// Source:  METHOD sections 2, 4 ("Ablations") and 5.
// Errors:  kInvalidArgument for unknown methods, backbones or keys (the nearest is named), an empty
//          list, a name twice, a swept key that no part of a run reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "raie/settings.h"

namespace raie {

struct SweepAxis {
  std::string key;
  std::vector<std::string> values;
};

struct CompareOptions {
  std::vector<std::string> backbones;
  std::vector<std::string> methods;
  std::int64_t first_seed = 0;
  std::int64_t seeds = 5;
  std::string reference = "lora";
  std::vector<SweepAxis> sweeps;
  std::int64_t tune = 6;  // configurations tried for each method; 1: none is tuned
};

// "regions.k=1,2,3"; a list value is written [a;b].
SweepAxis ParseSweep(const std::string& text);

struct Variant {
  std::string backbone;
  std::string point;  // "base", or "regions.k=3,edit.rho=0.3"
  std::vector<Setting> settings;
};

struct Cell {
  std::size_t variant = 0;
  std::string method;
  std::uint64_t seed = 0;
};

struct Grid {
  std::vector<Variant> variants;
  std::vector<std::string> methods;  // rows of the tables, the reference among them
  std::vector<std::uint64_t> seeds;
  std::vector<Cell> cells;  // in running order

  std::vector<std::string> trained() const;  // the methods without those that are another's rows
};

Grid PlanGrid(const CompareOptions& options);

// Returns the method whose cells a row shows.
std::string CellMethod(const std::string& row);

// Where, relative to the run's folder.
std::filesystem::path CellFolder(const Variant& variant, const std::string& method,
                                 std::uint64_t seed);
std::filesystem::path TuningFile(const Variant& variant, const std::string& method);

}  // namespace raie
