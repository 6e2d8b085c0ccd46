#!/usr/bin/env python3
"""Writes src/text/code_point_table.cc: what huggingface/tokenizers sees in every code point.

    python3 tests/golden/make_code_points.py > src/text/code_point_table.cc

Needs tokenizers==TOKENIZERS and a Python whose unicodedata is at least Unicode 15.1 (3.13). Categories
and white space are what its regular expressions (Oniguruma) match, digits what its pre-tokenizer Digits
cuts out, words what `single_word` sees beside an added token. Its NFC knows an older Unicode than
Python's: what that lacks is found by trying.
"""
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

TOKENIZERS = "0.23.3"
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
              "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"]
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL_TRAILING = [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]


def chunks(size=2000):
    for i in range(0, len(CODE_POINTS), size):
        yield CODE_POINTS[i:i + size]


def matches(regex):
    """The code points that a class of a regular expression has."""
    split = pre_tokenizers.Split(Regex(regex), "removed")
    found = set()
    for part in chunks():
        text = "".join(map(chr, part))
        kept = {c for piece, _ in split.pre_tokenize_str(text) for c in piece}
        found.update(c for c in part if chr(c) not in kept)
    return found


def digits():
    split = pre_tokenizers.Digits(individual_digits=True)
    found = set()
    for part in chunks():
        text = "x".join(map(chr, part))
        found.update(ord(piece) for piece, _ in split.pre_tokenize_str(f"x{text}x")
                     if len(piece) == 1 and piece != "x")
    return found


def words():
    token = "(token)"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.add_tokens([AddedToken(token, single_word=True, normalized=False)])
    found = set()
    for part in chunks():
        text = "".join(chr(c) + token + " " for c in part)
        alone = {text[start - 1] for start, _ in tokenizer.encode(text).offsets}
        found.update(c for c in part if chr(c) not in alone)
    return found


def composing():
    """What NFC changes, moves or joins with what is before it; and of that, what the library's does not."""
    pairs = {}
    for c in CODE_POINTS:
        decomposed = unicodedata.decomposition(chr(c))
        if decomposed and not decomposed.startswith("<"):
            pairs[c] = "".join(chr(int(part, 16)) for part in decomposed.split())
    trials = {c: [chr(0x1100) + chr(c), chr(0xAC00) + chr(c)] for c in HANGUL_TRAILING}
    for c in CODE_POINTS:
        text = chr(c)
        ccc = unicodedata.combining(text)
        if ccc != 0:
            other = "\u0301" if ccc < 230 else "\u0327"
            trials.setdefault(c, []).append("q" + other + text if ccc < 230 else "q" + text + other)
        if unicodedata.normalize("NFC", text) != text:
            trials.setdefault(c, []).append(text)
    for composed, pair in pairs.items():
        if len(pair) == 2:
            trials.setdefault(ord(pair[1]), []).append(pair)
    library = normalizers.NFC().normalize_str
    too_new = {c for c, texts in trials.items()
               if any(library(text) != unicodedata.normalize("NFC", text) for text in texts)}
    return set(trials), too_new


def ranges(code_points):
    found = []
    for c in sorted(code_points):
        if found and found[-1][1] + 1 == c:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def table(name, kind, values):
    print(f"constexpr {kind} {name}[] = {{")
    line = "   "
    for value in values:
        text = f" {value:#x},"
        if len(line) + len(text) > 100:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};\n")


def main():
    assert tokenizers.__version__ == TOKENIZERS, tokenizers.__version__
    assert unicodedata.unidata_version >= "15.1.0"
    category_of = {c: CATEGORIES.index("Cs") for c in range(0xD800, 0xE000)}
    for number, name in enumerate(CATEGORIES):
        if name in ("Cs", "Cn"):
            continue
        for c in matches(rf"\p{{{name}}}"):
            assert c not in category_of, hex(c)
            category_of[c] = number
    unassigned = CATEGORIES.index("Cn")
    runs, previous = [], None
    for c in range(0x110000):
        number = category_of.get(c, unassigned)
        if number != previous:
            runs.append(c << 5 | number)
        previous = number
    composes, too_new = composing()
    print("// Made by tests/golden/make_code_points.py: do not edit.")
    print('#include "text/code_point_table.h"\n')
    print("namespace raie::code_point_table {\nnamespace {\n\n// clang-format off")
    table("kCategoryRuns", "std::uint32_t", runs)
    for name, members in (("Space", matches(r"\s")), ("Digit", digits()), ("Word", words()),
                          ("Composes", composes), ("TooNew", too_new)):
        table(f"k{name}Ranges", "char32_t", [c for both in ranges(members) for c in both])
    print("// clang-format on\n\n}  // namespace\n")
    print("const char* const kCategoryNames =")
    print(f'    "{"".join(CATEGORIES)}";\n')
    print("std::span<const std::uint32_t> CategoryRuns() { return kCategoryRuns; }")
    for name in ("Space", "Digit", "Word", "Composes", "TooNew"):
        print(f"std::span<const char32_t> {name}Ranges() {{ return k{name}Ranges; }}")
    print("\n}  // namespace raie::code_point_table")
    print(f"{len(runs)} runs of categories, {len(composes)} composing, {len(too_new)} too new",
          file=sys.stderr)


if __name__ == "__main__":
    main()
