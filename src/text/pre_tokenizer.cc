#include "text/pre_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "text/code_points.h"
#include "text/pattern_json.h"
#include "text/split_behavior.h"
#include "text/utf8.h"
#include "text/word_scanner.h"

namespace raie {
namespace {

// Words by a rule that is scanned by hand.
class ScannedWords : public PreTokenizer {
 public:
  explicit ScannedWords(WordRule rule) : rule_(rule) {}
  void Split(std::string_view text, PieceSink words) const override {
    ScanWords(rule_, text, words);
  }

 private:
  WordRule rule_;
};

class SplitByPattern : public PreTokenizer {
 public:
  SplitByPattern(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void Split(std::string_view text, PieceSink words) const override {
    SplitJoiner joiner(behavior_, words);
    const auto match = [&](std::string_view part) { joiner.Add(part, !invert_); };
    const auto gap = [&](std::string_view part) { joiner.Add(part, invert_); };
    pattern_.Split(text, match, gap);
    joiner.Finish();
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(SplitBehavior behavior) : behavior_(behavior) {}

  void Split(std::string_view text, PieceSink words) const override {
    const CodePointFlags* flags = AllCodePointFlags();
    SplitJoiner joiner(behavior_, words);
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint read = CodePointAt(text, at);
      if ((flags[read.value] & kDigit) != 0) {
        if (at > done) joiner.Add(text.substr(done, at - done), false);
        joiner.Add(text.substr(at, read.bytes), true);
        done = at + read.bytes;
      }
      at += read.bytes;
    }
    if (done < text.size()) joiner.Add(text.substr(done), false);
    joiner.Finish();
  }

 private:
  SplitBehavior behavior_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void Split(std::string_view text, PieceSink words) const override {
    std::string with_blank;
    if (add_prefix_space_ && !text.starts_with(' ')) {
      with_blank = " ";
      with_blank += text;
      text = with_blank;
    }
    if (use_regex_) {
      ScanWords(WordRule::kGpt2, text, words);
    } else {
      words(text);
    }
  }

 private:
  bool add_prefix_space_;
  bool use_regex_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> parts)
      : parts_(std::move(parts)) {}

  void Split(std::string_view text, PieceSink words) const override { From(0, text, words); }

 private:
  void From(std::size_t first, std::string_view text, PieceSink words) const {
    if (first == parts_.size()) return words(text);
    if (first + 1 == parts_.size()) return parts_[first]->Split(text, words);
    const auto next = [&](std::string_view part) { From(first + 1, part, words); };
    parts_[first]->Split(text, next);
  }

  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

std::unique_ptr<PreTokenizer> MakeSplit(const JsonPart& part) {
  part.RequireFields({"pattern", "behavior", "invert"});
  const SplitBehavior behavior = ReadSplitBehavior(part.At("behavior"));
  const bool invert = part.FlagOr("invert", false);
  // The rules leave no gap, so "only the matches" is "matches and gaps".
  const bool keeps_matches = (behavior == SplitBehavior::kIsolated && !invert) ||
                             (behavior == SplitBehavior::kRemoved && invert);
  const std::optional<std::string> regex = RegexOf(part.At("pattern"));
  if (regex && keeps_matches) {
    for (const WordRule rule : {WordRule::kGpt2, WordRule::kLlama3, WordRule::kQwen2}) {
      if (*regex == WordPattern(rule)) return std::make_unique<ScannedWords>(rule);
    }
  }
  return std::make_unique<SplitByPattern>(ReadPattern(part.At("pattern")), behavior, invert);
}

PreTokenization MakeSequence(const JsonPart& part) {
  part.RequireFields({"pretokenizers"});
  PreTokenization made;
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  for (const JsonPart& item : part.At("pretokenizers").Items()) {
    if (made.alphabet == BpeAlphabet::kBytes) {
      item.Fail("follows ByteLevel, which is supported as the last pre-tokenizer only");
    }
    if (item.value().is_null()) item.Fail("expected a pre-tokenizer, found null");
    PreTokenization one = MakePreTokenizer(item);
    made.alphabet = one.alphabet;
    parts.push_back(std::move(one.pre_tokenizer));
  }
  made.pre_tokenizer = std::make_unique<PreTokenizerSequence>(std::move(parts));
  return made;
}

}  // namespace

PreTokenization MakePreTokenizer(const JsonPart& part) {
  if (part.value().is_null()) return {};
  const std::string type = part.TextOr("type", "");
  if (type == "ByteLevel") {
    part.RequireFields({"add_prefix_space", "trim_offsets", "use_regex"});
    return {std::make_unique<ByteLevel>(part.At("add_prefix_space").Flag(),
                                        part.FlagOr("use_regex", true)),
            BpeAlphabet::kBytes};
  }
  if (type == "Digits") {
    part.RequireFields({"individual_digits"});
    return {
        std::make_unique<Digits>(part.At("individual_digits").Flag() ? SplitBehavior::kIsolated
                                                                     : SplitBehavior::kContiguous),
        BpeAlphabet::kCharacters};
  }
  if (type == "Split") return {MakeSplit(part), BpeAlphabet::kCharacters};
  if (type == "Sequence") return MakeSequence(part);
  FailOnType(part, "ByteLevel, Digits, Split, Sequence");
}

}  // namespace raie
