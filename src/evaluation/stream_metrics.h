// What does a matrix of results say of learning slice after slice?
//
// Concept: slices 0..N. R[i][j] is the result on part j (the last window of each user of slice j,
//          removed from training) after learning from slice i. NextAcc is the result on the whole
//          slice i + 1 after slice i. frozen[j] is what the model of slice 0 makes of part j over
//          the same catalogue, and with the same popularity prior, as R[j - 1][j]. A part ranks
//          over the items of slices <= min(i, j): what can be forgotten is what was known once the
//          slice was learnt, so forgetting looks back to i = j and not before.
// Source:  METHOD section 2 ("stream"); Lopez-Paz & Ranzato 2017 (BWT, FWT), Chaudhry et al. 2018
//          (forgetting; from i = j: docs/decisions/019-what-a-stream-forgets.md).
// Errors:  kInvalidArgument for matrices that are not square or lists of the wrong length.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace raie {

struct StreamMatrix {
  std::vector<std::vector<double>> after;  // R[i][j], (N + 1) x (N + 1)
  std::vector<double> next;                // [N]: on slice i + 1 after slice i
  std::vector<double> frozen;              // [N + 1]; entries 0 and 1 are not read
  std::size_t first_learnt = 0;            // the first part BWT and forgetting look at, F
};

struct StreamMetrics {
  double next_accuracy = 0;                 // mean of next
  double average_accuracy = 0;              // mean_j R[N][j]
  std::optional<double> backward_transfer;  // mean_{j=F..N-1} (R[N][j] - R[j][j]); needs N > F
  std::optional<double> forgetting;  // mean_{j=F..N-1} (max_{i=j..N-1} R[i][j] - R[N][j]); N > F
  std::optional<double> forward_transfer;  // mean_{j=2..N} (R[j-1][j] - frozen[j]); needs N >= 2
};

StreamMetrics MetricsOfStream(const StreamMatrix& matrix);

}  // namespace raie
