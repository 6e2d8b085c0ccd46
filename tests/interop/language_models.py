"""Compares `raie probe` with transformers and PEFT on small random checkpoints of every family raie reads."""
import json

import language_model_phases
import tokenizer_kinds as kinds

VOCABULARY = 600
TOLERANCE = 1e-4  # relative, float32
TEXTS = ["The capital of France is", "Toy Story (1995), Babe & \"Se7en\"\n", "москва 映画 👍🏽 1234567", "a"]
SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 256, "vocab_size": 640}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
# family: (configuration, tokenizer, adapter)
FAMILIES = {
    "llama": ({"tie_word_embeddings": True, "rope_parameters": ROPE}, "smollm",
              {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}),
    "mistral": ({"tie_word_embeddings": False, "sliding_window": None, "head_dim": 20, "rope_parameters": ROPE},
                "llama2", {"r": 4, "lora_alpha": 12, "use_rslora": True,
                           "target_modules": ["q_proj", "k_proj", "o_proj", "down_proj"]}),
    "qwen2": ({"tie_word_embeddings": True, "rope_parameters": {**ROPE, "rope_theta": 1e6}}, "qwen2",
              {"r": 2, "lora_alpha": 8, "target_modules": ["gate_proj", "up_proj", "down_proj"],
               "rank_pattern": {"up_proj": 5, "model.layers.1.mlp.down_proj": 3}, "alpha_pattern": {"down_proj": 3}}),
    "qwen3": ({"tie_word_embeddings": False, "head_dim": 16, "rope_parameters": {**ROPE, "rope_theta": 1e6}}, "qwen2",
              {"r": 8, "lora_alpha": 16, "layers_to_transform": [1, 2],
               "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]}),
}
REFUSED = {"use_dora": {"use_dora": True}, "modules_to_save": {"modules_to_save": ["lm_head"]},
           "bias": {"bias": "lora_only"}}


def expected(net, ids, top):
    import torch

    with torch.no_grad():
        found = net(input_ids=torch.tensor([ids]), output_hidden_states=True)
    logits = found.logits[0].double()
    nll = None
    if len(ids) > 1:
        nll = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item()
    values, order = torch.topk(logits[-1], top)
    return found.hidden_states[-1][0, -1].double(), order.tolist(), values, nll


def compare(name, raie, folder, net, library, adapter=None):
    import torch

    worst = 0.0
    for text in TEXTS:
        flags = ("--adapter", adapter) if adapter else ()
        ours = raie.json("probe", "--backbone", folder, "--text", text, "--top", 5, "--precision", "fp32", *flags)
        ids = library.encode(text).ids
        assert ours["ids"] == ids, f"{name}: {text!r}: ids {ours['ids']}, the library {ids}"
        assert ours["pieces"] == [library.id_to_token(i) for i in ids], f"{name}: {text!r}: {ours['pieces']}"
        hidden, order, values, nll = expected(net, ids, 5)
        found = torch.tensor(ours["hidden"], dtype=torch.float64)
        worst = max(worst, ((found - hidden).abs().max() / hidden.abs().max()).item())
        logits = torch.tensor([one["logit"] for one in ours["top"]], dtype=torch.float64)
        worst = max(worst, ((logits - values).abs().max() / values.abs().max()).item())
        assert [one["id"] for one in ours["top"]] == order, f"{name}: {text!r}: other tokens come next"
        if nll is None:
            assert ours["nll"] is None
        else:
            worst = max(worst, abs(ours["nll"] - nll) / nll)
    assert worst <= TOLERANCE, f"{name}: differs by {worst:.1e}, allowed {TOLERANCE:.0e}"
    return worst


def draw_adapter(net, options, folder):
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    adapted = get_peft_model(net, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **options))
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "lora_B" in parameter_name:
                parameter.normal_(std=0.2)
    adapted.save_pretrained(folder)
    return adapted


def check(raie, work):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    work.mkdir()
    for family, (options, kind, lora) in FAMILIES.items():
        folder = work / family
        library = kinds.write_json_kind(kind, folder, VOCABULARY)
        torch.manual_seed(1)
        config = AutoConfig.for_model(family, **SIZES, **options, bos_token_id=None, eos_token_id=None,
                                      pad_token_id=None)
        net = AutoModelForCausalLM.from_config(config).float().eval()
        with torch.no_grad():  # else norms are all ones and biases all zeros
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        net.save_pretrained(folder)
        plain = compare(family, raie, folder, net, library)
        adapter = work / f"{family}-adapter"
        adapted = draw_adapter(net, lora, adapter)
        moved = compare(f"{family} + PEFT", raie, folder, adapted, library, adapter)
        print(f"language-models: {family}: {plain:.1e}, with an adapter of PEFT {moved:.1e}")
    for field, options in REFUSED.items():
        adapter = work / f"refused-{field}"
        fresh = AutoModelForCausalLM.from_pretrained(work / "llama")
        draw_adapter(fresh, {"r": 2, "target_modules": ["q_proj"], **options}, adapter)
        assert field in json.loads((adapter / "adapter_config.json").read_text())
        try:
            raie("probe", "--backbone", work / "llama", "--text", "a", "--adapter", adapter)
        except SystemExit as error:
            assert field in str(error), f"{field}: the message does not name it: {error}"
        else:
            raise AssertionError(f"an adapter with {field} was taken")
    print(f"language-models: refused by name: {', '.join(REFUSED)}")
    language_model_phases.check(raie, work, FAMILIES, SIZES)
