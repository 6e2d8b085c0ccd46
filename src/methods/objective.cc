#include "methods/objective.h"

namespace raie {

void SampleObjective::Append(const SampleRef&, const WindowRow& row, TrainingBatch& batch) const {
  AppendRow(batch, row);
}

}  // namespace raie
