#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstdint>
#include <utility>

#include "raie/error.h"
#include "text/regex_translation.h"
#include "text/utf8.h"

namespace raie {
namespace {

template <auto kFree>
struct FreeWith {
  void operator()(auto* what) const { kFree(what); }
};
using CodePointer = std::unique_ptr<pcre2_code, void (*)(pcre2_code*)>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeWith<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, FreeWith<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, FreeWith<pcre2_jit_stack_free>>;

constexpr std::size_t kFirstStackBytes = 32 << 10;
constexpr std::size_t kMaxStackBytes = 64 << 20;

std::string MessageOf(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

// One text searched from the left, again and again.
class Search {
 public:
  Search(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(kFirstStackBytes, kMaxStackBytes, nullptr)) {
    if (!data_ || !context_) throw Error(ErrorCode::kInternal, "PCRE2: out of memory");
    pcre2_set_match_limit(context_.get(), UINT32_MAX);
    if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  }

  // Finds the next match, which does not begin before the last one's end; an empty one does not
  // begin there either.
  bool Next() {
    while (from_ <= text_.size()) {
      const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(),
                                    from_, PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
      if (found == PCRE2_ERROR_NOMATCH) return false;
      if (found < 0) {
        throw Error(ErrorCode::kInternal, "cannot search a text of " +
                                              std::to_string(text_.size()) +
                                              " bytes: PCRE2: " + MessageOf(found));
      }
      const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data_.get());
      if (range[0] == range[1] && range[1] == last_end_) {
        from_ += from_ < text_.size() ? CodePointAt(text_, from_).bytes : 1;
        continue;
      }
      begin_ = range[0];
      from_ = last_end_ = range[1];
      return true;
    }
    return false;
  }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return last_end_; }

 private:
  const pcre2_code* code_;
  std::string_view text_;
  MatchData data_;
  MatchContext context_;
  JitStack stack_;
  std::size_t from_ = 0;
  std::size_t begin_ = 0;
  std::size_t last_end_ = PCRE2_UNSET;
};

CodePointer Compile(const std::string& regex, const std::string& place) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePointer code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(),
                                 PCRE2_UTF | PCRE2_NEVER_UCP, &error, &offset, nullptr),
                   pcre2_code_free);
  if (!code) {
    throw Error(ErrorCode::kCorruptData,
                place + ": PCRE2 refuses the regular expression: " + MessageOf(error));
  }
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where it cannot, matching interprets
  return code;
}

}  // namespace

struct Pattern::Code {
  CodePointer compiled;
};

Pattern::Pattern() = default;
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

Pattern Pattern::FromRegex(std::string_view regex, const std::string& place) {
  Pattern pattern;
  pattern.code_ = std::make_unique<Code>(Code{Compile(TranslateRegex(regex, place), place)});
  return pattern;
}

Pattern Pattern::FromText(std::string_view text, const std::string& place) {
  if (text.empty()) {
    throw Error(ErrorCode::kCorruptData, place + ": an empty text matches nothing");
  }
  Pattern pattern;
  pattern.text_ = text;
  return pattern;
}

void Pattern::Split(std::string_view text, PieceSink matches, PieceSink gaps) const {
  std::size_t done = 0;
  const auto found = [&](std::size_t begin, std::size_t end) {
    if (begin > done) gaps(text.substr(done, begin - done));
    if (end > begin) matches(text.substr(begin, end - begin));
    done = end;
  };
  if (code_ == nullptr) {
    for (std::size_t at = text.find(text_); at != std::string_view::npos;
         at = text.find(text_, done)) {
      found(at, at + text_.size());
    }
  } else {
    Search search(code_->compiled.get(), text);
    while (search.Next()) found(search.begin(), search.end());
  }
  if (done < text.size()) gaps(text.substr(done));
}

}  // namespace raie
