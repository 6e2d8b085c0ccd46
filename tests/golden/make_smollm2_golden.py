#!/usr/bin/env python3
"""Writes what transformers says of SmolLM2-135M-Instruct, for src/backbones/causal_lm/smollm2_test.cc.

    python tests/golden/make_smollm2_golden.py CHECKPOINT     # writes tests/golden/smollm2.safetensors

For two texts, as token ids: the final-norm state of the last token in float64, the five likeliest next
tokens with their logits, and the error of PyTorch's own bf16 run. Needs torch, transformers, safetensors.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

from make_causal_lm_golden import exact_norm, relative

TEXTS = {
    "capital": [504, 3575, 282, 4649, 314],  # The capital of France is
    # Here is the purchase history of user_42: item Toy Story (1995), Heat (1995), Casino (1995). I wonder
    # what is the next recommended item for the user. Answer:
    "prompt": [4590, 314, 260, 7131, 1463, 282, 2914, 79, 36, 34, 42, 5033, 25399, 10124, 365, 33, 41, 41,
               37, 643, 16708, 365, 33, 41, 41, 37, 643, 17709, 3335, 365, 33, 41, 41, 37, 595, 339, 4558,
               732, 314, 260, 1867, 4947, 5033, 327, 260, 2914, 30, 19842, 42],
}

if __name__ == "__main__":
    exact = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float64)
    for module in exact.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = exact_norm.__get__(module)
    bf16 = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
    tensors, errors = {}, {}
    for name, ids in TEXTS.items():
        with torch.no_grad():
            state = exact.model(torch.tensor([ids])).last_hidden_state[0, -1]
            top = (exact.lm_head.weight @ state).topk(5)
            errors[name] = relative(bf16.model(torch.tensor([ids])).last_hidden_state[0, -1], state)
        tensors |= {f"{name}.ids": ids, f"{name}.state": state.numpy(), f"{name}.top": top.indices.numpy(),
                    f"{name}.logits": top.values.numpy()}
    save_file({k: np.ascontiguousarray(v, dtype=np.float32) for k, v in tensors.items()},
              pathlib.Path(__file__).parent / "smollm2.safetensors", metadata={"bf16": json.dumps(errors)})
    print(errors)
