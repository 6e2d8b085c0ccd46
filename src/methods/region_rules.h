// What of RAIE does an ablation leave out?
//
// Source:  METHOD section 4 ("Ablations").
#pragma once

namespace raie {

struct RegionRules {
  enum class Editing { kOn, kOff };                  // off: the regions found on S stay (wo_ke)
  enum class Assignment { kByCentre, kByUserHash };  // by hash: random_regions
  enum class Adapters { kByRegion, kOneForAll };     // one for all: wo_kr

  Editing editing = Editing::kOn;
  Assignment assignment = Assignment::kByCentre;
  Adapters adapters = Adapters::kByRegion;
};

}  // namespace raie
