#include "text/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "raie/error.h"
#include "text/code_points.h"
#include "text/pattern.h"
#include "text/pattern_json.h"
#include "text/utf8.h"

namespace raie {
namespace {

class Nfc : public Normalizer {
 public:
  bool Apply(std::string_view text, std::string& out) const override {
    const CodePointFlags* flags = AllCodePointFlags();
    bool changed = false;
    std::size_t done = 0;    // what is in `out` already
    std::size_t before = 0;  // begin of the character before `at`
    for (std::size_t at = 0; at < text.size();) {
      if (static_cast<unsigned char>(text[at]) < 0x80) {
        before = at++;
        continue;
      }
      const CodePoint read = CodePointAt(text, at);
      if ((flags[read.value] & (kComposes | kTooNew)) != kComposes) {
        before = at;
        at += read.bytes;
        continue;
      }
      // What composes is a run of such characters with the one before. Normal forms of texts that
      // are cut before any other character are those of the parts.
      const bool joins = at > 0 && (flags[CodePointAt(text, before).value] & kTooNew) == 0;
      const std::size_t begin = joins && before >= done ? before : at;
      std::size_t end = at;
      while (end < text.size()) {
        const CodePoint next = CodePointAt(text, end);
        if ((flags[next.value] & (kComposes | kTooNew)) != kComposes) break;
        before = end;
        end += next.bytes;
      }
      if (!changed) out.clear();
      changed = true;
      out.append(text, done, begin - done);
      Compose(text.substr(begin, end - begin), out);
      done = at = end;
    }
    if (changed) out.append(text, done);
    return changed;
  }

 private:
  static void Compose(std::string_view part, std::string& out) {
    utf8proc_uint8_t* composed = nullptr;
    const utf8proc_ssize_t bytes =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(part.data()),
                     static_cast<utf8proc_ssize_t>(part.size()), &composed,
                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (bytes < 0) {
      throw Error(ErrorCode::kInternal,
                  std::string("cannot bring a text into NFC: ") + utf8proc_errmsg(bytes));
    }
    out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(bytes));
    std::free(composed);
  }
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}

  bool Apply(std::string_view text, std::string& out) const override {
    out = prefix_;
    out += text;
    return true;
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  bool Apply(std::string_view text, std::string& out) const override {
    out.clear();
    bool changed = false;
    const auto match = [&](std::string_view) {
      out += content_;
      changed = true;
    };
    const auto gap = [&](std::string_view part) { out += part; };
    pattern_.Split(text, match, gap);
    return changed;
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> parts)
      : parts_(std::move(parts)) {}

  bool Apply(std::string_view text, std::string& out) const override {
    bool changed = false;
    std::string next;
    for (const auto& part : parts_) {
      const std::string_view current = changed ? std::string_view(out) : text;
      if (current.empty() || !part->Apply(current, next)) continue;
      out.swap(next);
      changed = true;
    }
    return changed;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

}  // namespace

std::unique_ptr<Normalizer> MakeNormalizer(const JsonPart& part) {
  if (part.value().is_null()) return nullptr;
  const std::string type = part.TextOr("type", "");
  if (type == "NFC") {
    part.RequireFields({});
    return std::make_unique<Nfc>();
  }
  if (type == "Prepend") {
    part.RequireFields({"prepend"});
    return std::make_unique<Prepend>(part.At("prepend").Text());
  }
  if (type == "Replace") {
    part.RequireFields({"pattern", "content"});
    return std::make_unique<Replace>(ReadPattern(part.At("pattern")), part.At("content").Text());
  }
  if (type == "Sequence") {
    part.RequireFields({"normalizers"});
    std::vector<std::unique_ptr<Normalizer>> parts;
    for (const JsonPart& item : part.At("normalizers").Items()) {
      if (item.value().is_null()) item.Fail("expected a normalizer, found null");
      parts.push_back(MakeNormalizer(item));
    }
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  FailOnType(part, "NFC, Prepend, Replace, Sequence");
}

}  // namespace raie
