// Where do states between two layers stay that are the same in every epoch and for every region?
//
// Concept: states of a row by a key of all that the layers below read of it, so that whoever asks
//          again finds them: the next epoch, another region, method or validation pass. A row is
//          kept when it is trained on, which it will be again, or when it is asked for the second
//          time: rows that are read once do not take the room of those that come back. What has no
//          room is not kept; nothing is ever thrown out. The states lie in a file that has no name
//          (base/files.h); reading copies them, which who reads them needs anyway, so that a full
//          or broken disk is an error and no signal.
// Source:  docs/decisions/015.
// Errors:  kNotFound, kIo: the folder or the disk; names the setting to change.
// Threads: all functions may run concurrently.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "backbones/border_options.h"
#include "base/files.h"

namespace raie {

class BorderStore {
 public:
  explicit BorderStore(const BorderOptions& options);

  // Sets `states` to those of the key; returns false if there are none.
  bool Read(const std::string& key, std::span<float> states) const;

  // What is known of a row's return.
  enum class Row { kComesBack, kMayComeBack };
  // Keeps the states, or does not (see above).
  void Offer(const std::string& key, Row row, std::span<const float> states);

  struct Counts {
    std::int64_t rows = 0;   // kept
    std::int64_t bytes = 0;  // of them
    std::int64_t reads = 0;  // that found their row
    std::int64_t no_room = 0;
  };
  Counts counts() const;

 private:
  struct Entry {
    std::uint64_t offset = 0;
    std::size_t floats = 0;
    bool written = false;
  };
  // Returns the place of a row that is to be written, or null.
  Entry* Admit(const std::string& key, Row row, std::size_t floats);

  std::int64_t limit_bytes_;
  ScratchFile file_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_set<std::string> asked_once_;
  mutable Counts counts_;
};

// Where a store with these options lies, for messages: "memory", or a folder.
std::string PlaceOf(const BorderOptions& options);

}  // namespace raie
