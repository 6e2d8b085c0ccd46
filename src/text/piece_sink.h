// Where do the parts of a text go, one by one?
//
// Concept: a reference to something callable with a string_view, which is copied for nothing and
//          calls without an allocation. The part is valid during the call only.
#pragma once

#include <concepts>
#include <string_view>

namespace raie {

class PieceSink {
 public:
  // `call` must outlive the sink.
  template <class Call>
  requires(!std::same_as<Call, const PieceSink> && !std::same_as<Call, PieceSink>)
      PieceSink(Call& call)  // NOLINT: a lambda is passed as it is
      : call_(const_cast<void*>(static_cast<const void*>(&call))),
        invoke_([](void* to, std::string_view part) { (*static_cast<Call*>(to))(part); }) {}

  void operator()(std::string_view part) const { invoke_(call_, part); }

 private:
  void* call_;
  void (*invoke_)(void*, std::string_view);
};

}  // namespace raie
