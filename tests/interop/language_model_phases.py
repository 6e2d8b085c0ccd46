"""Compares what a fitted and edited language model of raie recommends with transformers and PEFT on its files."""
import json
import struct

import language_model_export
import shop as shops
import tokenizer_kinds as kinds

CONTEXT = 8
TOLERANCE = 1e-4  # relative, float32
PROMPT = ("user_", ": ", ". Next:")
SETTINGS = {"backbone.name": "causal_lm", "backbone.causal_lm.precision": "fp32",
            "backbone.causal_lm.prompt": "user_{user_id}: {history}. Next:", "backbone.causal_lm.max_tokens": 64,
            "fit.max_epochs": 2, "fit.adam.learning_rate": 5e-3, "regions.k": 3, "edit.gate": "off",
            "edit.learning_rate": 5e-3, "edit.item_rows": "shared"}


def write_checkpoint(folder, family, options, sizes):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(1)
    config = AutoConfig.for_model(family, **sizes, **options, bos_token_id=None, eos_token_id=None,
                                  pad_token_id=None)
    AutoModelForCausalLM.from_config(config).float().save_pretrained(folder)


def fit_and_edit(raie, shop, checkpoint, model):
    """Makes versions 0 and 1 of a model."""
    flags = ["--set", f"backbone.causal_lm.checkpoint={checkpoint}"]
    for key, value in SETTINGS.items():
        flags += ["--set", f"{key}={value}"]
    raie("fit", "--data", shop.data, "--model", model, *flags)
    raie("edit", "--model", model, "--data", shop.data, *flags)


def read_names(path):
    data = path.read_bytes()
    (count,) = struct.unpack_from("<Q", data, 13)
    ends = [0, *struct.unpack_from(f"<{count}Q", data, 21)]
    text = data[21 + 8 * count:]
    return [text[begin:end].decode() for begin, end in zip(ends, ends[1:])]


def last_state(net, embedding, library, rows):
    """The state at the end of the prompt whose history has these item rows."""
    import torch

    text = [embedding[library.encode(piece).ids] for piece in (PROMPT[0], "unknown", PROMPT[1], PROMPT[2])]
    prompt = torch.cat([*text[:3], rows, text[3]])
    with torch.no_grad():
        return net(inputs_embeds=prompt[None], output_hidden_states=True).hidden_states[-1][0, -1]


def check(raie, work, families, sizes):
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    folder = work / "phases"
    folder.mkdir()
    shop = shops.Shop(raie, folder, CONTEXT)
    library = kinds.write_json_kind("smollm", folder / "checkpoint", 600)
    write_checkpoint(folder / "checkpoint", "llama", families["llama"][0], sizes)
    model = folder / "model"
    fit_and_edit(raie, shop, folder / "checkpoint", model)
    version = model / "versions" / "0001"
    names = read_names(version / "items.ids")
    items = load_file(version / "items.safetensors")["items"]
    routing = load_file(version / "routing.safetensors")["items"]
    regions = json.loads((version / "regions.json").read_text())["regions"]
    centres = load_file(version / "regions.safetensors")["centres"]
    readers = json.loads((version / "adapters.json").read_text())
    worst, adapted = 0.0, 0
    for history in shop.histories:
        history = [item for item in history if item in names]
        ours = raie.json("recommend", "--model", model, "--history", *history, "--count", 5)
        net = AutoModelForCausalLM.from_pretrained(model / "base").float().eval()
        embedding = net.get_input_embeddings().weight
        read = [names.index(item) for item in history][-CONTEXT:]
        z = last_state(net, embedding, library, routing[read])
        nearest = regions[int((centres @ z).argmax())]["id"]
        assert ours["region"] == nearest, f"{history}: region {ours['region']}, expected {nearest}"
        adapter = readers.get(f"region-{nearest}")
        if adapter is not None:
            adapted += 1
            net = PeftModel.from_pretrained(net, version / "adapters" / adapter).eval()
        scores = items @ last_state(net, embedding, library, items[read])
        for answer in ours["items"]:
            expected = scores[names.index(answer["item"])].item()
            worst = max(worst, abs(answer["score"] - expected) / scores.abs().max().item())
    assert adapted > 0, "no history was answered with an adapter"
    assert worst <= TOLERANCE, f"scores differ by {worst:.1e}, allowed {TOLERANCE:.0e}"
    print(f"language-models: fitted, edited, served: {worst:.1e} over {len(shop.histories)} histories")
    language_model_export.check(raie, shop, model, lambda text: library.encode(text).ids)
    for family in ("qwen3", "mistral"):  # untied; the second one with a tokenizer.model
        checkpoint = folder / family
        if family == "mistral":
            encode = kinds.write_sentencepiece_kind("sentencepiece-bpe", checkpoint, 600, "identity").encode
        else:
            qwen = kinds.write_json_kind("qwen2", checkpoint, 600)

            def encode(text, library=qwen):
                return library.encode(text).ids
        write_checkpoint(checkpoint, family, families[family][0], sizes)
        model = folder / f"{family}-model"
        fit_and_edit(raie, shop, checkpoint, model)
        language_model_export.check(raie, shop, model, encode)
