// What is BERT4Rec: a bidirectional transformer that finds masked items?
//
// Concept: SASRec's embedding and blocks, but every token attends to all of its row. Some tokens
// are
//          [MASK]; the output there is multiplied with the item rows (tied, no bias). To ask for
//          the next item, [MASK] is appended to the row (backbone.h, kMaskItem). What is masked in
//          training is not decided here but by the objective (training/sequence_objective.h).
// Source:  Sun et al. 2019. Deviations: by default no dense layer between the last block and the
//          item rows, no bias of items and no LayerNorm of the embedding (options output_layer,
//          item_bias, embedding_norm); Xavier maps. Blocks are post-norm, GELU, as theirs; the RAIE
//          authors run 256 x 4 blocks x 4 heads (configs/backbones/bert4rec-256.toml).
// Shapes:  see item_transformer.h; position table [L + 1, D], mask_token [1, D].
#pragma once

#include <cstdint>
#include <memory>

#include "backbones/sasrec.h"

namespace raie {

struct Bert4recOptions : SasrecOptions {};

// Returns a BERT4Rec with parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeBert4rec(const Bert4recOptions& options, std::uint64_t seed);

}  // namespace raie
