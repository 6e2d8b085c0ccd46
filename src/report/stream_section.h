// Section "Stream": what is kept and what is gained as slice after slice is learnt?
//
// Concept: R[i][j], NDCG@10 on the part of slice j after learning from slice i, as a heat map for
// each
//          method; BWT, FWT, average and next accuracy, forgetting. Means over seeds.
// Source:  METHOD section 2 ("stream").
#pragma once

#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

ReportJson StreamSection(const RunFiles& run);

}  // namespace raie
