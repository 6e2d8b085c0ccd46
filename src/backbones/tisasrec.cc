#include "backbones/tisasrec.h"

#include <string>
#include <utility>
#include <vector>

#include "backbones/time_intervals.h"
#include "base/random.h"

namespace raie {
namespace {

ItemTransformerShape ShapeOfTisasrec(const TisasrecOptions& options) {
  std::vector<std::string> problems;
  if (options.position_order != PositionOrder::kFromEnd) {
    problems.emplace_back("position_order = \"from_start\": its attention counts from the end");
  }
  if (options.padding != Padding::kUnseen) {
    problems.emplace_back("padding = \"attended\": places without an event have no time");
  }
  TisasrecOptions copy = options;
  CheckRanges(FieldsOf(copy), "options of TiSASRec", problems);
  ItemTransformerShape shape = ShapeFrom(options);
  shape.positions = InputPositions::kNone;
  return shape;
}

class Tisasrec : public ItemTransformer {
 public:
  Tisasrec(const TisasrecOptions& options, std::uint64_t seed)
      : ItemTransformer(options, ShapeOfTisasrec(options), seed),
        max_interval_(options.max_interval) {
    position_keys_ = AddTable("position_keys.weight", options.context, DeriveSeed(seed, 3));
    position_values_ = AddTable("position_values.weight", options.context, DeriveSeed(seed, 4));
    interval_keys_ = AddTable("interval_keys.weight", max_interval_ + 1, DeriveSeed(seed, 5));
    interval_values_ = AddTable("interval_values.weight", max_interval_ + 1, DeriveSeed(seed, 6));
  }

  bool reads_times() const override { return true; }

 protected:
  std::optional<RelativeAttention> RelativeTo(const ForwardInput& input) const override {
    TimeIntervals intervals = FindIntervals(input.batch, max_interval_);
    return RelativeAttention{.run_offsets_T1 = std::move(intervals.run_offsets_T1),
                             .runs = std::move(intervals.runs),
                             .position_keys = position_keys_,
                             .position_values = position_values_,
                             .interval_keys = interval_keys_,
                             .interval_values = interval_values_};
  }

 private:
  std::int64_t max_interval_;
  RelativeAttention::Table position_keys_, position_values_, interval_keys_, interval_values_;
};

}  // namespace

std::unique_ptr<Backbone> MakeTisasrec(const TisasrecOptions& options, std::uint64_t seed) {
  return std::make_unique<Tisasrec>(options, seed);
}

}  // namespace raie
