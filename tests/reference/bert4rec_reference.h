// What does BERT4Rec do otherwise than SASRec, written as plainly as possible?
//
// Concept: every token sees all others; a row without [MASK] gets one at its end, whose state
//          stands for that of the row's last item. For tests only.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/transformer_reference.h"

namespace raie::reference {

class Bert4recReference : public TransformerReference {
 public:
  using TransformerReference::TransformerReference;

  // `masked[t]`: token t is [MASK], whatever its row in `items`. model.options.context is the
  // number of position rows, L + 1.
  Matrix RunMasked(Matrix items, const std::vector<bool>& masked) const {
    bool any = false;
    for (std::size_t t = 0; t < items.size(); ++t) {
      if (!masked[t]) continue;
      any = true;
      items[t] = m_.parameters.at("mask_token");
    }
    if (any) return Run(items);
    items.push_back(m_.parameters.at("mask_token"));
    Matrix hidden = Run(items);
    hidden.erase(hidden.end() - 2);
    return hidden;
  }

 protected:
  std::int64_t NumKeys(std::int64_t /*t*/, std::int64_t n) const override { return n; }
};

}  // namespace raie::reference
