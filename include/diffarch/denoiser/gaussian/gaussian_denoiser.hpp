#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/core/fitter.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/solver/principal_components.hpp"

namespace diffarch {

/// The model of the linear family: posterior mean of a Gaussian N(mean, U diag(lambda) U^T) with K modes,
///   D(y) = mean + U diag(lambda signal / (lambda signal^2 + noise^2)) U^T (y - signal * mean)
/// (paper, eq. for the linear denoiser; Wiener 1949). Exact for every noise level from one set of modes: fitting does
/// nothing per level. Cost of denoise: two products of 2 d K n flops. Never inverts: a singular covariance is fine.
template <class BackendType_, class Scalar_>
class GaussianDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = BackendType_;
  using Storage = typename BackendType::template Storage<Scalar>;

  explicit GaussianDenoiser(PrincipalComponents<Scalar, BackendType> modes)
      : mean_(std::move(modes.mean)),
        mean_coordinates_(LinearAlgebra<BackendType>::coordinates(modes.basis, mean_)),
        eigenvalues_(std::move(modes.eigenvalues)),
        stored_mean_(BackendType::upload(Batch<Scalar>(mean_.template cast<Scalar>()))),
        basis_(std::move(modes.basis)) {}

  [[nodiscard]] Index dimension() const noexcept { return mean_.size(); }
  /// Number K of modes: the rank of the denoiser's Jacobian and of the generated distribution.
  [[nodiscard]] Index rank() const noexcept { return eigenvalues_.size(); }
  [[nodiscard]] const Vector<double>& mean() const noexcept { return mean_; }
  /// U^T mean, (K).
  [[nodiscard]] const Vector<double>& mean_coordinates() const noexcept { return mean_coordinates_; }
  /// lambda: variance of the data along each mode, (K), decreasing.
  [[nodiscard]] const Vector<double>& eigenvalues() const noexcept { return eigenvalues_; }
  /// U: (d, K), orthonormal columns.
  [[nodiscard]] const Storage& basis() const noexcept { return basis_; }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return apply_gains(y, level.signal,
                       eigenvalues_.unaryExpr([level](double lambda) { return wiener_gain(lambda, level); }));
  }

  /// mean + U diag(gains) U^T (y - signal * mean), gains (K). Throws DimensionMismatch.
  [[nodiscard]] Storage apply_gains(const Storage& y, double signal, const Vector<double>& gains) const {
    detail::require_dimension(y, dimension());
    detail::require<DimensionMismatch>(gains.size() == rank(), "apply_gains: ", gains.size(), " gains for ", rank(),
                                       " modes");
    using Algebra = LinearAlgebra<BackendType>;
    const Index d = dimension();
    const Index n = y.cols();
    Storage centred = y;
    BackendType::for_each(
        d, n,
        elementwise::AddScaledVector<Scalar>{centred.data(), stored_mean_.data(), static_cast<Scalar>(-signal), d});
    Storage coefficients = Algebra::multiply_transposed(basis_, centred);
    const Storage stored_gains = BackendType::upload(Batch<Scalar>(gains.template cast<Scalar>()));
    BackendType::for_each(rank(), n, elementwise::ScaleRows<Scalar>{coefficients.data(), stored_gains.data(), rank()});
    Storage x0_hat = Algebra::multiply(basis_, coefficients);
    BackendType::for_each(d, n, elementwise::AddScaledVector<Scalar>{x0_hat.data(), stored_mean_.data(), Scalar(1), d});
    return x0_hat;
  }

 private:
  Vector<double> mean_;
  Vector<double> mean_coordinates_;
  Vector<double> eigenvalues_;
  Storage stored_mean_;
  Storage basis_;
};

#ifdef DIFFARCH_COMPILED
extern template class GaussianDenoiser<Cpu, float>;
extern template class GaussianDenoiser<Cpu, double>;
#endif

/// A policy of the linear family: it has a bias or not, and modes(rank) says how many modes it keeps of a covariance of
/// the given rank, throwing InvalidArgument when the policy asks for more than there are.
template <class A>
concept GaussianArchitecture = Architecture<A> && requires(const A& architecture, Index rank) {
  { architecture.bias } -> std::convertible_to<bool>;
  { architecture.modes(rank) } -> std::same_as<Index>;
};

template <GaussianArchitecture A, class BackendType, class Scalar>
struct Fitter<A, BackendType, Scalar> {
  using Model = GaussianDenoiser<BackendType, Scalar>;

  /// Data: a batch (d, n) or `GaussianMoments`.
  template <class Data>
  requires std::same_as<Data, Batch<Scalar>> || std::same_as<Data, GaussianMoments<Scalar>>
  [[nodiscard]] static Model fit(const A& architecture, const Data& data, const NoiseLevels& /*levels*/,
                                 const ProgressCallback& progress) {
    ProgressReporter reporter(progress, "fit " + architecture.name(), 1);
    Model model(principal_components<BackendType>(data, architecture.bias ? Centring::mean : Centring::none,
                                                  [&](Index rank) { return architecture.modes(rank); }));
    reporter.advance();
    return model;
  }
};

}  // namespace diffarch
