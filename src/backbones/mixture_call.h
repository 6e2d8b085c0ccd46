// What does a mixture's tile need around its layers?
//
// Concept: the gates are a function of a row's items (mixture_gates.h); layers want to know which
//          row a token is of, and the gates' gradients go back to those items.
#pragma once

#include <span>

#include "backbones/backbone.h"
#include "backbones/mixture_gates.h"
#include "backbones/transformer.h"

namespace raie {

// Returns which row each token of the call and each output belongs to; valid as long as `gates`.
MixtureCall MixtureCallOf(const ForwardInput& input, const TransformerCall& call,
                          const MixtureGates::State& gates);

// Adds the gradients of the gates' networks and, through the mean rows, of the items' rows.
void BackGates(const MixtureGates& gates, const MixtureGates::State& state,
               const ForwardInput& input, std::span<const float> gradients_MSE,
               const GradientSink& sink);

}  // namespace raie
