#!/usr/bin/env python3
"""Writes tests/golden/tokenizers/: a small tokenizer of every kind and what its library says of some strings.

    python3 tests/golden/make_tokenizer_golden.py

Made with tokenizers==0.23.3 and sentencepiece==0.2.3. `strings.json` is a list of strings; each kind's
`answers.json` holds, string by string, its `ids` with the template's tokens (`before` of them in front,
`after` behind) and its `texts`: what the ids decode to without special tokens, null for the string itself.
"""
import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import tokenizer_kinds as kinds  # noqa: E402

STRINGS = 160
VOCABULARY = 600
FOLDER = pathlib.Path(__file__).resolve().parent / "tokenizers"


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_answers(folder, library, strings):
    answers = [kinds.library_answers(library, string) for string in strings]
    around = len(answers[0][0]) - len(answers[0][1])
    before = next(n for n in range(around + 1)
                  if all(ids[n:len(ids) - (around - n)] == bare for ids, bare, _ in answers))
    write(folder / "answers.json", {
        "before": before, "after": around - before, "ids": [ids for ids, _, _ in answers],
        "texts": [None if text == string else text for (_, _, text), string in zip(answers, strings, strict=True)]})


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    strings = kinds.strings(STRINGS, seed=7, fragments=4)
    write(FOLDER / "strings.json", strings)
    for kind in kinds.JSON_KINDS:
        write_answers(FOLDER / kind, kinds.write_json_kind(kind, FOLDER / kind, VOCABULARY), strings)
    for kind in kinds.SENTENCEPIECE_KINDS:
        library = kinds.write_sentencepiece_kind(kind, FOLDER / kind, VOCABULARY, "identity")
        write_answers(FOLDER / kind, library, strings)


if __name__ == "__main__":
    main()
