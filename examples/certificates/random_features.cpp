// Polynomials in random directions with the average over the noise taken exactly.

#include <algorithm>
#include <cmath>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/schedule/custom.hpp"

namespace certificates {

namespace {

/// Largest difference of the closed form of Cov((a_i + noise_i)^k, (a_j + noise_j)^k) from quadrature over the noise in
/// the plane, relative to the features' variance 1.
double moment_error(int degree) {
  constexpr Index features = 8;
  constexpr Index n = 6;
  constexpr double sigma = 0.7;
  const Batch<double> directions = normal_batch<double>(2, features, Seed{1}, streams::directions);
  const Batch<double> x = normal_batch<double>(2, n, Seed{2}, streams::data);
  const Vector<double> bias = normal_batch<double>(features, 1, Seed{3}, streams::biases).col(0);
  const Matrix<double> a = (directions.transpose() * x).colwise() + bias;
  const auto moments =
      power_feature_moments(a, Matrix<double>(sigma * sigma * directions.transpose() * directions), degree);
  const WeightedPoints rule = gauss_hermite(degree + 1);
  Vector<double> mean = Vector<double>::Zero(features);
  Matrix<double> second = Matrix<double>::Zero(features, features);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < rule.weights.size(); ++j)
      for (Index k = 0; k < rule.weights.size(); ++k) {
        const Vector<double> noise = sigma * Vector<double>{{rule.points(0, j), rule.points(0, k)}};
        const Vector<double> h =
            (((a.col(i) + directions.transpose() * noise).cwiseQuotient(moments.preactivation_scale))
                 .array()
                 .pow(static_cast<double>(degree)) *
             moments.feature_scale.array());
        const double weight = rule.weights(j) * rule.weights(k) / real(n);
        mean += weight * h;
        second += weight * h * h.transpose();
      }
  double error = 0.0;
  for (Index i = 0; i < features; ++i)
    for (Index j = 0; j <= i; ++j)
      error = std::max(error, std::abs(moments.covariance(i, j) - (second(i, j) - mean(i) * mean(j))));
  return error;
}

}  // namespace

Certificate random_features_are_polynomials() {
  Certificate certificate;
  for (const int degree : {3, 5})
    certificate.zero(detail::concat("degree ", degree, ": moments of 8 features against quadrature"),
                     moment_error(degree), 1e-10);

  const Batch<double> x = three_component_mixture().sample(60, Seed{4});
  const double sigma = 0.6;
  const NoiseLevel level = NoiseLevel::from_sigma(sigma);
  const CustomSchedule schedule = CustomSchedule::from_sigmas({sigma, 0.0});
  const Batch<double> y = x + sigma * normal_batch<double>(2, 60, Seed{5});
  const Batch<double> exact = fit(Polynomial<3>{}, x, schedule).denoise(y, level);
  const std::vector<Index> widths{2, 4, 6, 8, 9, 10, 12, 16, 24, 40};
  Vector<double> width(static_cast<Index>(widths.size()));
  Vector<double> exact_average(width.size());
  Vector<double> single_draw(width.size());
  const auto error_of = [&](const auto& features) {
    return relative_difference(
        fit(Polynomial<3, std::remove_cvref_t<decltype(features)>>{features}, x, schedule).denoise(y, level), exact);
  };
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto at = static_cast<Index>(i);
    width(at) = real(widths[i]);
    exact_average(at) = error_of(RandomFeatures<ExactAverage>{.width = widths[i], .averaging = {.ridge = 1e-12}});
    single_draw(at) = error_of(RandomFeatures<SingleDraw>{.width = widths[i], .averaging = {.ridge = 1e-12}});
  }
  // 10 monomials up to degree 3 in the plane; the constant is there without a feature.
  certificate.zero("12 to 40 cubic features, exact average, against all cubics (largest relative difference)",
                   exact_average.tail(4).maxCoeff(), 1e-4);
  certificate.at_least("8 features and fewer cannot: smallest relative difference", 1e-3,
                       exact_average.head(4).minCoeff());
  certificate.at_least("12 to 40 features, one noise draw of each sample: smallest relative difference", 1e-2,
                       single_draw.tail(4).minCoeff());
  certificate.panels.push_back(
      {.title = "Random cubics against the best cubic",
       .x_label = "features (all cubics: 10, one of them constant)",
       .y_label = "largest relative difference of the denoisers",
       .series = {series_of("one noise draw", width, single_draw, SeriesStyle::lines_points, 1e-17),
                  series_of("exact average", width, exact_average, SeriesStyle::lines_points, 1e-17)},
       .log_y = true});
  return certificate;
}

}  // namespace certificates
