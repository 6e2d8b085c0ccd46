#!/usr/bin/env python3
"""One training step of BERT4Rec in PyTorch: the peer of TrainStepBert4rec in benchmarks/train_step_bench.cc.

    python benchmarks/peers/bert4rec_step.py [--threads 1] [--seconds 5] [--clock wall|cpu]

As sasrec_step.py, with attention in both directions over L items and an appended [MASK]; the loss at
[MASK] (F, LoRA) or at a fifth of the positions (S, `cloze`, full only). Two ways of writing it:
  ordinary  attention spelled out, both blocks at all positions, logits at the asked ones,
            torch.optim.AdamW as it comes
  best      scaled_dot_product_attention, the last block's queries, maps and norms only where asked
            (as many a row, so that the batch stays dense), fused AdamW
"""
import torch
import torch.nn.functional as F
from torch import nn

import sasrec_step as sasrec
from sasrec_step import BATCH, BLOCKS, DIM, DROPOUT, ITEMS


class Block(sasrec.Block):
    def best(self, x, asked):
        query = x if asked is None else x.gather(1, asked[:, :, None].expand(-1, -1, DIM))
        q, k, v = self.heads(self.q(query)), self.heads(self.k(x)), self.heads(self.v(x))
        rate = DROPOUT if self.training else 0.0
        return self.rest(query, F.scaled_dot_product_attention(q, k, v, dropout_p=rate))


class Bert4Rec(sasrec.SasRec):
    def __init__(self, length, best):
        super().__init__(length + 1, best)
        self.mask_token = nn.Parameter(0.02 * torch.randn(DIM))
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.register_buffer("mask", torch.ones(length + 1, length + 1, dtype=torch.bool))

    def forward(self, items, masked, asked):
        """Logits [B, asked a row, ITEMS]; `masked` [B, L + 1] are the [MASK]s."""
        x = torch.where(masked[:, :, None], self.mask_token, F.embedding(items, self.item))
        x = F.dropout(x + self.position, DROPOUT, self.training)
        for i, block in enumerate(self.blocks):
            if self.best:
                x = block.best(x, asked if i == BLOCKS - 1 else None)
            else:
                x = block(x, self.mask)
        x = self.norm(x)
        if not self.best:
            x = x.gather(1, asked[:, :, None].expand(-1, -1, DIM))
        return x @ self.item.T


def make_batch(length, cloze, batch=BATCH):
    tokens = length + 1
    items = torch.randint(ITEMS, (batch, tokens))
    if cloze:
        asked = torch.rand(batch, tokens).argsort(1)[:, :round(tokens / 5)].sort(1).values
    else:
        asked = torch.full((batch, 1), length)
    masked = torch.zeros(batch, tokens, dtype=torch.bool).scatter_(1, asked, True)
    return items, masked, asked, torch.randint(ITEMS, asked.shape)


def check(length):
    """Both ways give the same logits."""
    for cloze in (False, True):
        items, masked, asked, _ = make_batch(length, cloze, 4)
        logits = []
        for best in (False, True):
            torch.manual_seed(3)
            logits.append(Bert4Rec(length, best).eval()(items, masked, asked))
        assert (logits[1] - logits[0]).abs().max() < 1e-5


def measure(length, best, cloze, lora_dropout, arguments):
    torch.manual_seed(1)
    model = Bert4Rec(length, best)
    items, masked, asked, targets = make_batch(length, cloze)
    loss_of = lambda model: F.cross_entropy(model(items, masked, asked).flatten(0, 1), targets.flatten())
    return sasrec.median_ms(model, best, lora_dropout, loss_of, arguments)


def main():
    arguments = sasrec.parse_arguments()
    cases = (("full", False, None), ("full, cloze", True, None), ("lora", False, 0.0),
             ("lora dropout .05", False, 0.05))
    for length in (50, 10):
        check(length)
        for name, cloze, dropout in cases:
            for best in (False, True):
                way = "best" if best else "ordinary"
                sasrec.report(length, name, way, measure(length, best, cloze, dropout, arguments))


if __name__ == "__main__":
    main()
