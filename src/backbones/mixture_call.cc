#include "backbones/mixture_call.h"

#include <algorithm>
#include <vector>

namespace raie {

MixtureCall MixtureCallOf(const ForwardInput& input, const TransformerCall& call,
                          const MixtureGates::State& gates) {
  MixtureCall mixture{.gates_MSE = gates.gates_MSE, .gradients_MSE = {}};
  for (std::int32_t s = 0; s < input.batch.num_rows(); ++s) {
    mixture.sequences_T.resize(call.offsets_S1[s + 1], s);
  }
  for (const OutputPosition& output : input.outputs) mixture.sequences_P.push_back(output.row);
  return mixture;
}

void BackGates(const MixtureGates& gates, const MixtureGates::State& state,
               const ForwardInput& input, std::span<const float> gradients_MSE,
               const GradientSink& sink) {
  const std::int64_t dim = std::ssize(state.means_SD) / std::max<std::int64_t>(1, state.sequences);
  std::vector<float> means_SD(sink.input_TD.empty() ? 0 : state.means_SD.size());
  gates.Backward(state, gradients_MSE, sink.adapter, means_SD);
  if (means_SD.empty()) return;
  const std::vector<std::int32_t>& offsets = input.batch.offsets;
  for (std::int64_t s = 0; s < state.sequences; ++s) {
    const auto items = MixtureGates::ItemsOf(input.batch, s);
    for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t) {
      if (input.batch.items[t] == kMaskItem) continue;
      for (std::int64_t d = 0; d < dim; ++d) {
        sink.input_TD[t * dim + d] += means_SD[s * dim + d] / static_cast<float>(items);
      }
    }
  }
}

}  // namespace raie
