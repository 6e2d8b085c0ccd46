"""Compares what raie answers with transformers and PEFT on the folder that `raie export` wrote."""
import json
import pathlib
import random

TOLERANCE = 1e-4  # relative, float32
QUESTIONS = 40
PIECES = ("user_", ": ", ". Next:")  # of the prompt of language_model_phases.py


def answers(raie, shop, model, version, questions):
    """Region and the score of every item for each question (user, history)."""
    asked = shop.work / "questions"
    asked.write_text("".join("\t".join([user, *history]) + "\n" for user, history in questions))
    lines = raie("recommend", "--model", model, "--version", version, "--input", asked, "--users-first",
                 "--include-seen", "--count", 100000, "--json")
    return [json.loads(line) for line in lines.splitlines()]


def item_token(tokenizer, item):
    ids = tokenizer(f"<item_{item}>", add_special_tokens=False)["input_ids"]
    assert len(ids) == 1, f"item {item} is {len(ids)} tokens: {ids}"
    return ids[0]


def compare(raie, shop, model, version, encode):
    """`encode`: what the library of the tokenizer makes of a text, without what begins one."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = pathlib.Path(f"{model}-exported-{version}")
    report = raie.json("export", "--model", model, "--version", version, "--output", folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    nets = {None: AutoModelForCausalLM.from_pretrained(folder).eval()}
    assert nets[None].dtype == torch.float32
    assert nets[None].config.vocab_size == report["vocabulary"]
    for region, adapter in report["adapters"].items():
        base = AutoModelForCausalLM.from_pretrained(folder)
        nets[region] = PeftModel.from_pretrained(base, folder / "adapters" / adapter).eval()
    about = json.loads((folder / "raie.json").read_text())
    first, context = about["first_token"], about["backbone"]["context"]

    whole = raie.json("probe", "--backbone", model / "base", "--text", "a")["ids"]
    begin = whole[:len(whole) - len(encode("a"))]
    draw = random.Random(7)
    known = [item for item in shop.items if not item.startswith("old-")]
    users = sorted({event["user"] for event in shop.events})
    questions = [(draw.choice(users), draw.choices(known, k=draw.randint(1, 2 * context)))
                 for _ in range(QUESTIONS)]
    worst, seen = 0.0, set()
    for (user, history), ours in zip(questions, answers(raie, shop, model, version, questions), strict=True):
        names = {item["item"] for item in ours["items"]}
        history = [item for item in history if item in names][-context:]
        ids = [*begin, *encode(PIECES[0]), *encode(user), *encode(PIECES[1]),
               *(item_token(tokenizer, item) for item in history), *encode(PIECES[2])]
        region = f"region-{ours['region']}"
        net = nets.get(region, nets[None])
        seen.add(region if region in nets else None)
        with torch.no_grad():
            logits = net(input_ids=torch.tensor([ids])).logits[0, -1]
        items = logits[first:first + about["items"]]
        for item in ours["items"]:
            token = item_token(tokenizer, item["item"])
            assert first <= token < first + about["items"], f"item {item['item']} is token {token}"
            worst = max(worst, abs(logits[token].item() - item["score"]) / items.abs().max().item())
    assert len(names) == about["items"]
    assert worst <= TOLERANCE, f"{folder.name}: differs by {worst:.1e}, allowed {TOLERANCE:.0e}"
    missing = set(report["adapters"]) - seen
    assert not missing, f"no question was answered by {missing}"
    return worst, len(report["adapters"])


def check(raie, shop, model, encode):
    plain, none = compare(raie, shop, model, 0, encode)
    assert none == 0
    adapted, adapters = compare(raie, shop, model, 1, encode)
    assert adapters > 0
    print(f"language-models: {model.name} exported: {plain:.1e}, with {adapters} adapters {adapted:.1e}")
