#include "backbones/dense_output.h"

#include <algorithm>

#include "base/random.h"
#include "kernels/activation.h"
#include "kernels/norm.h"

namespace raie {

using nn::Flat;

DenseOutput::DenseOutput(std::int64_t dim, float epsilon, ParameterLayout& layout)
    : dim_(dim),
      epsilon_(epsilon),
      weight_(layout.Add("output.weight", {dim, dim}, true)),
      bias_(layout.Add("output.bias", {dim}, false)),
      norm_weight_(layout.Add("output_norm.weight", {dim}, false)),
      norm_bias_(layout.Add("output_norm.bias", {dim}, false)) {}

void DenseOutput::Initialise(std::span<float> parameters, std::uint64_t seed) const {
  RandomStream random(seed, 0);
  DrawXavier(dim_, dim_, random, parameters.subspan(weight_, dim_ * dim_));
  std::fill_n(parameters.begin() + norm_weight_, dim_, 1.0f);
}

nn::BoundLinear DenseOutput::Bind(std::span<const float> parameters, Purpose purpose) const {
  return nn::BoundLinear(
      {.weight_OI = {parameters.data() + weight_, dim_, dim_, dim_},
       .parts = {},
       .direction = purpose == Purpose::kScore ? nn::Direction::kForward : nn::Direction::kBoth});
}

void DenseOutput::Forward(const Call& call, kernels::ConstMatrix x_PD, Tape& tape,
                          kernels::Matrix y_PD) const {
  const kernels::Matrix raw = call.arena.Rows(x_PD.rows, dim_);
  tape.linear = call.linear.Forward({.arena = call.arena, .tokens_T = {}}, x_PD, {}, raw);
  tape.derivative = raw;
  tape.h = call.arena.Rows(x_PD.rows, dim_);
  tape.mean = call.arena.Floats(x_PD.rows);
  tape.rstd = call.arena.Floats(x_PD.rows);
  kernels::ActivationForward({.activation = Activation::kGelu,
                              .dim = dim_,
                              .x_TF = Flat(raw),
                              .bias_F = call.parameters.subspan(bias_, dim_),
                              .dropout = {},
                              .tokens_T = {},
                              .y_TF = Flat(tape.h),
                              .derivative_TF = Flat(raw)});
  kernels::NormForward({.dim = dim_,
                        .eps = epsilon_,
                        .x_TD = Flat(tape.h),
                        .gamma_D = call.parameters.subspan(norm_weight_, dim_),
                        .beta_D = call.parameters.subspan(norm_bias_, dim_),
                        .y_TD = Flat(y_PD),
                        .mean_T = tape.mean,
                        .rstd_T = tape.rstd});
}

void DenseOutput::Backward(const Call& call, const Tape& tape, kernels::ConstMatrix dy_PD,
                           std::span<float> gradients, kernels::Matrix dx_PD) const {
  const auto gradient = [&](std::int64_t begin) {
    return gradients.empty() ? std::span<float>() : gradients.subspan(begin, dim_);
  };
  const kernels::Matrix dh = call.arena.Rows(dy_PD.rows, dim_);
  kernels::NormBackward({.dim = dim_,
                         .dy_TD = Flat(dy_PD),
                         .h_TD = Flat(tape.h),
                         .mean_T = tape.mean,
                         .rstd_T = tape.rstd,
                         .gamma_D = call.parameters.subspan(norm_weight_, dim_),
                         .dh_TD = Flat(dh),
                         .dgamma_D = gradient(norm_weight_),
                         .dbeta_D = gradient(norm_bias_)});
  kernels::ActivationBackward({.dim = dim_,
                               .dy_TF = Flat(dh),
                               .derivative_TF = Flat(tape.derivative),
                               .dx_TF = Flat(dh),
                               .dbias_F = gradient(bias_)});
  const kernels::Matrix weight =
      gradients.empty() ? kernels::Matrix{}
                        : kernels::Matrix{gradients.data() + weight_, dim_, dim_, dim_};
  call.linear.Backward({.arena = call.arena, .tokens_T = {}}, tape.linear, dh,
                       {.weight_OI = weight, .input_TI = dx_PD});
}

}  // namespace raie
