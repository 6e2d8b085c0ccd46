#!/usr/bin/env python3
"""Writes tiny checkpoints of the Llama family and what transformers and PEFT say of them.

Each case is a folder tests/golden/causal_lm/NAME: a Hugging Face checkpoint as transformers writes it
(config.json in the dialect of transformers 5 or 4, safetensors in one file or shards) and
golden.safetensors: item rows, an adapter, prompts, and in float64 the hidden states with and without the
adapter, the loss over items and every gradient. The errors of PyTorch's own bf16 run are in its metadata.

    python tests/golden/make_causal_lm_golden.py

Needs torch 2.13, transformers 5.24, peft 0.21, numpy and safetensors. Whole numbers are stored as float32:
raie reads that type only.
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

NUM_ITEMS, VOCABULARY = 20, 40
MAPS = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "gate": "gate_proj", "up": "up_proj",
        "down": "down_proj"}
PROMPT = {"before": [1, 7, 9], "between": [11, 3], "after": [12, 30, 31, 2], "separator": [5],
          "users": [[20], [21, 22], [23, 20, 24]]}
SIZES = dict(vocab_size=VOCABULARY, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
             rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2)
ALL = list(MAPS)


def rope(kind="default", theta=10000.0, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **more}}


CASES = {
    "llama": dict(type="llama", config={**rope(theta=1e5), "tie_word_embeddings": True}, dtype="bfloat16",
                  shards="20KB"),
    "llama_bias": dict(type="llama", dtype="float32", dialect=4, lora=dict(rs=True),
                       config={**rope("linear", factor=2.0), "attention_bias": True, "mlp_bias": True,
                               "head_dim": 10, "tie_word_embeddings": False}),
    "llama3_rope": dict(type="llama", dtype="float16", lora=dict(maps=["q", "v"]),
                        config={**rope("llama3", theta=500.0, factor=8.0, low_freq_factor=1.0,
                                       high_freq_factor=4.0, original_max_position_embeddings=32),
                                "num_key_value_heads": 4, "tie_word_embeddings": True}),
    "mistral": dict(type="mistral", dtype="bfloat16", dialect=4, lora=dict(maps=["down"]),
                    config={**rope(), "sliding_window": 32, "head_dim": 8, "num_key_value_heads": 1,
                            "tie_word_embeddings": False}),
    "qwen2": dict(type="qwen2", dtype="bfloat16", titles=True,
                  config={**rope(theta=1e6), "tie_word_embeddings": True}),
    "qwen3": dict(type="qwen3", dtype="bfloat16", lora=dict(last=1),
                  config={**rope(theta=1e6), "head_dim": 8, "attention_bias": True,
                          "tie_word_embeddings": False}),
}


def exact_norm(module, x):
    """RMSNorm in the type of its input; transformers' goes through float32."""
    return module.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)


def make_model(case, rng):
    """Returns a model in float64 whose weights are bf16 numbers."""
    sizes = {**SIZES, **case["config"]}
    config = AutoConfig.for_model(case["type"], **sizes)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float64, attn_implementation="sdpa")
    for name, value in model.state_dict().items():
        values = rng.standard_normal(tuple(value.shape))
        if name.endswith("norm.weight"):
            values = 1 + 0.2 * values
        elif name.endswith(".bias"):
            values = 0.2 * values
        elif "embed" not in name:
            values = values * value.shape[-1] ** -0.5
        value.copy_(torch.tensor(values).to(torch.bfloat16).to(torch.float64))
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.double_forward = exact_norm.__get__(module)
    return model


def set_exact(model, exact):
    for module in model.modules():
        if hasattr(module, "double_forward"):
            if exact:
                module.forward = module.double_forward
            else:
                module.__dict__.pop("forward", None)


def save_checkpoint(model, case, folder):
    copy = AutoModelForCausalLM.from_config(model.config, dtype=getattr(torch, case["dtype"]))
    copy.load_state_dict(model.state_dict())
    copy.save_pretrained(folder, max_shard_size=case.get("shards", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if case.get("dialect", 5) == 5:
        return
    path = folder / "config.json"
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **parameters}
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.40.0"
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_prompts(rows, titles):
    """Returns for each row a list of ("text", id) and ("item", item) tokens."""
    prompts = []
    for row, items in enumerate(rows):
        history = []
        for number, item in enumerate(items):
            if titles is None:
                history.append(("item", item))
                continue
            text = (PROMPT["separator"] if number > 0 else []) + titles[item]
            history += [("text", token) for token in text]
        text = lambda ids: [("text", token) for token in ids]
        prompts.append(text(PROMPT["before"]) + text(PROMPT["users"][row]) + text(PROMPT["between"]) +
                       history + text(PROMPT["after"]))
    return prompts


def run(model, embedding, table, prompts, targets, dtype):
    """Returns the hidden states at the ends of the prompts and their mean cross-entropy over items."""
    longest = max(len(prompt) for prompt in prompts)
    x = torch.zeros(len(prompts), longest, table.shape[1], dtype=dtype)
    mask = torch.zeros(len(prompts), longest, dtype=torch.long)
    for p, prompt in enumerate(prompts):
        for t, (kind, token) in enumerate(prompt):
            row = embedding[token] if kind == "text" else table[token]
            x[p, t] = row.to(dtype)
            mask[p, t] = 1
    states = model(inputs_embeds=x, attention_mask=mask, use_cache=False).last_hidden_state
    ends = torch.tensor([len(prompt) - 1 for prompt in prompts])
    hidden = states[torch.arange(len(prompts)), ends]
    if hidden.requires_grad:
        hidden.retain_grad()
    loss = torch.nn.functional.cross_entropy((hidden @ table.T.to(dtype)).to(torch.float64), targets)
    return hidden, loss


def relative(a, b):
    return ((a.double() - b.double()).abs().max() / b.double().abs().max()).item()


def write_case(name, case):
    rng = np.random.default_rng(sum(map(ord, name)))
    folder = pathlib.Path(__file__).parent / "causal_lm" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = make_model(case, rng)
    save_checkpoint(model, case, folder)
    dim = model.config.hidden_size
    rows = [rng.integers(0, NUM_ITEMS, n).tolist() for n in (6, 1, 3)]
    titles = None
    if case.get("titles"):
        titles = [rng.integers(0, VOCABULARY, rng.integers(1, 4)).tolist() for _ in range(NUM_ITEMS)]
    prompts = make_prompts(rows, titles)
    targets = torch.tensor(rng.integers(0, NUM_ITEMS, len(rows)))
    items = rng.standard_normal((NUM_ITEMS, dim)).astype(np.float32)
    # Rows are bf16 numbers, too, so that the run in bf16 begins with the same ones.
    items = torch.tensor(items).to(torch.bfloat16).float().numpy()
    tensors = {"items": items, "lengths": [len(row) for row in rows], "sequence": sum(rows, []),
               "targets": targets.numpy()}

    lora = {"rank": 2, "alpha": 4.0, "maps": ALL, "rs": False, "last": 0, **case.get("lora", {})}
    layers = range(model.config.num_hidden_layers)[-lora["last"]:] if lora["last"] else None
    config = LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=0.0, use_rslora=lora["rs"],
                        target_modules=[MAPS[m] for m in lora["maps"]],
                        layers_to_transform=list(layers) if layers else None,
                        layers_pattern="layers" if layers else None)

    set_exact(model, True)
    table = torch.tensor(items, dtype=torch.float64, requires_grad=True)
    embedding = model.model.embed_tokens.weight.detach().clone()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    hidden, loss = run(model.model, embedding, table, prompts, targets, torch.float64)
    tensors["frozen.hidden"] = hidden.detach().numpy()

    peft = get_peft_model(model, config)
    adapter = {n: p for n, p in peft.named_parameters() if "lora_" in n}
    with torch.no_grad():
        for key, value in adapter.items():
            scale = value.shape[1] ** -0.5 if "lora_A" in key else 0.3
            value.copy_(torch.tensor((scale * rng.standard_normal(tuple(value.shape))).astype(np.float32)))
    table.grad = None
    hidden, loss = run(peft.base_model.model.model, embedding, table, prompts, targets, torch.float64)
    loss.backward()
    tensors["hidden"] = hidden.detach().numpy()
    tensors["hidden_grad"] = hidden.grad.numpy()
    tensors["loss"] = loss.detach().reshape(1).numpy()
    tensors["items_grad"] = table.grad.numpy()
    short = lambda key: key.replace("base_model.model.", "").replace(".default.weight", "")
    exact = {"hidden": hidden.detach(), "items_grad": table.grad.clone()}
    for key, value in adapter.items():
        tensors["adapter." + short(key)] = value.detach().numpy()
        tensors["grad." + short(key)] = value.grad.numpy()
        exact[key] = value.grad.clone()

    # PyTorch's own bf16: weights and activations in bf16, the adapter in float32 as PEFT keeps it.
    set_exact(model, False)
    peft.to(torch.bfloat16)
    for value in adapter.values():
        value.grad = None
        value.data = value.data.float()
    rows16 = table.detach().to(torch.bfloat16).requires_grad_(True)
    hidden, loss = run(peft.base_model.model.model, embedding.to(torch.bfloat16), rows16, prompts, targets,
                       torch.bfloat16)
    loss.backward()
    errors = {"hidden": relative(hidden.detach(), exact["hidden"]),
              "gradient": max(relative(v.grad, exact[k]) for k, v in adapter.items())}

    prompt = dict(PROMPT, titles=titles, max_tokens=48 if case["type"] != "mistral" else 31)
    tensors = {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in tensors.items()}
    save_file(tensors, folder / "golden.safetensors",
              metadata={"prompt": json.dumps(prompt), "lora": json.dumps(lora), "bf16": json.dumps(errors)})
    print(name, {k: f"{v:.2e}" for k, v in errors.items()})


if __name__ == "__main__":
    torch.manual_seed(0)
    for case_name, options in CASES.items():
        write_case(case_name, options)
