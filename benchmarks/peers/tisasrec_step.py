#!/usr/bin/env python3
"""One training step of TiSASRec in PyTorch: the peer of TrainStepTisasrec in benchmarks/train_step_bench.cc.

    python benchmarks/peers/tisasrec_step.py [--threads 1] [--seconds 5] [--clock wall|cpu]

As sasrec_step.py, with positions and time intervals in keys and values. Three ways of writing it:
  ordinary  a table row gathered for every pair, [B, L, L, d], as the authors do; both blocks at all
            positions, torch.optim.AdamW as it comes
  gathered  the same at the last position only in the last block, fused AdamW
  products  that, but queries are multiplied with the whole table of intervals and scores gathered;
            attention weights are summed by interval and multiplied with the table
Pauses are 1 to 3 times the shortest; intervals are computed before the clock starts.
"""
import torch
import torch.nn.functional as F
from torch import nn

import sasrec_step as sasrec
from sasrec_step import BATCH, BLOCKS, DIM, DROPOUT, HEADS, ITEMS

MAX_INTERVAL = 256


def intervals_of(times):
    """[B, L, L] whole scales between query i and key j; the scale is what is known at i."""
    pauses = times.diff(dim=1)
    scale = F.pad(pauses.cummin(dim=1).values, (1, 0), value=1)
    apart = (times[:, :, None] - times[:, None, :]).clamp(min=0)
    return (apart // scale[:, :, None]).clamp(max=MAX_INTERVAL)


class Block(sasrec.Block):
    def split(self, rows):
        return rows.view(*rows.shape[:-1], HEADS, DIM // HEADS)

    def finish(self, scores, visible):
        scores = scores / (DIM // HEADS) ** 0.5
        scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
        return F.dropout(torch.softmax(scores, -1), DROPOUT, self.training)

    def gathered(self, q, k, v, r, tables, visible):
        keys, values = self.split(tables[0][r]), self.split(tables[1][r])  # [B, Q, L, H, d / H]
        scores = q @ k.transpose(-1, -2) + torch.einsum("bhqd,bqkhd->bhqk", q, keys)
        weights = self.finish(scores, visible)
        return weights @ v + torch.einsum("bhqk,bqkhd->bhqd", weights, values)

    def products(self, q, k, v, r, tables, visible):
        keys, values = (self.split(t).transpose(0, 1) for t in tables)  # [H, R, d / H]
        index = r[:, None].expand(-1, HEADS, -1, -1)
        scores = q @ k.transpose(-1, -2) + (q @ keys.transpose(-1, -2)).gather(3, index)
        weights = self.finish(scores, visible)
        sums = torch.zeros(*weights.shape[:3], MAX_INTERVAL + 1).scatter_add(3, index, weights)
        return weights @ v + sums @ values

    def forward(self, x, relative, way, last_only):
        positions, tables, r, visible = relative
        query = x[:, -1:] if last_only else x
        if last_only:
            r, visible = r[:, -1:], visible[-1:]
        q = self.heads(self.q(query))
        k, v = self.heads(self.k(x) + positions[0]), self.heads(self.v(x) + positions[1])
        attend = self.products if way == "products" else self.gathered
        return self.rest(query, attend(q, k, v, r, tables, visible))


class TiSasRec(sasrec.SasRec):
    def __init__(self, length, way):
        super().__init__(length, best=way != "ordinary")
        del self.position
        table = lambda rows: nn.Parameter(0.02 * torch.randn(rows, DIM))
        self.position_keys, self.position_values = table(length), table(length)
        self.interval_keys, self.interval_values = table(MAX_INTERVAL + 1), table(MAX_INTERVAL + 1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.way = way

    def forward(self, items, intervals):
        relative = ((self.position_keys, self.position_values),
                    (self.interval_keys, self.interval_values), intervals, self.mask)
        x = F.dropout(F.embedding(items, self.item), DROPOUT, self.training)
        for i, block in enumerate(self.blocks):
            x = block(x, relative, self.way, self.best and i == BLOCKS - 1)
        return self.norm(x)[:, -1] @ self.item.T


def check(length):
    """All ways give the same logits."""
    items, intervals = torch.randint(ITEMS, (4, length)), make_intervals(4, length)
    logits = []
    for way in ("ordinary", "gathered", "products"):
        torch.manual_seed(3)
        logits.append(TiSasRec(length, way).eval()(items, intervals))
    assert all((other - logits[0]).abs().max() < 1e-5 for other in logits)


def make_intervals(batch, length):
    return intervals_of(torch.randint(50, 151, (batch, length)).cumsum(dim=1))


def measure(length, way, lora_dropout, arguments):
    torch.manual_seed(1)
    model = TiSasRec(length, way)
    items, intervals = torch.randint(ITEMS, (BATCH, length)), make_intervals(BATCH, length)
    targets = torch.randint(ITEMS, (BATCH,))
    loss_of = lambda model: F.cross_entropy(model(items, intervals), targets)
    return sasrec.median_ms(model, way != "ordinary", lora_dropout, loss_of, arguments)


def main():
    arguments = sasrec.parse_arguments(f", {MAX_INTERVAL} intervals")
    for length in (50, 10):
        check(length)
        for name, dropout in (("full", None), ("lora", 0.0), ("lora dropout .05", 0.05)):
            for way in ("ordinary", "gathered", "products"):
                sasrec.report(length, name, way, measure(length, way, dropout, arguments))


if __name__ == "__main__":
    main()
