#include "methods/shared_adapter.h"

#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace raie {
namespace {

struct Weighted {
  const Adapter* adapter;
  double weight;
};

std::vector<Weighted> Distinct(std::span<const std::shared_ptr<const Adapter>> adapters) {
  std::vector<Weighted> distinct;
  const double share = 1 / static_cast<double>(adapters.size());
  for (const auto& adapter : adapters) {
    if (adapter == nullptr || adapter->IsZero()) continue;
    const auto same = std::find_if(distinct.begin(), distinct.end(), [&](const Weighted& other) {
      return other.adapter == adapter.get();
    });
    if (same != distinct.end()) {
      same->weight += share;
    } else {
      distinct.push_back({adapter.get(), share});
    }
  }
  return distinct;
}

// What alpha is divided by: the scale stays if alpha grows as this does.
double RankPower(const LoraOptions& options, double rank) {
  return options.rs_lora ? std::sqrt(rank) : rank;
}

// Copies `part`'s rows of A and weighted columns of B to rank `first` and on.
void CopyInto(const Weighted& part, std::int64_t first, Adapter& whole) {
  const std::int64_t rank = part.adapter->options().rank;
  const std::int64_t whole_rank = whole.options().rank;
  const auto factor = static_cast<float>(part.weight) * part.adapter->scale() / whole.scale();
  for (std::size_t m = 0; m < whole.maps().size(); ++m) {
    const Adapter::Map& to = whole.maps()[m];
    const Adapter::Map& from = part.adapter->maps()[m];
    const auto a_RI = part.adapter->a_RI(from);
    const auto b_OR = part.adapter->b_OR(from);
    std::copy(a_RI.begin(), a_RI.end(), whole.values().begin() + to.a_begin + first * to.inputs);
    for (std::int64_t o = 0; o < to.outputs; ++o) {
      for (std::int64_t r = 0; r < rank; ++r) {
        whole.values()[to.b_begin + o * whole_rank + first + r] = factor * b_OR[o * rank + r];
      }
    }
  }
}

// The update of one map of `whole`, cut to the rank of `cut`: the products of orthogonal parts and
// a small core, whose singular values are those of the update.
void CutInto(const Adapter& whole, std::size_t m, Adapter& cut) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using FloatView =
      Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  const Adapter::Map& map = whole.maps()[m];
  const std::int64_t rank = whole.options().rank;
  const Matrix a_RI = FloatView(whole.a_RI(map).data(), rank, map.inputs).cast<double>();
  const Matrix b_OR = FloatView(whole.b_OR(map).data(), map.outputs, rank).cast<double>();
  const std::int64_t outer = std::min(map.outputs, rank);
  const std::int64_t inner = std::min(map.inputs, rank);
  const Eigen::HouseholderQR<Matrix> qr_b(b_OR);
  const Eigen::HouseholderQR<Matrix> qr_a(Matrix(a_RI.transpose()));
  const Matrix r_b = qr_b.matrixQR().topRows(outer).triangularView<Eigen::Upper>();
  const Matrix r_a = qr_a.matrixQR().topRows(inner).triangularView<Eigen::Upper>();
  const Eigen::JacobiSVD<Matrix> svd(r_b * r_a.transpose(),
                                     Eigen::ComputeThinU | Eigen::ComputeThinV);
  // A row of value 0 in both factors could never be trained: those stay as they are when fresh.
  const auto& values = svd.singularValues();
  const std::int64_t kept = std::min<std::int64_t>(
      cut.options().rank, (values.array() > 1e-12 * std::max(values(0), 1e-30)).count());
  const Eigen::VectorXd root = (values.head(kept) * (whole.scale() / cut.scale())).cwiseSqrt();
  const Matrix b_OK = qr_b.householderQ() * Matrix::Identity(map.outputs, outer) *
                      svd.matrixU().leftCols(kept) * root.asDiagonal();
  const Matrix a_IK = qr_a.householderQ() * Matrix::Identity(map.inputs, inner) *
                      svd.matrixV().leftCols(kept) * root.asDiagonal();
  const Adapter::Map& to = cut.maps()[m];
  for (std::int64_t k = 0; k < kept; ++k) {
    for (std::int64_t i = 0; i < map.inputs; ++i) {
      cut.values()[to.a_begin + k * map.inputs + i] = static_cast<float>(a_IK(i, k));
    }
    for (std::int64_t o = 0; o < map.outputs; ++o) {
      cut.values()[to.b_begin + o * cut.options().rank + k] = static_cast<float>(b_OK(o, k));
    }
  }
}

}  // namespace

LoraOptions WithRank(const LoraOptions& options, std::int64_t rank) {
  LoraOptions result = options;
  result.rank = rank;
  result.alpha *= RankPower(options, static_cast<double>(rank) / static_cast<double>(options.rank));
  return result;
}

std::shared_ptr<const Adapter> MakeSharedAdapter(
    const Backbone& backbone, const LoraOptions& options,
    std::span<const std::shared_ptr<const Adapter>> adapters, std::uint64_t seed) {
  const std::vector<Weighted> parts = Distinct(adapters);
  std::int64_t wanted = std::ssize(adapters) * options.rank;
  for (const Weighted& part : parts) wanted = std::max(wanted, part.adapter->options().rank);
  if (parts.size() == 1 && parts[0].weight > 1 - 1e-9 &&
      parts[0].adapter->options().rank == wanted) {
    return *std::find_if(adapters.begin(), adapters.end(),
                         [&](const auto& adapter) { return adapter.get() == parts[0].adapter; });
  }
  std::int64_t needed = 0;
  for (const Weighted& part : parts) needed += part.adapter->options().rank;
  Adapter whole =
      Adapter::Make(backbone.linear_maps(), WithRank(options, std::max(wanted, needed)), seed);
  std::int64_t first = 0;
  for (const Weighted& part : parts) {
    CopyInto(part, first, whole);
    first += part.adapter->options().rank;
  }
  if (needed <= wanted) return std::make_shared<const Adapter>(std::move(whole));
  Adapter cut = Adapter::Make(backbone.linear_maps(), WithRank(options, wanted), seed);
  for (std::size_t m = 0; m < cut.maps().size(); ++m) CutInto(whole, m, cut);
  return std::make_shared<const Adapter>(std::move(cut));
}

}  // namespace raie
