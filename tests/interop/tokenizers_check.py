"""Compares raie's tokens with those of the libraries tokenizers and sentencepiece."""
import json
import os
import pathlib
import struct
import subprocess

import tokenizer_kinds as kinds

STRINGS = 20_000
INVALID = 1_000
VOCABULARY = 1_500
SWEPT = ("smollm", "llama3", "qwen2", "llama2")  # the kinds that see every character


def answers(program, folder, texts):
    """What raie_text_encode says of each text (bytes)."""
    asked = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    done = subprocess.run([program, folder], input=asked, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"raie_text_encode {folder}\n{done.stderr.decode()}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(texts), f"{folder}: {len(found)} answers to {len(texts)} texts"
    return found


def compare(name, program, folder, library, texts):
    tokens, differing = 0, []
    for i in range(0, len(texts), 2000):
        part = texts[i:i + 2000]
        found = answers(program, folder, [text.encode() for text in part])
        for text, ours in zip(part, found, strict=True):
            ids, bare, decoded = kinds.library_answers(library, text)
            tokens += len(bare)
            if ours != {"ids": ids, "bare": bare, "text": decoded}:
                differing.append((text, ours, ids, decoded))
    print(f"tokenizers: {name}: {len(texts)} strings, {tokens} tokens, {len(differing)} differ")
    for text, ours, ids, decoded in differing[:3]:
        print(f"  {text!r}\n    raie    {ours}\n    library {ids} {decoded!r}")
    return len(differing)


def refuse_invalid(program, folder):
    pairs = kinds.invalid_strings(INVALID, seed=4)
    for (text, offset), ours in zip(pairs, answers(program, folder, [text for text, _ in pairs]), strict=True):
        assert f"is not UTF-8: byte {offset} " in ours.get("error", ""), (text, offset, ours)
    print(f"tokenizers: {len(pairs)} strings that are not UTF-8 are refused, each with its offset")


def check(program, work, shared):
    from tokenizers import Tokenizer

    texts = kinds.strings(STRINGS, seed=3)
    differing = 0
    for kind in kinds.JSON_KINDS:
        folder = work / kind
        library = kinds.write_json_kind(kind, folder, VOCABULARY)
        differing += compare(kind, program, folder, library, texts)
        if kind in SWEPT:
            differing += compare(f"{kind}, every character", program, folder, library,
                                 kinds.every_character())
    refuse_invalid(program, work / "smollm")
    if not kinds.real_models(shared):
        print("tokenizers: no folder shared/models here: no tokenizer of a real model was compared")
    for folder in kinds.real_models(shared):
        library = Tokenizer.from_file(str(folder / "tokenizer.json"))
        differing += compare(folder.name, program, folder, library, texts)
    for kind in kinds.SENTENCEPIECE_KINDS:
        folder = work / kind
        library = kinds.write_sentencepiece_kind(kind, folder, 800, "nmt_nfkc")
        differing += compare(kind, program, folder, library, texts)
    assert differing == 0, f"{differing} strings have other tokens"


def shared_folder():
    """The folder `shared` of RAIE_SHARED_DIR, or beside this repository or above it; None: there is none."""
    if "RAIE_SHARED_DIR" in os.environ:
        return pathlib.Path(os.environ["RAIE_SHARED_DIR"])
    for folder in pathlib.Path(__file__).resolve().parents:
        if (folder / "shared" / "models").is_dir():
            return folder / "shared"
    return None
