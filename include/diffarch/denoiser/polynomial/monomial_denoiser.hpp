#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/polynomial.hpp"
#include "diffarch/denoiser/polynomial/level_fits.hpp"
#include "diffarch/solver/hermite_moments.hpp"
#include "diffarch/solver/hermite_products.hpp"
#include "diffarch/solver/symmetric_solve.hpp"

namespace diffarch {

/// The fit of one noise level: polynomials in the whitened variable of that level,
///   u = diag(lambda + sigma^2)^(-1/2) U^T (y / signal - mean),   he_a(u) = prod_j He_{a_j}(u_j) / sqrt(a_j!),
/// which are orthonormal when the data are Gaussian, so that the equations stay solvable at every level.
struct PolynomialFit {
  Vector<double> inverse_scale;  ///< (k): 1 / sqrt(lambda + sigma^2)
  Matrix<double> coefficients;   ///< (k, p): U^T (D - mean) = coefficients he(u)
  Vector<double> potential;      ///< Conservative only: log density = - |u|^2 / 2 + potential . he(u), degree + 1
  double condition = 1.0;        ///< of the normal equations, scaled to a unit diagonal
};

/// Model of `Polynomial<Degree>` and `Polynomial<Degree, Conservative>` on all monomials, for low dimensions.
///
/// Monomials: the minimiser of E|x0 - D(y)|^2 over all polynomials of total degree <= Degree. With the Hermite moments
/// h_a of the data (HermiteMoments) and rho = sqrt(lambda / (lambda + sigma^2)) the normal equations are exact:
///   E[he_a(u) he_b(u)] from E[he_c(u)] = rho^c h_c by the product formula (HermiteProducts), and
///   E[zeta_j he_a(u)] = rho^a (sqrt(a_j + 1) h_{a + e_j} + sqrt(a_j) h_{a - e_j}).
///
/// Conservative: D = y + sigma^2 grad Q for the polynomial Q of degree Degree + 1 that minimises
/// E|grad Q|^2 / 2 + E lap Q (score matching, Hyvarinen 2005): no curl, and Q is the potential of this level. Solved
/// for the difference from the Gaussian score, where the right-hand side is r_a = rho^a h_a sum_j a_j / (lambda_j +
/// sigma^2) with no cancellation.
///
/// Fits are made in extended precision and stored in double. At any level that was not fitted in advance the fit is
/// made for the call.
template <class Scalar_, bool is_conservative_>
class MonomialDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;
  using Real = detail::Dependent<double, Scalar>;        ///< double
  using Fit = detail::Dependent<PolynomialFit, Scalar>;  ///< PolynomialFit
  static constexpr bool is_conservative = is_conservative_;

  /// `degree` >= 1; `moments` of order >= 2 * degree. Throws InvalidArgument.
  MonomialDenoiser(int degree, HermiteMoments moments)
      : moments_(std::move(moments)),
        basis_(moments_.indices().dimension(), degree),
        potential_basis_(moments_.indices().dimension(), degree + 1),
        products_(basis_, moments_.indices()) {}

  [[nodiscard]] Index dimension() const noexcept { return moments_.dimension(); }
  [[nodiscard]] int degree() const noexcept { return basis_.order(); }
  [[nodiscard]] const HermiteMoments& moments() const noexcept { return moments_; }

  /// Fits a level in advance; `denoise` finds it again. Throws NumericalError when double precision cannot solve it.
  void fit_level(NoiseLevel level) {
    if (level.signal > 0.0) keep_fit(level, fit_at(level));
  }
  /// Keeps a fit that `fit_at` made.
  void keep_fit(NoiseLevel level, Fit fit) { fits_.add(level, std::move(fit)); }

  /// The levels that were fitted in advance, (level, fit) each.
  [[nodiscard]] const auto& kept_fits() const noexcept { return fits_; }

  /// The fit of a level with signal > 0. Throws NumericalError, naming degree, sigma and condition, when the condition
  /// number exceeds `largest_condition`: a polynomial of this degree is then not determined by the data (fewer points
  /// than monomials, say) or beyond double precision.
  [[nodiscard]] Fit fit_at(NoiseLevel level) const {
    const double sigma = level.sigma();
    const Vector<Extended> lambda = moments_.eigenvalues().template cast<Extended>();
    const Vector<Extended> variance = lambda.array() + static_cast<Extended>(sigma) * sigma;
    const Vector<Extended> rho = (lambda.array() / variance.array()).sqrt();
    const auto& indices = moments_.indices();
    Vector<Extended> shrink(indices.size());
    for (Index i = 0; i < indices.size(); ++i)
      shrink(i) = i == 0 ? 1.0L : shrink(indices.parent(i).position) * rho(indices.parent(i).dimension);
    const Vector<Extended> noisy = shrink.cwiseProduct(moments_.values());
    Fit fit;
    fit.inverse_scale = variance.cwiseSqrt().cwiseInverse().template cast<Real>();
    const Matrix<Extended> gram = products_.gram(noisy);
    if constexpr (is_conservative)
      solve_potential(fit, gram, noisy, sigma, variance);
    else
      solve_regression(fit, gram, shrink);
    detail::require<NumericalError>(
        fit.condition <= largest_condition, "Polynomial of degree ", degree(), " at sigma = ", sigma,
        ": the normal equations have condition ", fit.condition, ", beyond ", largest_condition,
        ": the data do not determine a polynomial of this degree to working precision; use a lower degree, more data, "
        "or a larger last sigma");
    return fit;
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    check(y);
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    with_fit(level, [&](const Fit* fit) {
      Vector<Real> features(basis_.size());
      for (Index column = 0; column < y.cols(); ++column) {
        Vector<Real> x0 = moments_.mean();
        if (fit != nullptr) {
          normalised_hermite(basis_, whitened(*fit, y.col(column), level), features);
          x0 += moments_.basis() * (fit->coefficients * features);
        }
        x0_hat.col(column) = x0.template cast<Scalar>();
      }
    });
    return x0_hat;
  }

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k).
  [[nodiscard]] Matrix<Real> jacobian_product(const Batch<Scalar>& y, const Matrix<Real>& v, NoiseLevel level) const {
    check(y);
    Matrix<Real> result = Matrix<Real>::Zero(dimension(), v.cols());
    with_fit(level, [&](const Fit* fit) {
      if (fit == nullptr) return;
      Vector<Real> features(basis_.size());
      normalised_hermite(basis_, whitened(*fit, y.col(0), level), features);
      const Matrix<Real> directions =
          (fit->inverse_scale / level.signal).asDiagonal() * (moments_.basis().transpose() * v);
      Matrix<Real> derivative = Matrix<Real>::Zero(basis_.size(), v.cols());
      for (Index a = 0; a < basis_.size(); ++a)
        for (Index j = 0; j < basis_.dimension(); ++j)
          if (const int power = basis_[a][static_cast<std::size_t>(j)]; power > 0)
            derivative.row(a) +=
                std::sqrt(static_cast<double>(power)) * features(basis_.neighbour(a, j, -1)) * directions.row(j);
      result = moments_.basis() * (fit->coefficients * derivative);
    });
    return result;
  }

  /// The part of highest degree along unit directions theta (d, m): theta . D_degree(theta), in the coordinates of the
  /// level: the limit of theta . D(r theta) / r^degree for large r. All negative (odd degree): no trajectory can run
  /// away.
  [[nodiscard]] Vector<Real> leading_form(const Matrix<Real>& theta, NoiseLevel level) const {
    Vector<Real> values = Vector<Real>::Zero(theta.cols());
    with_fit(level, [&](const Fit* fit) {
      if (fit == nullptr) return;
      const Matrix<Real> modes = moments_.basis().transpose() * theta;
      for (Index column = 0; column < theta.cols(); ++column) {
        const Vector<Real> u = fit->inverse_scale.cwiseProduct(modes.col(column)) / level.signal;
        for (Index a = 0; a < basis_.size(); ++a) {
          if (degree_of(basis_[a]) < degree()) continue;
          double monomial = 1.0;  // the leading term of he_a: u^a / sqrt(a!)
          for (Index j = 0; j < basis_.dimension(); ++j)
            for (int power = 1; power <= basis_[a][static_cast<std::size_t>(j)]; ++power)
              monomial *= u(j) / std::sqrt(static_cast<double>(power));
          values(column) += monomial * modes.col(column).dot(fit->coefficients.col(a));
        }
      }
    });
    return values;
  }

  /// Condition number of the normal equations of a level, scaled to a unit diagonal; 1 for pure noise.
  [[nodiscard]] double condition(NoiseLevel level) const {
    double value = 1.0;
    with_fit(level, [&](const Fit* fit) {
      if (fit != nullptr) value = fit->condition;
    });
    return value;
  }

  /// Conservative only: log p(y) of each column of y (d, n) up to a constant: the potential of this level's field, so
  /// that D = (y + (noise^2) grad log p) / signal. It is no log density of what a sampler generates, not at the last
  /// level either. What lies outside the span of the data is left out.
  [[nodiscard]] Vector<Real> log_density(const Batch<Scalar>& y, NoiseLevel level) const requires is_conservative {
    check(y);
    Vector<Real> values = Vector<Real>::Zero(y.cols());
    with_fit(level, [&](const Fit* fit) {
      if (fit == nullptr) return;
      Vector<Real> features(potential_basis_.size());
      for (Index column = 0; column < y.cols(); ++column) {
        const Vector<Real> u = whitened(*fit, y.col(column), level);
        normalised_hermite(potential_basis_, u, features);
        values(column) = -0.5 * u.squaredNorm() + fit->potential.dot(features);
      }
    });
    return values;
  }

  /// The error of D is about 20 eps condition (measured against quadrature): 1e-3 at this limit.
  static constexpr double largest_condition = static_cast<double>(5e-5L / std::numeric_limits<ExtendedReal>::epsilon());

 private:
  using Extended = detail::Dependent<ExtendedReal, Scalar>;

  void check(const Batch<Scalar>& y) const { detail::require_dimension(y, dimension()); }

  /// Calls use(fit) with the fit of a level, nullptr for pure noise, where D is the mean.
  template <class Use>
  void with_fit(NoiseLevel level, const Use& use) const {
    if (level.signal == 0.0) return use(nullptr);
    fits_.with(
        level, [this](NoiseLevel missing) { return fit_at(missing); }, [&](const Fit& fit) { use(&fit); });
  }

  template <class Column>
  [[nodiscard]] Vector<Real> whitened(const Fit& fit, const Column& y, NoiseLevel level) const {
    return fit.inverse_scale.cwiseProduct(moments_.basis().transpose() *
                                          (y.template cast<Real>() / level.signal - moments_.mean()));
  }

  void solve_regression(Fit& fit, const Matrix<Extended>& gram, const Vector<Extended>& shrink) const {
    const auto& indices = moments_.indices();
    const auto& h = moments_.values();
    Matrix<Extended> cross(basis_.size(), basis_.dimension());
    for (Index a = 0; a < basis_.size(); ++a)
      for (Index j = 0; j < basis_.dimension(); ++j) {
        const int power = basis_[a][static_cast<std::size_t>(j)];
        ExtendedReal value = std::sqrt(static_cast<Extended>(power + 1)) * h(indices.neighbour(a, j, 1));
        if (power > 0) value += std::sqrt(static_cast<Extended>(power)) * h(indices.neighbour(a, j, -1));
        cross(a, j) = shrink(a) * value;
      }
    const auto solution = solve_symmetric(gram, cross);
    fit.coefficients = moments_.eigenvalues().cwiseSqrt().asDiagonal() * solution.x.transpose().template cast<Real>();
    fit.condition = solution.condition;
  }

  void solve_potential(Fit& fit, const Matrix<Extended>& gram, const Vector<Extended>& noisy, double sigma,
                       const Vector<Extended>& variance) const {
    const Index k = basis_.dimension();
    const Index size = potential_basis_.size() - 1;  // without the constant
    const Vector<Extended> weight = variance.minCoeff() * variance.cwiseInverse();
    Matrix<Extended> dirichlet = Matrix<Extended>::Zero(size, size);  // E[grad he_a . grad he_b]
    Matrix<Extended> right = Matrix<Extended>::Zero(size, 1);
    // Index sets list the degrees in the same order: a position in the smaller basis is the same in the larger.
    const auto lowered = [&](Index a, Index j) { return potential_basis_.neighbour(a, j, -1); };
    for (Index a = 1; a <= size; ++a)
      for (Index j = 0; j < k; ++j) {
        const int power_a = potential_basis_[a][static_cast<std::size_t>(j)];
        if (power_a == 0) continue;
        right(a - 1) += power_a * weight(j) * noisy(a);
        for (Index b = 1; b <= size; ++b)
          if (const int power_b = potential_basis_[b][static_cast<std::size_t>(j)]; power_b > 0)
            dirichlet(a - 1, b - 1) +=
                std::sqrt(static_cast<Extended>(power_a * power_b)) * weight(j) * gram(lowered(a, j), lowered(b, j));
      }
    const auto solution = solve_symmetric(dirichlet, right);
    fit.condition = solution.condition;
    fit.potential = Vector<Real>::Zero(size + 1);
    fit.potential.tail(size) = solution.x.template cast<Real>();
    fit.coefficients = Matrix<Real>::Zero(k, basis_.size());
    for (Index a = 1; a <= size; ++a)
      for (Index j = 0; j < k; ++j)
        if (const int power = potential_basis_[a][static_cast<std::size_t>(j)]; power > 0)
          fit.coefficients(j, lowered(a, j)) +=
              sigma * sigma * fit.inverse_scale(j) * std::sqrt(static_cast<double>(power)) * fit.potential(a);
    // The Gaussian score: U^T (D - mean) = lambda / (lambda + sigma^2) U^T (y - mean).
    for (Index j = 0; j < k; ++j)
      fit.coefficients(j, basis_.neighbour(0, j, 1)) += moments_.eigenvalues()(j) * fit.inverse_scale(j);
  }

  detail::Dependent<HermiteMoments, Scalar> moments_;
  MultiIndexSet basis_;
  MultiIndexSet potential_basis_;
  detail::Dependent<HermiteProducts, Scalar> products_;
  detail::LevelFits<Fit> fits_;
};

namespace detail {

/// The Fitter of polynomials on all monomials, for the model of a backend. Data: a batch (d, n), or a `MomentTable` of
/// order >= 2 Degree.
template <int Degree, class Features, class ModelType>
struct MonomialFitter {
  using Model = ModelType;

  template <class Data>
  requires requires(const Data& data) { HermiteMoments::from(data, 2 * Degree); }
  [[nodiscard]] static Model fit(const Polynomial<Degree, Features>& architecture, const Data& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return fit_levels(architecture.name(), levels, progress,
                      [&] { return Model(Degree, HermiteMoments::from(data, 2 * Degree)); });
  }
};

}  // namespace detail

template <int Degree, class Features, class Scalar>
requires std::is_same_v<Features, Monomials> || std::is_same_v<Features, Conservative>
struct Fitter<Polynomial<Degree, Features>, Cpu, Scalar>
    : detail::MonomialFitter<Degree, Features, MonomialDenoiser<Scalar, std::is_same_v<Features, Conservative>>> {
};

}  // namespace diffarch
