// What do methods whose state is a snapshot have in common?
#pragma once

#include <memory>
#include <utility>

#include "methods/method.h"
#include "methods/snapshot_scorer.h"

namespace raie {

class SnapshotMethod : public Method {
 public:
  SnapshotMethod(const RunContext& context, const AdaptOptions& options)
      : context_(context), options_(options) {
    options_.Validate();
  }

  void Prepare(const Snapshot& setup, const WindowSet&) override { snapshot_ = setup; }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(snapshot_));
  }

  const Snapshot* snapshot() const override { return &snapshot_; }

 protected:
  // Makes `next` the state after a slice.
  void Publish(Snapshot next, const AdaptSlice& slice) {
    next.version = snapshot_.version + 1;
    next.slice = slice.slice;
    snapshot_ = std::move(next);
  }

  RunContext context_;
  AdaptOptions options_;
  Snapshot snapshot_;
};

// Bytes of the adapters (each counted once) and of the rows that left where they began.
std::int64_t BytesKept(const Snapshot& snapshot);

// Bytes of a memory: its windows and the events they read.
std::int64_t MemoryBytes(const WindowSet& memory);

}  // namespace raie
