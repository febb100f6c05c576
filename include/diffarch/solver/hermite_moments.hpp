#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "diffarch/solver/hermite.hpp"
#include "diffarch/solver/moment_table.hpp"
#include "diffarch/solver/principal_components.hpp"

namespace diffarch {

/// A distribution as polynomials see it: mean, eigenmodes of the covariance, and the Hermite moments
///   h_a = E[He_a(zeta)] / sqrt(a!),   zeta = diag(lambda)^(-1/2) U^T (x - mean),   |a| <= order,
/// of the whitened variable. Gaussian noise acts on them by a factor, with no cancellation: for y = x + sigma epsilon,
/// whitened to u = diag(lambda + sigma^2)^(-1/2) U^T (y - mean), Mehler's formula gives
///   E[He_a(u)] / sqrt(a!) = rho^a h_a,   rho_j = sqrt(lambda_j / (lambda_j + sigma^2)).
/// This is what makes every noise average of a polynomial fit exact and well conditioned. Directions of variance zero
/// are left out.
class HermiteMoments {
 public:
  /// From samples (d, n), evaluated at the whitened samples. Throws InvalidArgument when all samples are equal, or when
  /// the dimension is too high for a complete basis (see MultiIndexSet).
  template <class Scalar>
  [[nodiscard]] static HermiteMoments from(const Batch<Scalar>& samples, int order) {
    const auto modes = principal_components<Cpu>(Batch<double>(samples.template cast<double>()));
    HermiteMoments moments(modes.mean, modes.basis, modes.eigenvalues, order);
    const Matrix<ExtendedReal> whiten = moments.whitening();
    const Vector<ExtendedReal> mean = modes.mean.template cast<ExtendedReal>();
    Vector<ExtendedReal> values(moments.indices_.size());
    for (Index sample = 0; sample < samples.cols(); ++sample) {
      const Vector<ExtendedReal> zeta = whiten * (samples.col(sample).template cast<ExtendedReal>() - mean);
      normalised_hermite(moments.indices_, zeta, values);
      moments.values_ += values;
    }
    moments.values_ /= static_cast<ExtendedReal>(samples.cols());
    return moments;
  }

  /// From a table of raw moments of at least this order, by substituting zeta into the monomials.
  /// Throws InvalidArgument when the table does not reach `order` or has no variance.
  template <class Scalar>
  [[nodiscard]] static HermiteMoments from(const MomentTable<Scalar>& table, int order) {
    detail::require(table.order() >= order && table.order() >= 2, "HermiteMoments: moments up to degree ", order,
                    " are needed, but the table ends at degree ", table.order());
    const Index d = table.dimension();
    const auto unit = [&](Index i, Index j) {
      MultiIndex index(static_cast<std::size_t>(d), 0);
      if (i >= 0) ++index[static_cast<std::size_t>(i)];
      if (j >= 0) ++index[static_cast<std::size_t>(j)];
      return static_cast<double>(table.values()(table.indices().find(index)));
    };
    Vector<double> mean(d);
    Matrix<double> covariance(d, d);
    for (Index i = 0; i < d; ++i) mean(i) = unit(i, -1);
    for (Index i = 0; i < d; ++i)
      for (Index j = 0; j < d; ++j) covariance(i, j) = unit(i, j) - mean(i) * mean(j);
    const auto modes = principal_components<Cpu>(GaussianMoments<double>(mean, covariance));
    HermiteMoments moments(mean, modes.basis, modes.eigenvalues, order);
    moments.substitute(table.indices(), table.values());
    return moments;
  }

  [[nodiscard]] const Vector<double>& mean() const noexcept { return mean_; }                ///< (d)
  [[nodiscard]] const Matrix<double>& basis() const noexcept { return basis_; }              ///< U, (d, k)
  [[nodiscard]] const Vector<double>& eigenvalues() const noexcept { return eigenvalues_; }  ///< lambda, (k)
  [[nodiscard]] const MultiIndexSet& indices() const noexcept { return indices_; }
  /// h_a in the order of indices().
  [[nodiscard]] const Vector<ExtendedReal>& values() const noexcept { return values_; }
  [[nodiscard]] Index dimension() const noexcept { return mean_.size(); }
  [[nodiscard]] int order() const noexcept { return indices_.order(); }

 private:
  template <class Real>
  HermiteMoments(Vector<Real> mean, Matrix<Real> basis, Vector<Real> eigenvalues, int order)
      : mean_(std::move(mean)),
        basis_(std::move(basis)),
        eigenvalues_(std::move(eigenvalues)),
        indices_(checked_rank(basis_.cols()), order),
        values_(indices_.size()) {
    for (Index i = 0; i < values_.size(); ++i) values_(i) = 0.0L;
  }

  [[nodiscard]] static Index checked_rank(Index rank) {
    detail::require(rank >= 1, "HermiteMoments: the data have no variance; expected at least two different samples");
    return rank;
  }

  /// diag(lambda)^(-1/2) U^T, (k, d).
  template <class Real = ExtendedReal>
  [[nodiscard]] Matrix<Real> whitening() const {
    return eigenvalues_.template cast<Real>().cwiseSqrt().cwiseInverse().asDiagonal() *
           basis_.transpose().template cast<Real>();
  }

  /// Fills values_ with E[He_a(zeta)] / sqrt(a!) by writing each polynomial in the monomials of x.
  template <class Real>
  void substitute(const MultiIndexSet& monomials, const Vector<Real>& raw) {
    using Polynomial = Vector<Real>;  // coefficients of the monomials
    const Index d = mean_.size();
    const Matrix<Real> whiten = whitening<Real>();
    const Vector<Real> offset = whiten * mean_.template cast<Real>();
    const auto times_zeta = [&](const Polynomial& polynomial, Index mode) {
      Polynomial product = -offset(mode) * polynomial;
      for (Index i = 0; i < polynomial.size(); ++i)
        if (polynomial(i) != Real(0))
          for (Index j = 0; j < d; ++j)
            if (const Index raised = monomials.neighbour(i, j, 1); raised >= 0)
              product(raised) += whiten(mode, j) * polynomial(i);
      return product;
    };
    std::vector<Polynomial> polynomials;
    for (Index i = 0; i < indices_.size(); ++i) {
      if (i == 0) {
        polynomials.emplace_back(Polynomial::Unit(monomials.size(), 0));
      } else {
        const auto& parent = indices_.parent(i);
        const int n = indices_[parent.position][static_cast<std::size_t>(parent.dimension)];
        Polynomial polynomial = times_zeta(polynomials[static_cast<std::size_t>(parent.position)], parent.dimension);
        if (n > 0)
          polynomial -=
              std::sqrt(static_cast<Real>(n)) *
              polynomials[static_cast<std::size_t>(indices_.neighbour(parent.position, parent.dimension, -1))];
        polynomials.emplace_back(polynomial / std::sqrt(static_cast<Real>(n + 1)));
      }
      values_(i) = polynomials.back().dot(raw);
    }
  }

  Vector<double> mean_;
  Matrix<double> basis_;
  Vector<double> eigenvalues_;
  MultiIndexSet indices_;
  Vector<ExtendedReal> values_;
};

}  // namespace diffarch
