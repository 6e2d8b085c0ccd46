"""Small tokenizers of every kind that raie reads, and strings that are hard to cut."""
import io
import json
import pathlib
import random

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

GPT4_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{%s}|"
                r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3_PATTERN = GPT4_PATTERN % "1,3"
QWEN2_PATTERN = GPT4_PATTERN.replace("{%s}", "")
# No rule that raie scans by hand: upper case before lower case, marks, possessive quantifiers.
OTHER_PATTERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re)?|"
                 r"[^\r\n\p{L}\p{N}]?+[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n/]*|"
                 r"\s*[\r\n]+|\s+(?!\S)|\s+")

WORDS = """the of and a to in is you that it he was for on are as with his they I at be this have from or one had by
word but not what all were we when your can said there use an each which she do how their if will up other about out many
then them these so some her would make like him into time has look two more write go see number no way could people my than
first water been call who oil its now find long down day did get come made may part user watched movie recommend shop item
The And Because Movie Recommendation don't can't it's we're I'll they've Straße naïve café déjà über mañana coração žluťoučký
москва человек фильм книга время новый день слово καλημέρα κόσμος λόγος مرحبا العالم كتاب جديد يوم שלום עולם ספר नमस्ते दुनिया
किताब สวัสดี ชาวโลก 你好 世界 电影 推荐 今日 映画 は 面白い です ありがとう 안녕하세요 세계 영화 추천 xin chào thế giới Việt Nam
for(int i=0;i<n;++i) return x->y; #include <vector> def f(self): {"key": [1, 2.5, null]} http://example.org/a?b=c&d=1""".split()

SPACES = " \t\n\r\v\f\u0085\u00a0\u1680\u2000\u2003\u2007\u200a\u2028\u2029\u202f\u205f\u3000"
LIKE_SPACES = "\u180e\u200b\u200c\u200d\u2060\ufeff\u0000\u001c\u001f"
EMOJI = ["👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️‍🔥", "🧑🏿‍🚀", "1️⃣", "☺️", "🫠", "\U0001fae8"]
MARKS = [chr(c) for c in (*range(0x300, 0x370), *range(0x591, 0x5BE), *range(0x64B, 0x660), 0x93C, 0x94D,
                          0xE38, 0xF71, 0xF72, 0x1DC0, 0x20D0, 0x302A, 0x3099, 0x309A, 0x1D165, 0x1E8D0)]
JAMO = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3), 0xAC00, 0xAC01, 0xD7A3]
ADDED = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>", "[word]", "[wo",
         "<Ångström>", "Café!", "<A\u030angstro\u0308m>"]


def fragment(draw):
    """One random part of a string."""
    kind = draw.randrange(16)
    length = draw.randint(1, 12)

    def pick(choices, joiner=""):
        return joiner.join(draw.choice(choices) for _ in range(length))
    if kind == 0:  # any code point of any plane
        return "".join(chr(c) for c in (draw.randrange(0x110000) for _ in range(length))
                       if not 0xD800 <= c <= 0xDFFF)
    if kind == 1:  # of the planes that have characters
        return "".join(chr(c) for c in (draw.choice((draw.randrange(0x3000), draw.randrange(0xD800),
                                                     draw.randrange(0x10000, 0x20000)))
                                        for _ in range(length)) if not 0xD800 <= c <= 0xDFFF)
    if kind in (2, 3, 4):
        return pick(WORDS, " ")
    if kind == 5:
        return pick(EMOJI, draw.choice(["", " "]))
    if kind == 6:
        return pick("0123456789" if draw.random() < 0.6 else "0123٠١٢३४५໑²½Ⅷ〇一㊿𝟘𑁦", "")
    if kind == 7:
        return pick(SPACES if draw.random() < 0.5 else "  \n\t\r")
    if kind == 8:
        return draw.choice([" ", "\n", "\r\n", "\t", "\u3000"]) * length
    if kind == 9:
        return pick(LIKE_SPACES + " a")
    if kind == 10:
        return "".join(draw.choice("aeionçÅ각ก한\u0915\u0627q") + "".join(draw.choices(MARKS, k=draw.randint(0, 3)))
                       for _ in range(length))
    if kind == 11:
        return "".join(chr(draw.choice(JAMO)) for _ in range(length))
    if kind == 12:
        return draw.choice(["'s", "'S", "'ſ", "'t", "'RE", "'Ve", "'ll", "'lL", "'d", "'M", "''", "'K", "’s"])
    if kind == 13:
        return draw.choice(SPACES + "a  _é.") + draw.choice(ADDED) + draw.choice(["", *SPACES, "a", "_", "é", "\u200d"])
    if kind == 14:
        return "".join(chr(draw.randrange(32, 127)) for _ in range(length))
    return draw.choice("▁Ġ_-=*#") * length


def strings(count, seed, fragments=8):
    draw = random.Random(seed)
    made = ["", " ", "\n", "a", "'", "▁", "  a"]
    while len(made) < count:
        made.append(draw.choice(["", "", " "]).join(fragment(draw) for _ in range(draw.randint(1, fragments))))
    return made[:count]


def every_character():
    """Strings that hold every code point of planes 0 to 3 with characters, those of tags and of variation
    selectors, and every 97th of the rest, each beside a letter, a digit, blanks, marks and an apostrophe."""
    code_points = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and
                   (c < 0x33480 or 0xE0000 <= c < 0xE0200 or c % 97 == 0)]
    return ["".join(f"a{c}b {c}1{c}\u0301\u0327 '{c}\n" for c in code_points[i:i + 16])
            for i in range(0, len(code_points), 16)]


def invalid_strings(count, seed):
    """Bytes that are not UTF-8, and the offset of the first that is not."""
    draw = random.Random(seed)
    made = []
    while len(made) < count:
        data = bytearray(fragment(draw).encode() or b"a")
        data[draw.randrange(len(data)):] += draw.choice(
            [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82", b"\xf0\x9f\x98"])
        try:
            bytes(data).decode()
        except UnicodeDecodeError as error:
            made.append((bytes(data), error.start))
    return made


def corpus(seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) + draw.choice([".", "!", "\n", " 2024", ""])
            for _ in range(2000)]


def trained(tokenizer, vocabulary_size, **options):
    trainer = trainers.BpeTrainer(vocab_size=vocabulary_size, show_progress=False, **options)
    tokenizer.train_from_iterator(corpus(1), trainer)
    return tokenizer


def byte_level(pre_tokenizer, vocabulary_size, *, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    return trained(tokenizer, vocabulary_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def split_bytes(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def smollm_like(size):
    tokenizer = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                    pre_tokenizers.ByteLevel(add_prefix_space=False)]), size)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def gpt2_like(size):
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), size)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False),
                          AddedToken("<pad>", lstrip=True, normalized=False),
                          AddedToken("[word]", single_word=True, normalized=False),
                          AddedToken("[wo", rstrip=True, normalized=False)])
    return tokenizer


def llama3_like(size):
    tokenizer = byte_level(split_bytes(LLAMA3_PATTERN), size)
    # Words that no merge makes: only ignore_merges finds them.
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    for word in ("Ġrecommender", "watch", "123", "'S"):
        vocabulary.setdefault(word, len(vocabulary))
    state["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1",
                                      special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])])
    return tokenizer


def qwen2_like(size):
    tokenizer = byte_level(split_bytes(QWEN2_PATTERN), size, normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<Ångström>", normalized=True), AddedToken("Café!", normalized=True)])
    return tokenizer


def llama2_like(size):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Training cuts into words, as SentencePiece does; the tokenizer does not.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trained(tokenizer, size, special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
            limit_alphabet=120)
    state = json.loads(tokenizer.to_str())
    state["pre_tokenizer"] = None
    for token in state["added_tokens"]:
        token["normalized"] = False
    # The bytes are pieces of the model, not added tokens.
    state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


def unknown_like(size):
    """Characters without a byte fallback, unknown ones are a token each; a pre-tokenizer that merges."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\s+"), "merged_with_next"), pre_tokenizers.Split("-", "contiguous"),
        pre_tokenizers.Split(Regex(r"[.,;:!?]"), "merged_with_previous"), pre_tokenizers.Digits(individual_digits=False)])
    trained(tokenizer, size, special_tokens=["<unk>"], limit_alphabet=60)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <unk>", pair="$A $B", special_tokens=[("<unk>", 0)])
    return tokenizer


def other_pattern(size):
    return byte_level(split_bytes(OTHER_PATTERN), size)


JSON_KINDS = {"smollm": smollm_like, "gpt2": gpt2_like, "llama3": llama3_like, "qwen2": qwen2_like,
              "llama2": llama2_like, "unknown": unknown_like, "other-pattern": other_pattern}
SENTENCEPIECE_KINDS = {
    "sentencepiece-unigram": dict(model_type="unigram", byte_fallback=False),
    "sentencepiece-bpe": dict(model_type="bpe", byte_fallback=True),
}


def write_json_kind(kind, folder, size):
    folder.mkdir(parents=True)
    tokenizer = JSON_KINDS[kind](size)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    # What is saved is what is read.
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def write_sentencepiece_kind(kind, folder, size, rule):
    import sentencepiece

    folder.mkdir(parents=True)
    model = io.BytesIO()  # a file's name would be kept in the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus(2)), model_writer=model, vocab_size=size,
        normalization_rule_name=rule, character_coverage=0.999, minloglevel=2, hard_vocab_limit=False,
        **SENTENCEPIECE_KINDS[kind])
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


def library_answers(tokenizer, text):
    """Ids with what the template adds and without it, and their text with special tokens and without."""
    if isinstance(tokenizer, Tokenizer):
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        bare = tokenizer.encode(text, add_special_tokens=False).ids
        return ids, bare, tokenizer.decode(ids, skip_special_tokens=True)
    ids = tokenizer.encode(text, add_bos=True)
    return ids, tokenizer.encode(text), tokenizer.decode(ids)


def real_models(shared):
    """Folders of models in a folder of shared development data."""
    if shared is None:
        return []
    return sorted(path.parent for path in pathlib.Path(shared, "models").glob("*/tokenizer.json"))
