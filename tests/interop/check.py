#!/usr/bin/env python3
"""Compares raie with other libraries, scores of models and tokens of texts; run by scripts/interop."""
import argparse
import importlib
import pathlib
import sys
import traceback

import shop as shops

TOLERANCE = 1e-4
CONTEXT = 8
# What is checked: module and function that make the checkpoint, and its map.
CHECKPOINTS = {
    "recbole-sasrec": ("recbole_models", "sasrec", "recbole-sasrec"),
    "recbole-bert4rec": ("recbole_models", "bert4rec", "recbole-bert4rec"),
    "rectools-sasrec": ("rectools_models", "sasrec", "rectools-sasrec"),
    "rectools-sasrec-masked": ("rectools_models", "sasrec_masked_scaled", "rectools-sasrec"),
    "rectools-bert4rec": ("rectools_models", "bert4rec", "rectools-bert4rec"),
}


def check_checkpoint(name, raie, maps, work):
    from safetensors.torch import save_file

    module, function, map_name = CHECKPOINTS[name]
    folder = work / name
    folder.mkdir()
    shop = shops.Shop(raie, folder, CONTEXT)
    model, settings, comparisons = getattr(importlib.import_module(module), function)(shop)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()},
              folder / "model.safetensors")
    shop.write_items(folder)
    flags = [part for setting in settings for part in ("--set", setting)]
    directory = shop.import_model(folder, maps / f"{map_name}.toml", name, *flags)
    worst = 0
    for what, histories, expected in comparisons:
        found = shop.scores(directory, histories)
        compared = 0
        for scores, row in zip(found, expected.tolist(), strict=True):
            for item, score in zip(shop.items, row, strict=True):
                if item not in scores:  # the data does not know it
                    continue
                worst = max(worst, abs(scores[item] - score))
                compared += 1
        spread = expected.std().item()
        print(f"{name}: {what}: {compared} scores, spread {spread:.2f}, "
              f"largest difference so far {worst:.1e}")
        assert compared > 40 * len(histories), "too few items in common"
        assert spread > 0.5, "the scores say nothing"
    assert worst <= TOLERANCE, f"differs by {worst:.1e}, allowed {TOLERANCE:.0e}"
    return directory, shop


def check_peft(raie, maps, work):
    """An adapter of raie is one of PEFT's: the same names, and W + (alpha / r) B A."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file

    folder = work / "peft"
    folder.mkdir()
    shop = shops.Shop(raie, folder, CONTEXT)
    model = folder / "model"
    raie("fit", "--data", shop.data, "--model", model, "--set", "backbone.sasrec.dim=16",
         "--set", "fit.max_epochs=2", "--set", "regions.k=3")
    raie("edit", "--model", model, "--data", shop.data, "--editor", "paper",
         "--set", "edit.epochs=1", "--set", "edit.budget=own")
    frozen = load_file(model / "base" / "backbone.safetensors")
    adapters = sorted((model / "versions" / "0001" / "adapters").iterdir())
    assert adapters, "no adapter was trained"
    for adapter in adapters:
        net = torch.nn.Module()
        maps_of_net = [name.removesuffix(".weight") for name, value in frozen.items()
                       if value.dim() == 2 and name != "position.weight"]
        for name in maps_of_net:
            *path, last = name.split(".")
            parent = net
            for part in path:
                if part not in dict(parent.named_children()):
                    parent.add_module(part, torch.nn.Module())
                parent = getattr(parent, part)
            outputs, inputs = frozen[name + ".weight"].shape
            parent.add_module(last, torch.nn.Linear(inputs, outputs))
        with torch.no_grad():
            for name in maps_of_net:
                net.get_submodule(name).weight.copy_(frozen[name + ".weight"])
        merged = PeftModel.from_pretrained(net, str(adapter)).merge_and_unload()
        saved = load_file(adapter / "adapter_model.safetensors")
        moved = 0
        for name in maps_of_net:
            a = saved[f"base_model.model.{name}.lora_A.weight"]
            b = saved[f"base_model.model.{name}.lora_B.weight"]
            expected = frozen[name + ".weight"] + 2 * b @ a  # alpha 16, r 8
            found = merged.get_submodule(name).weight
            assert torch.allclose(found, expected, atol=1e-6), f"{adapter.name}: {name}"
            moved += (found - frozen[name + ".weight"]).abs().max().item()
        assert moved > 0, f"{adapter.name} changes nothing"
        assert len(saved) == 2 * len(maps_of_net), f"{adapter.name} holds other tensors"
    print(f"peft: {len(adapters)} adapters load, all of their maps")


def check_tokenizers(text_encode, work):
    import tokenizers_check

    tokenizers_check.check(text_encode, work / "tokenizers", tokenizers_check.shared_folder())


def check_language_models(raie, work):
    import language_models

    language_models.check(raie, work / "language-models")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raie", required=True)
    parser.add_argument("--text-encode", required=True, help="the program raie_text_encode")
    parser.add_argument("--maps", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    known = [*CHECKPOINTS, "peft", "tokenizers", "language-models"]
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"no check {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    raie = shops.Raie(arguments.raie)
    passed, failed, skipped = 0, 0, 0
    for name in arguments.names or known:
        try:
            if name == "peft":
                check_peft(raie, arguments.maps, arguments.work)
            elif name == "tokenizers":
                check_tokenizers(arguments.text_encode, arguments.work)
            elif name == "language-models":
                check_language_models(raie, arguments.work)
            else:
                check_checkpoint(name, raie, arguments.maps, arguments.work)
            passed += 1
        except ImportError as error:
            print(f"{name}: SKIPPED: {error}")
            skipped += 1
        except (Exception, SystemExit):
            traceback.print_exc()
            print(f"{name}: FAILED")
            failed += 1
    print(f"interop: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 77 if passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
