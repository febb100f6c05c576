// Theorem 5, first part: a polynomial denoiser of degree d sees moments, and how many.

#include <cmath>
#include <numbers>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/solver/moment_coreset.hpp"

namespace certificates {

namespace {

/// The best polynomial denoiser of a degree chosen at run time: the model of Polynomial<degree>.
using PolynomialModel = MonomialDenoiser<double, false>;

template <class Data>
PolynomialModel polynomial(int degree, const Data& data) {
  return PolynomialModel(degree, HermiteMoments::from(data, 2 * degree));
}

MomentTable<double> moments_of(const WeightedPoints& points, int order) {
  return MomentTable<double>::from_weighted(points.points, points.weights, order);
}

/// Largest difference of two denoisers at some noise levels, on points y where noisy data lie, relative to the largest
/// prediction.
template <class A, class B>
double difference_of(const A& a, const B& b, const std::vector<double>& sigmas) {
  double largest = 0.0;
  const Batch<double> normal = normal_batch<double>(a.dimension(), 100, Seed{1});
  for (const double sigma : sigmas) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const Batch<double> y = std::sqrt(1.0 + sigma * sigma) * normal;
    largest = std::max(largest, relative_difference(a.denoise(y, level), b.denoise(y, level)));
  }
  return largest;
}

const std::vector<double> some_sigmas{2.0, 1.0, 0.5, 0.25};

/// m equal atoms on the unit circle, turned by `angle`.
Batch<double> polygon(Index m, double angle) {
  Batch<double> x(2, m);
  for (Index i = 0; i < m; ++i) {
    const double at = angle + 2.0 * std::numbers::pi * real(i) / real(m);
    x.col(i) << std::cos(at), std::sin(at);
  }
  return x;
}

/// Samples of a polynomial denoiser; those that run away are set to zero.
Batch<double> samples_of(const PolynomialModel& model, const Batch<double>& noise) {
  // All degrees share one type of model, whatever the policy says.
  DiffusionSampler<Polynomial<1>, CosineSchedule, Cpu, Ddim, double> sampler{{}, CosineSchedule{.steps = 50}};
  sampler.set_model(model);
  EscapeLog log(30.0);
  Batch<double> samples = sampler.sample_from(noise, log);
  for (const Escape& escape : log.escapes()) samples.col(escape.sample).setZero();
  return samples;
}

/// Where curves are drawn that are zero up to rounding.
constexpr double rounding_floor = 1e-17;

}  // namespace

Certificate polynomial_sees_moments() {
  Certificate certificate;
  const GaussianMixture<double> mixture = three_component_mixture();
  const Batch<double> x = mixture.sample(400, Seed{2});
  const Batch<double> noise = normal_batch<double>(2, 300, Seed{3});
  double of_denoisers = 0.0;
  for (const int degree : {1, 2, 3, 4, 5})
    of_denoisers =
        std::max(of_denoisers, difference_of(polynomial(degree, MomentTable<double>::from_samples(x, 2 * degree)),
                                             polynomial(degree, x), some_sigmas));
  certificate.zero("degrees 1 to 5: fitted to 400 samples and to their table of moments (relative)", of_denoisers,
                   1e-9);
  const Batch<double> samples = samples_of(polynomial(3, x), noise);
  certificate.zero(
      "degree 3: largest difference of 300 samples of the two",
      (samples - samples_of(polynomial(3, MomentTable<double>::from_samples(x, 6)), noise)).cwiseAbs().maxCoeff(),
      1e-7);
  certificate.zero("degree 1 against the linear denoiser (relative)",
                   difference_of(polynomial(1, x), fit(Linear{}, x, CosineSchedule{}), some_sigmas), 1e-12);

  // Two mixtures of equal mean and covariance, and nothing else.
  const GaussianMixture<double> twin = two_component_mixture();
  Vector<double> differences(5);
  for (int degree = 1; degree <= 5; ++degree)
    differences(degree - 1) =
        difference_of(polynomial(degree, certificates::moments_of(mixture, 2 * degree)),
                      polynomial(degree, certificates::moments_of(twin, 2 * degree)), some_sigmas);
  certificate.zero("two mixtures with equal moments up to 2, degree 1 (relative)", differences(0), 1e-12);
  certificate.at_least("the same, degree 2", 0.01, differences(1));
  certificate.panels.push_back({.title = "Two mixtures with equal moments up to 2",
                                .x_label = "degree",
                                .y_label = "largest relative difference of the denoisers",
                                .series = {series_of("measured", equally_spaced(1.0, 5.0, 5), differences,
                                                     SeriesStyle::lines_points, rounding_floor)},
                                .log_y = true});
  certificate.panels.push_back({.title = "Degree 3: generated from 400 samples, or their moments",
                                .series = {scatter("training samples", x), scatter("generated", samples)},
                                .equal_aspect = true,
                                .x_range = PlotRange{-3.0, 3.0},
                                .y_range = PlotRange{-3.0, 3.0}});
  return certificate;
}

Certificate polygon_twins() {
  Certificate certificate;
  Panel panel{.title = "m-gon against its rotation, sigma = 0.5",
              .x_label = "degree",
              .y_label = "largest relative difference of the denoisers",
              .log_y = true};
  constexpr int largest_degree = 7;
  double largest_of_equal = 0.0;
  double smallest_of_different = 1.0;
  for (const Index m : {3, 4, 5, 6, 7, 8}) {
    Vector<double> differences(largest_degree);
    for (int degree = 1; degree <= largest_degree; ++degree)
      differences(degree - 1) =
          difference_of(polynomial(degree, polygon(m, 0.0)), polynomial(degree, polygon(m, 0.37)), {0.5});
    largest_of_equal = std::max(largest_of_equal, differences.head(m - 2).maxCoeff());
    if (m - 1 <= largest_degree) smallest_of_different = std::min(smallest_of_different, differences(m - 2));
    if (m == 7) {
      certificate.zero("heptagon, degree 5 (relative difference)", differences(4), 1e-11);
      certificate.at_least("heptagon, degree 6", 0.01, differences(5));
    }
    panel.series.push_back(series_of(detail::concat("m = ", m, ": equal up to ", m - 2),
                                     equally_spaced(1.0, largest_degree, largest_degree), differences,
                                     SeriesStyle::lines_points, rounding_floor));
  }
  certificate.zero("m = 3 ... 8: largest difference for degrees up to m - 2", largest_of_equal, 1e-11);
  certificate.at_least("m = 3 ... 8: smallest difference at degree m - 1", 0.01, smallest_of_different);
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate atoms_look_gaussian() {
  Certificate certificate;
  Panel panel{.title = "m atoms against the Gaussian",
              .x_label = "degree",
              .y_label = "largest relative difference of the denoisers",
              .log_y = true};
  constexpr int largest_degree = 9;
  const GaussianMixture<double> gaussian = mixture_on_line({1.0}, {0.0}, {1.0});
  const Batch<double> noise = normal_batch<double>(1, 200, Seed{4});
  for (const Index m : {2, 3, 4}) {
    const WeightedPoints atoms = gauss_hermite(m);
    Vector<double> differences(largest_degree);
    for (int degree = 1; degree <= largest_degree; ++degree)
      differences(degree - 1) = difference_of(polynomial(degree, moments_of(atoms, 2 * degree)),
                                              polynomial(1, certificates::moments_of(gaussian, 2)), some_sigmas);
    certificate.zero(detail::concat(m, " atoms: largest difference up to degree ", 2 * m - 2),
                     differences.head(2 * m - 2).maxCoeff(), 1e-10);
    certificate.at_least(detail::concat(m, " atoms: difference at degree ", 2 * m - 1), 1e-3, differences(2 * m - 2));
    panel.series.push_back(series_of(detail::concat("m = ", m, ": equal up to ", 2 * m - 2),
                                     equally_spaced(1.0, largest_degree, largest_degree), differences,
                                     SeriesStyle::lines_points, rounding_floor));
  }
  // What is generated from two atoms by degree 2, and from the Gaussian.
  certificate.zero("2 atoms, degree 2: largest difference of 200 samples from those of the Gaussian",
                   (samples_of(polynomial(2, moments_of(gauss_hermite(2), 4)), noise) -
                    samples_of(polynomial(2, certificates::moments_of(gaussian, 4)), noise))
                       .cwiseAbs()
                       .maxCoeff(),
                   1e-9);
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate few_nodes_on_a_line() {
  Certificate certificate;
  const Batch<double> x = mixture_on_line({0.4, 0.6}, {-1.0, 0.8}, {0.2, 0.4}).sample(300, Seed{5});
  constexpr int largest_degree = 7;
  Vector<double> enough(largest_degree);
  Vector<double> one_less(largest_degree - 1);
  for (int degree = 1; degree <= largest_degree; ++degree) {
    const PolynomialModel all = polynomial(degree, x);
    enough(degree - 1) =
        difference_of(polynomial(degree, moments_of(gauss_quadrature(x, degree + 1), 2 * degree)), all, some_sigmas);
    if (degree > 1)
      one_less(degree - 2) =
          difference_of(polynomial(degree, moments_of(gauss_quadrature(x, degree), 2 * degree)), all, some_sigmas);
  }
  certificate.zero("degrees 1 to 7: d + 1 points instead of 300 (largest relative difference)", enough.maxCoeff(),
                   1e-9);
  certificate.at_least("degrees 2 to 7: d points (smallest relative difference)", 1e-4, one_less.minCoeff());
  certificate.panels.push_back(
      {.title = "300 points on the line against a few weighted ones",
       .x_label = "degree d",
       .y_label = "largest relative difference of the denoisers",
       .series = {series_of("d points", equally_spaced(2.0, largest_degree, largest_degree - 1), one_less,
                            SeriesStyle::lines_points, rounding_floor),
                  series_of("d + 1 points", equally_spaced(1.0, largest_degree, largest_degree), enough,
                            SeriesStyle::lines_points, rounding_floor)},
       .log_y = true});
  return certificate;
}

Certificate coreset_of_28_points() {
  Certificate certificate;
  const Batch<double> x = three_component_mixture().sample(1000, Seed{6});
  const MomentCoreset<double> coreset = moment_coreset(x, 6);
  certificate.at_most("points kept of 1000", 28.0, real(coreset.weights.size()));
  const auto table = MomentTable<double>::from_weighted(coreset.points, coreset.weights, 8);
  certificate.zero("cubic denoiser of the kept points against that of all, 4 noise levels (relative)",
                   difference_of(polynomial(3, table), polynomial(3, x), some_sigmas), 1e-10);
  certificate.at_least("the same at degree 4", 1e-3,
                       difference_of(polynomial(4, table), polynomial(4, x), some_sigmas));
  const Batch<double> noise = normal_batch<double>(2, 500, Seed{7});
  const Batch<double> samples = samples_of(polynomial(3, x), noise);
  certificate.zero("degree 3: largest difference of 500 samples",
                   (samples_of(polynomial(3, table), noise) - samples).cwiseAbs().maxCoeff(), 1e-7);
  Vector<double> differences(5);
  for (int degree = 1; degree <= 5; ++degree)
    differences(degree - 1) = difference_of(
        polynomial(degree, MomentTable<double>::from_weighted(coreset.points, coreset.weights, 2 * degree)),
        polynomial(degree, x), some_sigmas);
  certificate.details["kept"] = coreset.indices;
  certificate.panels.push_back({.title = "1000 points, the 28 that stand for them, and samples of either",
                                .series = {scatter("all points", x), scatter("samples, degree 3", samples),
                                           scatter("kept points", coreset.points)},
                                .equal_aspect = true,
                                .x_range = PlotRange{-3.0, 3.0},
                                .y_range = PlotRange{-3.0, 3.0}});
  certificate.panels.back().series.back().point_size = 1.2;
  certificate.panels.push_back({.title = "Denoisers of the 28 points against those of all 1000",
                                .x_label = "degree",
                                .y_label = "largest relative difference of the denoisers",
                                .series = {series_of("measured", equally_spaced(1.0, 5.0, 5), differences,
                                                     SeriesStyle::lines_points, rounding_floor)},
                                .log_y = true});
  return certificate;
}

}  // namespace certificates
