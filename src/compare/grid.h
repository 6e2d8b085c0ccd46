// Which cells does a comparison consist of, and in which order are they run?
//
// Concept: a variant is a backbone at one point of the swept settings; a cell is a variant, a
//          method and a seed, and its own folder. Seeds are the outer loop of a variant, so that
//          each seed's S checkpoint is used for all methods while it is in memory. `raie_wo_all`
//          (no regions, no adapters of their own) is `lora`: it is a row, never a cell.
//          A frontier sweeps each method's own stability knob, that method alone, from what was
//          tuned for it.
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
  bool frontier = false;  // each method's stability knob at several values; no sweeps beside it
};

// "regions.k=1,2,3"; a list value is written [a;b].
SweepAxis ParseSweep(const std::string& text);

struct Variant {
  std::string backbone;
  std::string point;                      // "base", or "regions.k=3,edit.rho=0.3"
  std::vector<Setting> settings;          // win over tuned ones
  std::vector<std::string> methods = {};  // only these have cells here; empty: all of the grid
  std::string tuned_at = {};  // the point whose tuned settings are used; empty: this one
};

// The points of one method on one backbone: tuned at the first, its knob swept over the others.
struct FrontierCells {
  std::string method;
  std::vector<std::size_t> variants;
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
  std::vector<FrontierCells> frontiers;

  const std::vector<std::string>& rows(const Variant& variant) const {
    return variant.methods.empty() ? methods : variant.methods;
  }
  // The rows without those that are another's.
  std::vector<std::string> trained(const Variant& variant) const;
  // The variant whose tuned settings a variant uses.
  const Variant& tuned(const Variant& variant) const;
};

Grid PlanGrid(const CompareOptions& options);

// Returns the method whose cells a row shows.
std::string CellMethod(const std::string& row);

// Where, relative to the run's folder.
std::filesystem::path CellFolder(const Variant& variant, const std::string& method,
                                 std::uint64_t seed);
std::filesystem::path TuningFile(const Variant& variant, const std::string& method);

}  // namespace raie
