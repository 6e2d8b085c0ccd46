#!/usr/bin/env python3
"""Writes golden tensors of SASRec and BERT4Rec as other libraries compute them (docs/decisions/008).

Plain and left-padded, as make_sasrec_golden.py, where padding takes part if `padding` is "attended":
its keys and values are those of a zero row. With `item_bias` an item row ends in its bias.

    python tests/golden/make_library_golden.py     # writes tests/golden/{sasrec,bert4rec}_library_*
"""
import numpy as np
import torch

import make_bert4rec_golden as bert4rec
import make_sasrec_golden as sasrec

DEFAULTS = dict(dim=16, blocks=2, heads=2, context=10, dropout=0.0, norm="post", activation="gelu",
                ffn_width=24, input_scale="one", layer_norm_epsilon=1e-3, final_norm=True,
                position_order="from_end", padding="unseen", embedding_norm=False,
                output_layer="none", item_bias=False)
VARIANTS = {
    "left_post": dict(position_order="from_start", embedding_norm=True, final_norm=False),
    "query": dict(norm="query", activation="relu", ffn_width=16, padding="attended",
                  final_norm_epsilon=1e-2),
    "plain_pre": dict(norm="pre", final_norm=False),
    "dense_bias": dict(position_order="from_start", embedding_norm=True, final_norm=False,
                       output_layer="dense", item_bias=True),
}


def make_parameters(options, rng, rows):
    values = sasrec.make_parameters(options, rng)
    d = options["dim"]
    normal = lambda std, *shape: (std * rng.standard_normal(shape)).astype(np.float32)
    values["position.weight"] = normal(0.3, rows, d)
    norms = ["embedding_norm"] * options["embedding_norm"]
    if options["output_layer"] == "dense":
        norms.append("output_norm")
        values["output.weight"] = normal(d**-0.5, d, d)
        values["output.bias"] = normal(0.1, d)
    for name in norms:
        values[name + ".weight"] = 1 + normal(0.1, d)
        values[name + ".bias"] = normal(0.1, d)
    if not options["final_norm"]:
        del values["final_norm.weight"], values["final_norm.bias"]
    return values


def attention(x, y, mask, p, adapter, prefix, options):
    """Queries of x, keys and values of y."""
    batch, length, d = x.shape
    heads = options["heads"]
    split = lambda t: t.view(batch, length, heads, d // heads).transpose(1, 2)
    q, k, v = (split(sasrec.linear(t, p, adapter, prefix + "attention." + kind))
               for kind, t in (("q", x), ("k", y), ("v", y)))
    scores = (q @ k.transpose(-1, -2) / (d // heads) ** 0.5).masked_fill(~mask[:, None], -1e300)
    mixed = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, length, d)
    return sasrec.linear(mixed, p, adapter, prefix + "attention.out")


def body(rows, real, causal, p, adapter, options):
    """Hidden states [B, R, D] of left-padded token rows, R that of the position table."""
    d, length = options["dim"], rows.shape[1]
    norm = lambda t, n, e=options["layer_norm_epsilon"]: sasrec.layer_norm(t, p, n, e)
    places = torch.arange(length).expand(len(rows), -1)
    if options["position_order"] == "from_start":
        places = (places - (~real).sum(1, keepdim=True)).clamp(min=0)
    x = rows[..., :d] + p["position.weight"][places]
    if options["embedding_norm"]:
        x = norm(x, "embedding_norm")
    attended = options["padding"] == "attended"
    mask = torch.ones(length, length, dtype=torch.bool)
    mask = (mask.tril() if causal else mask)[None] & (real | attended)[:, None, :]
    for b in range(options["blocks"]):
        prefix = f"blocks.{b}."
        attend = lambda t, u: attention(t, u * real[:, :, None] if attended else u, mask, p, adapter,
                                        prefix, options)
        ffn = lambda t: sasrec.ffn(t, p, adapter, prefix, options)
        if options["norm"] == "post":
            x = norm(x + attend(x, x), prefix + "norm1")
            x = norm(x + ffn(x), prefix + "norm2")
        elif options["norm"] == "pre":
            n = norm(x, prefix + "norm1")
            x = x + attend(n, n)
            x = x + ffn(norm(x, prefix + "norm2"))
        else:
            q = norm(x, prefix + "norm1")
            n = norm(q + attend(q, x), prefix + "norm2")
            x = n + ffn(n)
    if options["final_norm"]:
        x = norm(x, "final_norm", options.get("final_norm_epsilon", options["layer_norm_epsilon"]))
    if options["output_layer"] == "dense":
        x = norm(torch.nn.functional.gelu(sasrec.linear(x, p, {}, "output")), "output_norm")
    if options["item_bias"]:
        x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
    return x


def sasrec_forward(rows_BLD, real_BL, p, adapter, options, batch):
    return body(rows_BLD, real_BL, True, p, adapter, options)


def bert4rec_forward(rows_BLD, real_BL, p, adapter, options, batch):
    d = options["dim"]
    return bert4rec.with_masks(rows_BLD[..., :d], real_BL, p["mask_token"], batch,
                               lambda x, real: body(x, real, False, p, adapter, options))


def main():
    for seed, (variant, changes) in enumerate(VARIANTS.items()):
        options = {**DEFAULTS, **changes}
        length = options["context"]
        rng = np.random.default_rng(400 + seed)
        values = make_parameters(options, rng, length)
        sasrec.write_case(f"sasrec_library_{variant}", rng, options, values,
                          lambda rng: sasrec.make_batch(length, True, rng), sasrec_forward)
        rng = np.random.default_rng(500 + seed)
        values = make_parameters(options, rng, length + 1)
        values["mask_token"] = (0.3 * rng.standard_normal((1, options["dim"]))).astype(np.float32)
        sasrec.write_case(f"bert4rec_library_{variant}", rng, options, values,
                          lambda rng: bert4rec.make_batch(length, True, rng), bert4rec_forward)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
