#include "certificates/tools.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace certificates {

namespace {

/// Nodes and weights of the Gauss rule whose three-term recurrence is this Jacobi matrix.
WeightedPoints rule_of(const Matrix<ExtendedReal>& jacobi) {
  const Eigen::SelfAdjointEigenSolver<Matrix<ExtendedReal>> solver(jacobi);
  const Vector<ExtendedReal> weights = solver.eigenvectors().row(0).transpose().cwiseAbs2();
  return {Batch<double>(solver.eigenvalues().cast<double>().transpose()), (weights / weights.sum()).cast<double>()};
}

}  // namespace

double relative_difference(const Matrix<double>& a, const Matrix<double>& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

Vector<double> eigenvalues(const Matrix<double>& symmetric) {
  return Eigen::SelfAdjointEigenSolver<Matrix<double>>(symmetric, Eigen::EigenvaluesOnly).eigenvalues().reverse();
}

Vector<double> singular_values(const Matrix<double>& matrix) {
  // The eigenvalues of [0 M; M^T 0] are the singular values of M with both signs, as accurate as those of M.
  const Index size = matrix.rows() + matrix.cols();
  Matrix<double> symmetric = Matrix<double>::Zero(size, size);
  symmetric.topRightCorner(matrix.rows(), matrix.cols()) = matrix;
  symmetric.bottomLeftCorner(matrix.cols(), matrix.rows()) = matrix.transpose();
  return eigenvalues(symmetric).head(std::min(matrix.rows(), matrix.cols())).cwiseMax(0.0);
}

WeightedPoints gauss_hermite(Index nodes) {
  Matrix<ExtendedReal> jacobi = Matrix<ExtendedReal>::Zero(nodes, nodes);
  for (Index i = 1; i < nodes; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(static_cast<ExtendedReal>(i));
  return rule_of(jacobi);
}

WeightedPoints gauss_quadrature(const Batch<double>& x, Index nodes) {
  const Vector<ExtendedReal> points = x.row(0).transpose().cast<ExtendedReal>();
  Matrix<ExtendedReal> jacobi = Matrix<ExtendedReal>::Zero(nodes, nodes);
  Vector<ExtendedReal> previous = Vector<ExtendedReal>::Zero(points.size());
  Vector<ExtendedReal> current =
      Vector<ExtendedReal>::Constant(points.size(), 1.0L / std::sqrt(static_cast<ExtendedReal>(points.size())));
  for (Index k = 0; k < nodes; ++k) {
    Vector<ExtendedReal> next = points.cwiseProduct(current);
    if (k > 0) next -= jacobi(k, k - 1) * previous;
    jacobi(k, k) = next.dot(current);
    next -= jacobi(k, k) * current;
    if (k + 1 < nodes) jacobi(k + 1, k) = jacobi(k, k + 1) = next.norm();
    previous = current;
    current = next / next.norm();
  }
  return rule_of(jacobi);
}

WeightedPoints quadrature_of(const GaussianMixture<double>& mixture, int order) {
  const Index d = mixture.dimension();
  const WeightedPoints rule = gauss_hermite(order / 2 + 1);
  const Index nodes = rule.weights.size();
  Index nodes_of_component = 1;
  for (Index j = 0; j < d; ++j) nodes_of_component *= nodes;
  WeightedPoints all{Batch<double>(d, mixture.components() * nodes_of_component),
                     Vector<double>(mixture.components() * nodes_of_component)};
  for (Index k = 0; k < mixture.components(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    for (Index i = 0; i < nodes_of_component; ++i) {
      Vector<double> z(d);
      double weight = mixture.weights()(k);
      for (Index j = 0, rest = i; j < d; ++j, rest /= nodes) {
        z(j) = rule.points(0, rest % nodes);
        weight *= rule.weights(rest % nodes);
      }
      all.points.col(k * nodes_of_component + i) =
          mixture.means().col(k) + mixture.directions()[at] * mixture.deviations()[at].cwiseProduct(z);
      all.weights(k * nodes_of_component + i) = weight;
    }
  }
  return all;
}

MomentTable<double> moments_of(const GaussianMixture<double>& mixture, int order) {
  const WeightedPoints points = quadrature_of(mixture, order);
  return MomentTable<double>::from_weighted(points.points, points.weights, order);
}

GaussianMixture<double> mixture_on_line(const std::vector<double>& weights, const std::vector<double>& means,
                                        const std::vector<double>& deviations) {
  const auto m = static_cast<Index>(weights.size());
  std::vector<Matrix<double>> variances;
  for (const double deviation : deviations)
    variances.emplace_back(Matrix<double>::Constant(1, 1, deviation * deviation));
  return GaussianMixture<double>(Eigen::Map<const Vector<double>>(weights.data(), m),
                                 Eigen::Map<const Matrix<double>>(means.data(), 1, m), variances);
}

Vector<double> equally_spaced(double first, double last, Index count) {
  return Vector<double>::LinSpaced(count, first, last);
}

double normal_density(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi); }

double normal_distribution(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

Series series_of(std::string label, const Vector<double>& x, const Vector<double>& y, SeriesStyle style, double floor) {
  Series series{.label = std::move(label), .x = {x.begin(), x.end()}, .y = {y.begin(), y.end()}, .style = style};
  for (double& value : series.y) value = std::max(value, floor);
  return series;
}

void add_prediction(Panel& panel, std::string label, const Vector<double>& x, const Vector<double>& predicted,
                    const Vector<double>& measured) {
  const bool has_black =
      std::any_of(panel.series.begin(), panel.series.end(), [](const Series& one) { return one.label == "measured"; });
  panel.series.push_back(series_of(std::move(label), x, predicted, SeriesStyle::lines));
  panel.series.push_back(series_of(has_black ? "" : "measured", x, measured, SeriesStyle::points));
  panel.series.back().colour = "#000000";
  panel.series.back().point_size = 0.6;
}

}  // namespace certificates
