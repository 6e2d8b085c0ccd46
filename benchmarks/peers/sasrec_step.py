#!/usr/bin/env python3
"""One training step of SASRec in PyTorch: the peer of benchmarks/sasrec_bench.cc.

    python benchmarks/peers/sasrec_step.py [--threads 1] [--seconds 5] [--clock wall|cpu]

Forward, full-softmax loss at the last position, backward, AdamW; post-norm, GELU, FFN 4 d, dropout .2,
fp32. Two ways of writing it:
  ordinary  attention spelled out, both blocks at all positions, torch.optim.AdamW as it comes
  best      scaled_dot_product_attention, last block at the last position only, fused AdamW
`full` trains everything, `lora` rank-8 adapters on all six maps of a frozen model (dropout on their
input 0 or .05). Prints the median of a step in milliseconds; `--clock cpu` counts the process's
processor time instead of wall time (one thread on a machine that does other work).
"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

ITEMS, DIM, HEADS, BLOCKS, BATCH, DROPOUT = 9000, 128, 2, 2, 256, 0.2
RANK, ALPHA = 8, 16.0


class Linear(nn.Linear):
    """A linear map with an optional low-rank update, as PEFT writes it."""

    def add_lora(self, dropout):
        self.lora_A = nn.Parameter(torch.empty(RANK, self.in_features).uniform_(-1, 1) / self.in_features**0.5)
        self.lora_B = nn.Parameter(torch.zeros(self.out_features, RANK))
        self.lora_dropout = dropout

    def forward(self, x):
        y = F.linear(x, self.weight, self.bias)
        if hasattr(self, "lora_A"):
            dropped = F.dropout(x, self.lora_dropout, self.training) if self.lora_dropout else x
            y = y + F.linear(F.linear(dropped, self.lora_A), self.lora_B) * (ALPHA / RANK)
        return y


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (Linear(DIM, DIM) for _ in range(4))
        self.ffn_in, self.ffn_out = Linear(DIM, 4 * DIM), Linear(4 * DIM, DIM)
        self.norm1, self.norm2 = nn.LayerNorm(DIM, eps=1e-6), nn.LayerNorm(DIM, eps=1e-6)

    def heads(self, x):
        return x.view(x.shape[0], -1, HEADS, DIM // HEADS).transpose(1, 2)

    def attend(self, q, k, v, mask):
        scores = q @ k.transpose(-1, -2) / (DIM // HEADS) ** 0.5
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return F.dropout(torch.softmax(scores, -1), DROPOUT, self.training) @ v

    def rest(self, x, mixed):
        mixed = mixed.transpose(1, 2).reshape(x.shape)
        x = self.norm1(x + F.dropout(self.out(mixed), DROPOUT, self.training))
        hidden = F.dropout(F.gelu(self.ffn_in(x)), DROPOUT, self.training)
        return self.norm2(x + F.dropout(self.ffn_out(hidden), DROPOUT, self.training))

    def forward(self, x, mask):
        q, k, v = (self.heads(m(x)) for m in (self.q, self.k, self.v))
        return self.rest(x, self.attend(q, k, v, mask))

    def best(self, x, last_only):
        query = x[:, -1:] if last_only else x
        q, k, v = self.heads(self.q(query)), self.heads(self.k(x)), self.heads(self.v(x))
        rate = DROPOUT if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=not last_only)
        return self.rest(query, mixed)


class SasRec(nn.Module):
    def __init__(self, length, best):
        super().__init__()
        self.item = nn.Parameter(0.02 * torch.randn(ITEMS, DIM))
        self.position = nn.Parameter(0.02 * torch.randn(length, DIM))
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(DIM, eps=1e-6)
        self.register_buffer("mask", torch.ones(length, length, dtype=torch.bool).tril())
        self.best = best

    def forward(self, items):
        x = F.dropout(F.embedding(items, self.item) + self.position, DROPOUT, self.training)
        for i, block in enumerate(self.blocks):
            x = block.best(x, i == BLOCKS - 1) if self.best else block(x, self.mask)
        return self.norm(x)[:, -1] @ self.item.T

    def freeze_and_adapt(self, dropout):
        self.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, Linear):
                module.add_lora(dropout)


def median_ms(model, fused, lora_dropout, loss_of, arguments):
    """Milliseconds of a step on `loss_of(model)`."""
    if lora_dropout is not None:
        model.freeze_and_adapt(lora_dropout)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-4, weight_decay=0, **({"fused": True} if fused else {}))
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    times = []
    while len(times) < 6 or sum(times) < arguments.seconds:
        begin = clock()
        loss = loss_of(model)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        times.append(clock() - begin)
    return 1e3 * statistics.median(times[2:])


def parse_arguments(more=""):
    """Reads the command line, sets the threads and prints what is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, {arguments.threads} thread(s), B {BATCH}, d {DIM}, {ITEMS} items{more}")
    return arguments


def report(length, name, way, ms):
    print(f"L {length:3}  {name:17} {way:9} {ms:8.1f} ms", flush=True)


def measure(length, best, lora_dropout, arguments):
    torch.manual_seed(1)
    model = SasRec(length, best)
    items = torch.randint(ITEMS, (BATCH, length))
    targets = torch.randint(ITEMS, (BATCH,))
    loss_of = lambda model: F.cross_entropy(model(items), targets)
    return median_ms(model, best, lora_dropout, loss_of, arguments)


def main():
    arguments = parse_arguments()
    for length in (50, 10):
        for name, dropout in (("full", None), ("lora", 0.0), ("lora dropout .05", 0.05)):
            for best in (False, True):
                way = "best" if best else "ordinary"
                report(length, name, way, measure(length, best, dropout, arguments))


if __name__ == "__main__":
    main()
