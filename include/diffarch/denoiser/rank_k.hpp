#pragma once

#include <string>

#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"

namespace diffarch {

/// The best affine denoiser through a linear bottleneck of width K (paper, Theorem 4):
///   D(y) = mean + U_K diag(lambda signal / (lambda signal^2 + noise^2)) U_K^T (y - signal * mean),
/// U_K the K leading eigenvectors of the training covariance, the same at every noise level because
/// lambda^2 / (lambda + sigma^2) grows with lambda. Samples lie in the K-dimensional affine subspace mean + span(U_K)
/// exactly, and are N(mean, rank-K part of the covariance) in the limit. Unique when lambda_K > lambda_{K+1}.
struct RankK {
  Index rank = 1;    ///< 1 <= rank <= rank of the training covariance, else `fit` throws InvalidArgument
  bool bias = true;  ///< as in Linear

  [[nodiscard]] std::string name() const { return "RankK (K = " + std::to_string(rank) + ")"; }
  [[nodiscard]] Index modes(Index available) const {
    detail::require(rank >= 1 && rank <= available, "RankK: rank = ", rank, " but the training data have rank ",
                    available, "; expected 1 <= rank <= ", available);
    return rank;
  }
};

/// RankK with the rank in the type, for programs that compare architectures at compile time: FixedRank<10>{}.
template <int K>
struct FixedRank {
  static_assert(K >= 1, "diffarch: FixedRank<K> needs K >= 1");
  static constexpr Index rank = K;
  bool bias = true;

  [[nodiscard]] std::string name() const { return RankK{K}.name(); }
  [[nodiscard]] Index modes(Index available) const { return RankK{K}.modes(available); }
};

static_assert(GaussianArchitecture<RankK> && GaussianArchitecture<FixedRank<1>>);

}  // namespace diffarch
