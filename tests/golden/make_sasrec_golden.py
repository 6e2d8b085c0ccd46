#!/usr/bin/env python3
"""Writes the golden tensors of SASRec: loss, hidden states and every gradient, by autograd.

An independent, plain implementation in float64: left-padded [B, L] batches with masks, where raie
has ragged ones. Inputs are float32 numbers; results are rounded to float32 at the end.

    python tests/golden/make_sasrec_golden.py            # writes tests/golden/sasrec_*.safetensors

Needs torch, numpy and safetensors. Whole numbers (lengths, item and target indices) are stored as
float32 too: raie reads that type only.
"""
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

NUM_ITEMS = 50
RANK, ALPHA = 4, 8.0
KINDS = {"q": "attention.q", "k": "attention.k", "v": "attention.v", "out": "attention.out",
         "ffn_in": "ffn_in", "ffn_out": "ffn_out"}


def options_of(variant, length):
    options = dict(dim=16, blocks=2, heads=2, context=length, dropout=0.0)
    if length == 10:
        options.update(dim=32, blocks=1, heads=4)
    if variant == "released":
        options.update(norm="post", activation="gelu", ffn_width=0, input_scale="one",
                       layer_norm_epsilon=1e-6)
    else:
        options.update(norm="pre", activation="relu", ffn_width=options["dim"],
                       input_scale="sqrt_dim", layer_norm_epsilon=1e-8)
    return options


def make_parameters(options, rng):
    d, width = options["dim"], options["ffn_width"] or 4 * options["dim"]
    normal = lambda std, *shape: (std * rng.standard_normal(shape)).astype(np.float32)
    values = {"position.weight": normal(0.3, options["context"], d)}

    def linear(name, inputs, outputs):
        values[name + ".weight"] = normal(inputs**-0.5, outputs, inputs)
        values[name + ".bias"] = normal(0.1, outputs)

    def norm(name):
        values[name + ".weight"] = 1 + normal(0.1, d)
        values[name + ".bias"] = normal(0.1, d)

    for b in range(options["blocks"]):
        p = f"blocks.{b}."
        for kind in ("q", "k", "v", "out"):
            linear(p + "attention." + kind, d, d)
        linear(p + "ffn_in", d, width)
        linear(p + "ffn_out", width, d)
        norm(p + "norm1")
        norm(p + "norm2")
    norm("final_norm")
    return values


def make_adapter(parameters, options, rng):
    adapter = {}
    for b in range(options["blocks"]):
        for part in KINDS.values():
            name = f"blocks.{b}.{part}"
            outputs, inputs = parameters[name + ".weight"].shape
            adapter[name + ".lora_A"] = (inputs**-0.5 * rng.standard_normal((RANK, inputs))).astype(
                np.float32)
            adapter[name + ".lora_B"] = (0.2 * rng.standard_normal((outputs, RANK))).astype(np.float32)
    return adapter


def layer_norm(x, p, name, eps):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * p[name + ".weight"] + p[name + ".bias"]


def linear(x, p, adapter, name):
    y = x @ p[name + ".weight"].T + p[name + ".bias"]
    if adapter:
        y = y + (ALPHA / RANK) * (x @ adapter[name + ".lora_A"].T) @ adapter[name + ".lora_B"].T
    return y


def attention(x, mask, p, adapter, prefix, heads):
    batch, length, d = x.shape
    split = lambda t: t.view(batch, length, heads, d // heads).transpose(1, 2)
    q, k, v = (split(linear(x, p, adapter, prefix + "attention." + kind)) for kind in "qkv")
    scores = q @ k.transpose(-1, -2) / (d // heads) ** 0.5
    weights = torch.softmax(scores.masked_fill(~mask[:, None], -1e300), -1)
    mixed = (weights @ v).transpose(1, 2).reshape(batch, length, d)
    return linear(mixed, p, adapter, prefix + "attention.out")


def ffn(x, p, adapter, prefix, options):
    hidden = linear(x, p, adapter, prefix + "ffn_in")
    hidden = torch.relu(hidden) if options["activation"] == "relu" else torch.nn.functional.gelu(hidden)
    return linear(hidden, p, adapter, prefix + "ffn_out")


def block(x, mask, p, adapter, b, options):
    prefix = f"blocks.{b}."
    norm = lambda t, n: layer_norm(t, p, prefix + n, options["layer_norm_epsilon"])
    attend = lambda t: attention(t, mask, p, adapter, prefix, options["heads"])
    if options["norm"] == "post":
        x = norm(x + attend(x), "norm1")
        return norm(x + ffn(x, p, adapter, prefix, options), "norm2")
    x = x + attend(norm(x, "norm1"))
    return x + ffn(norm(x, "norm2"), p, adapter, prefix, options)


def forward(rows_BLD, real_BL, p, adapter, options, batch):
    """Returns hidden states [B, L, D] of left-padded item rows."""
    length = options["context"]
    scale = options["dim"] ** 0.5 if options["input_scale"] == "sqrt_dim" else 1.0
    x = scale * rows_BLD + p["position.weight"]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    mask = causal[None] & real_BL[:, None, :]
    for b in range(options["blocks"]):
        x = block(x, mask, p, adapter, b, options)
    return layer_norm(x, p, "final_norm", options["layer_norm_epsilon"])


def run_case(options, values, adapter_values, items_ND, batch, use_adapter, all_positions, forward):
    double = lambda table: {k: torch.tensor(v, dtype=torch.float64, requires_grad=True)
                            for k, v in table.items()}
    p = double(values)
    adapter = double(adapter_values) if use_adapter else {}
    table = torch.tensor(items_ND, dtype=torch.float64, requires_grad=True)
    length = options["context"]
    index = torch.zeros(len(batch["rows"]), length, dtype=torch.long)
    real = torch.zeros(len(batch["rows"]), length, dtype=torch.bool)
    wanted = torch.zeros_like(real)
    for i, row in enumerate(batch["rows"]):
        index[i, length - len(row):] = torch.tensor(row)
        real[i, length - len(row):] = True
        wanted[i, length - len(row) if all_positions else length - 1:] = True
    rows = table[index]
    rows.retain_grad()
    hidden = forward(rows, real, p, adapter, options, batch)[wanted]
    hidden.retain_grad()
    targets = torch.tensor(batch["all_targets" if all_positions else "last_targets"])
    loss = torch.nn.functional.cross_entropy(hidden @ table.T, targets)
    loss.backward()
    out = {"loss": loss.detach().reshape(1), "hidden": hidden.detach(), "hidden_grad": hidden.grad,
           "input_grad": rows.grad[real], "items_grad": table.grad}
    trained = adapter if use_adapter else p
    out.update({"grad." + name: tensor.grad for name, tensor in trained.items()})
    return {k: v.numpy().astype(np.float32) for k, v in out.items()}


def make_batch(length, padded, rng):
    lengths = [length, max(1, length // 2), 1] if padded else [length, length]
    rows = [rng.integers(0, NUM_ITEMS, n).tolist() for n in lengths]
    return {"rows": rows, "all_targets": rng.integers(0, NUM_ITEMS, sum(lengths)),
            "last_targets": rng.integers(0, NUM_ITEMS, len(lengths))}


def write_case(name, rng, options, values, batch_of, forward):
    """Runs full and LoRA, last position and all, and writes tests/golden/NAME.safetensors."""
    adapter = make_adapter(values, options, rng)
    width = options["dim"] + options.get("item_bias", False)
    items = (0.3 * rng.standard_normal((NUM_ITEMS, width))).astype(np.float32)
    batch = batch_of(rng)
    flat = lambda list_: np.array(list_, dtype=np.float32)
    tensors = {"items": items, "lengths": flat([len(r) for r in batch["rows"]]),
               "sequence": flat(sum(batch["rows"], [])),
               "all.targets": flat(batch["all_targets"]),
               "last.targets": flat(batch["last_targets"])}
    if "times" in batch:
        tensors["times"] = flat(sum(batch["times"], []))
    tensors.update({"parameter." + k: v for k, v in values.items()})
    tensors.update({"adapter." + k: v for k, v in adapter.items()})
    for use_adapter in (False, True):
        for all_positions in (False, True):
            case = ("lora" if use_adapter else "full") + ("_all." if all_positions else "_last.")
            result = run_case(options, values, adapter, items, batch, use_adapter, all_positions,
                              forward)
            tensors.update({case + k: v for k, v in result.items()})
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()},
              pathlib.Path(__file__).parent / f"{name}.safetensors",
              metadata={"options": json.dumps(options), "rank": str(RANK), "alpha": str(ALPHA)})
    print(name)


def cases():
    """Yields variant, length and whether rows are padded, in the order that numbers the seeds."""
    return [(v, n, p) for v in ("released", "original") for n in (7, 10, 50, 64)
            for p in (False, True)]


def main():
    for seed, (variant, length, padded) in enumerate(cases()):
        rng = np.random.default_rng(seed)
        options = options_of(variant, length)
        values = make_parameters(options, rng)
        write_case(f"sasrec_{variant}_{length}_{'padded' if padded else 'full'}", rng, options, values,
                   lambda rng: make_batch(length, padded, rng), forward)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
