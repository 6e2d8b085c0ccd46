// What does a backbone learn from a user's sequence: which positions are asked, for which items?
//
// Concept: turns what S trains on, row by row, into training batches. `next item`: every event is a
//          target, read at the last eligible position before it. `windows`: the last event only.
//          `cloze`: a share of the events is replaced by [MASK], anew in every epoch, and each
//          [MASK] asks for its event; in a share of the rows (last_share) nothing is masked and the
//          row asks what comes last, in the very form of F and of requests, so that the position
//          behind the items is trained. Where equal time stamps are not an order (same_time =
//          strict), events of one time stamp are masked together: one invoice is never half
//          context, half target.
// Source:  METHOD section 3 ("What S trains on"); Sun et al. 2019, section 3.6 (every [MASK] is a
//          [MASK]: their code leaves 10 % of the items and exchanges 10 %).
// Threads: const methods may run concurrently; a row's masks are a function of (seed, epoch, row).
#pragma once

#include <cstdint>
#include <memory>

#include "base/options.h"
#include "data/prepared_data.h"
#include "data/sequences.h"
#include "data/windows.h"
#include "training/batch.h"

namespace raie {

struct ClozeOptions {
  double mask_share = 0.2;
  double last_share = 0.1;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.mask_share, Field{.name = "mask_share",
                                 .help = "share of the events that are masked, one at least",
                                 .minimum = 0.001,
                                 .maximum = 0.999,
                                 .paper = "0.15; Sun et al. 0.2 to 0.6, by data set"});
    visit(self.last_share, Field{.name = "last_share",
                                 .help = "share of the sequences that ask for what comes last, as "
                                         "windows do",
                                 .minimum = 0,
                                 .maximum = 1,
                                 .paper = "0; Sun et al. 1 in 11"});
  }
};

class SequenceObjective {
 public:
  virtual ~SequenceObjective() = default;

  virtual std::int64_t size() const = 0;  // rows of an epoch
  // Appends one row as this epoch sees it; a row that has nothing to ask is left out.
  virtual void Append(std::int64_t row, std::int64_t epoch, TrainingBatch& batch) const = 0;
};

// `data` must outlive what these return.
std::unique_ptr<SequenceObjective> MakeNextItemObjective(const PreparedData& data,
                                                         SequenceSet sequences);

// Contexts of at most `length` items of the catalogue.
std::unique_ptr<SequenceObjective> MakeWindowObjective(const PreparedData& data, WindowSet windows,
                                                       std::int64_t length,
                                                       std::int64_t catalogue_size);

struct ClozeSetup {
  ClozeOptions options;
  std::int64_t length = 10;  // L: a row holds the last L + 1 events of its chunk
  SameTime same_time = SameTime::kStrict;
  std::uint64_t seed = 0;
};
std::unique_ptr<SequenceObjective> MakeClozeObjective(const PreparedData& data,
                                                      SequenceSet sequences,
                                                      const ClozeSetup& setup);

}  // namespace raie
