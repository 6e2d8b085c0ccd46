#!/usr/bin/env python3
"""Writes the golden tensors of TiSASRec: loss, hidden states and every gradient, by autograd.

The plain form of Li et al. 2020 in float64: left-padded batches, a matrix [L, L] of intervals a row and
rows of the interval tables gathered for every pair, where raie has runs. Everything else is that of
make_sasrec_golden.py.

    python tests/golden/make_tisasrec_golden.py          # writes tests/golden/tisasrec_*.safetensors
"""
import numpy as np
import torch

import make_sasrec_golden as sasrec


def interval(times, i, j, longest):
    """Whole scales between events i >= j; the scale is what is known at event i."""
    apart = [b - a for a, b in zip(times[:i], times[1:i + 1]) if b > a]
    return min(longest, (times[i] - times[j]) // min(apart)) if apart else 0


def interval_matrices(batch, length, longest):
    matrices = torch.zeros(len(batch["times"]), length, length, dtype=torch.long)
    for b, times in enumerate(batch["times"]):
        first = length - len(times)
        for i in range(len(times)):
            for j in range(i + 1):
                matrices[b, first + i, first + j] = interval(times, i, j, longest)
    return matrices


def attention(x, mask, intervals, p, adapter, prefix, heads):
    batch, length, d = x.shape
    split = lambda t: t.reshape(*t.shape[:-1], heads, d // heads)
    q, k, v = (split(sasrec.linear(x, p, adapter, prefix + "attention." + kind)) for kind in "qkv")
    k, v = k + split(p["position_keys.weight"]), v + split(p["position_values.weight"])
    time_keys = split(p["interval_keys.weight"][intervals])  # [B, L, L, H, D / H]
    time_values = split(p["interval_values.weight"][intervals])
    scores = torch.einsum("bihd,bjhd->bhij", q, k) + torch.einsum("bihd,bijhd->bhij", q, time_keys)
    scores = scores / (d // heads) ** 0.5
    weights = torch.softmax(scores.masked_fill(~mask[:, None], -1e300), -1)
    mixed = torch.einsum("bhij,bjhd->bihd", weights, v) + torch.einsum("bhij,bijhd->bihd", weights,
                                                                       time_values)
    return sasrec.linear(mixed.reshape(batch, length, d), p, adapter, prefix + "attention.out")


def forward(rows_BLD, real_BL, p, adapter, options, batch):
    length, eps = options["context"], options["layer_norm_epsilon"]
    x = rows_BLD * (options["dim"] ** 0.5 if options["input_scale"] == "sqrt_dim" else 1.0)
    mask = torch.ones(length, length, dtype=torch.bool).tril()[None] & real_BL[:, None, :]
    intervals = interval_matrices(batch, length, options["max_interval"])
    for b in range(options["blocks"]):
        prefix = f"blocks.{b}."
        norm = lambda t, n: sasrec.layer_norm(t, p, prefix + n, eps)
        attend = lambda t: attention(t, mask, intervals, p, adapter, prefix, options["heads"])
        if options["norm"] == "post":
            x = norm(x + attend(x), "norm1")
            x = norm(x + sasrec.ffn(x, p, adapter, prefix, options), "norm2")
        else:
            x = x + attend(norm(x, "norm1"))
            x = x + sasrec.ffn(norm(x, "norm2"), p, adapter, prefix, options)
    return sasrec.layer_norm(x, p, "final_norm", eps)


def make_batch(length, padded, rng):
    """Times with equal neighbours, short and long pauses; float32 holds them exactly."""
    batch = sasrec.make_batch(length, padded, rng)
    pause = lambda: int(rng.choice([0, rng.integers(30, 90), rng.integers(100, 900), 20000]))
    batch["times"] = [np.cumsum([1000] + [pause() for _ in row[1:]]).tolist() for row in batch["rows"]]
    return batch


def main():
    for seed, (variant, length, padded) in enumerate(sasrec.cases()):
        rng = np.random.default_rng(100 + seed)
        options = sasrec.options_of(variant, length) | {"max_interval": 40 if length == 64 else 12}
        values = sasrec.make_parameters(options, rng)
        del values["position.weight"]
        table = lambda rows: (0.3 * rng.standard_normal((rows, options["dim"]))).astype(np.float32)
        for kind in ("keys", "values"):
            values[f"position_{kind}.weight"] = table(length)
            values[f"interval_{kind}.weight"] = table(options["max_interval"] + 1)
        sasrec.write_case(f"tisasrec_{variant}_{length}_{'padded' if padded else 'full'}", rng, options,
                          values, lambda rng: make_batch(length, padded, rng), forward)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
