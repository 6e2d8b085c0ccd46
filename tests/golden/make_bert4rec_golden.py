#!/usr/bin/env python3
"""Writes the golden tensors of BERT4Rec: loss, hidden states and every gradient, by autograd.

Row 0 of a batch has [MASK]s of its own (item -2), the others get one appended: the output at the
position of their last item is that of the appended [MASK]. Everything else is that of
make_sasrec_golden.py.

    python tests/golden/make_bert4rec_golden.py          # writes tests/golden/bert4rec_*.safetensors
"""
import numpy as np
import torch

import make_sasrec_golden as sasrec

MASK = -2


def with_masks(rows_BLD, real_BL, mask_token, batch, run):
    """Puts [MASK]s into the rows, right-aligned in L + 1 columns; run(x, real) gives hidden states."""
    size, _, d = rows_BLD.shape
    mask_row = mask_token.expand(size, 1, d)
    none = torch.zeros(size, 1, dtype=torch.bool)
    own = torch.tensor([MASK in row for row in batch["rows"]])
    masked = torch.zeros_like(real_BL)
    for b, row in enumerate(batch["rows"]):
        masked[b, masked.shape[1] - len(row):] = torch.tensor([item == MASK for item in row])
    filled = torch.where(masked[:, :, None], mask_row, rows_BLD)
    x = torch.where(own[:, None, None], torch.cat([mask_row, filled], 1),
                    torch.cat([rows_BLD, mask_row], 1))
    real = torch.where(own[:, None], torch.cat([none, real_BL], 1), torch.cat([real_BL, ~none], 1))
    h = run(x, real)
    appended = torch.cat([h[:, :-2], h[:, -1:]], 1)
    return torch.where(own[:, None, None], h[:, 1:], appended)


def forward(rows_BLD, real_BL, p, adapter, options, batch):
    def run(x, real):
        scale = options["dim"]**0.5 if options["input_scale"] == "sqrt_dim" else 1.0
        x = x * scale + p["position.weight"]
        mask = real[:, None, :].expand(-1, real.shape[1], -1)
        for b in range(options["blocks"]):
            x = sasrec.block(x, mask, p, adapter, b, options)
        return sasrec.layer_norm(x, p, "final_norm", options["layer_norm_epsilon"])

    return with_masks(rows_BLD, real_BL, p["mask_token"], batch, run)


def make_batch(length, padded, rng):
    batch = sasrec.make_batch(length, padded, rng)
    for position in (length // 2, length - 1, 1):
        batch["rows"][0][position] = MASK
    return batch


def main():
    for seed, (variant, length, padded) in enumerate(sasrec.cases()):
        rng = np.random.default_rng(200 + seed)
        options = sasrec.options_of(variant, length)
        values = sasrec.make_parameters(options, rng)
        normal = lambda *shape: (0.3 * rng.standard_normal(shape)).astype(np.float32)
        values["position.weight"] = normal(length + 1, options["dim"])
        values["mask_token"] = normal(1, options["dim"])
        sasrec.write_case(f"bert4rec_{variant}_{length}_{'padded' if padded else 'full'}", rng, options,
                          values, lambda rng: make_batch(length, padded, rng), forward)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
