// How is progress shown to whoever is watching?
//
// Concept: on a terminal one line that is rewritten; in a log file a line every ten
//          seconds at most, so that what is quick says nothing.
// Threads: one at a time, as ProgressObserver is called.
#pragma once

#include <chrono>
#include <string>

#include "raie/progress.h"

namespace raie::cli {

class ProgressLine {
 public:
  ProgressLine();
  void Show(const Progress& progress);
  void Clear();  // before other output; nothing if no line is open

  static std::string Format(const Progress& progress);

 private:
  bool terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace raie::cli
