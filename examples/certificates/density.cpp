// Theorem 5, second part: that a polynomial denoiser of degree d generates exp(polynomial of degree d + 1). It does for
// d = 1. For higher degrees it is false in each of its steps: the score is no gradient, gradients of polynomials at all
// noise levels belong to no distribution, and an odd degree does not make the density integrable.

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"

namespace certificates {

namespace {

using PolynomialModel = MonomialDenoiser<double, false>;
using ConservativeModel = MonomialDenoiser<double, true>;

template <class Model>
Model model_of(int degree, const GaussianMixture<double>& mixture) {
  return Model(degree, HermiteMoments::from(certificates::moments_of(mixture, 2 * degree), 2 * degree));
}

/// Noisy points of a mixture, (d, n).
Batch<double> noisy_points(const GaussianMixture<double>& mixture, Index n, double sigma) {
  return mixture.sample(n, Seed{1}) + sigma * normal_batch<double>(mixture.dimension(), n, Seed{2});
}

/// The line integral of D around the circle of radius 1 about (0.3, -0.4), by the trapezoidal rule: exact for
/// polynomials. Zero for a gradient.
template <class Model>
double circulation(const Model& model, NoiseLevel level) {
  constexpr Index n = 64;
  Batch<double> points(2, n);
  Batch<double> tangents(2, n);
  for (Index i = 0; i < n; ++i) {
    const double angle = 2.0 * std::numbers::pi * real(i) / real(n);
    points.col(i) << 0.3 + std::cos(angle), -0.4 + std::sin(angle);
    tangents.col(i) << -std::sin(angle), std::cos(angle);
  }
  return 2.0 * std::numbers::pi / real(n) * model.denoise(points, level).cwiseProduct(tangents).sum();
}

/// The integral of dD_2/dy_1 - dD_1/dy_2 over the disc, from Jacobians: by Simpson's rule along the radius.
template <class Model>
double integral_of_curl(const Model& model, NoiseLevel level) {
  constexpr Index angles = 16;
  constexpr Index intervals = 40;
  double sum = 0.0;
  for (Index r = 0; r <= intervals; ++r) {
    const double radius = real(r) / real(intervals);
    const double weight = (r == 0 || r == intervals ? 1.0 : r % 2 == 1 ? 4.0 : 2.0) / (3.0 * real(intervals));
    for (Index i = 0; i < angles; ++i) {
      const double angle = 2.0 * std::numbers::pi * real(i) / real(angles);
      const Batch<double> y{{0.3 + radius * std::cos(angle)}, {-0.4 + radius * std::sin(angle)}};
      const Matrix<double> j = model.jacobian_product(y, Matrix<double>::Identity(2, 2), level);
      sum += weight * 2.0 * std::numbers::pi / real(angles) * radius * (j(1, 0) - j(0, 1));
    }
  }
  return sum;
}

/// Moments of a symmetric distribution on the line.
struct EvenMoments {
  double second = 0.0;
  double fourth = 0.0;
  double sixth = 0.0;

  explicit EvenMoments(const GaussianMixture<double>& mixture) {
    const MomentTable<double> table = certificates::moments_of(mixture, 6);
    second = static_cast<double>(table.values()(2));
    fourth = static_cast<double>(table.values()(4));
    sixth = static_cast<double>(table.values()(6));
  }
  [[nodiscard]] double fourth_cumulant() const { return fourth - 3.0 * second * second; }
};

/// The best cubic denoiser a y + b y^3 of symmetric data on the line, by its two normal equations.
struct Cubic {
  double a = 0.0;
  double b = 0.0;

  Cubic(const EvenMoments& x, double sigma) {
    const double s = sigma * sigma;
    const double m2 = x.second + s;
    const double m4 = x.fourth + 6.0 * x.second * s + 3.0 * s * s;
    const double m6 = x.sixth + 15.0 * x.fourth * s + 45.0 * x.second * s * s + 15.0 * s * s * s;
    const double first = x.second;                       // E[x y]
    const double third = x.fourth + 3.0 * x.second * s;  // E[x y^3]
    b = (third - m4 * first / m2) / (m6 - m4 * m4 / m2);
    a = (first - b * m4) / m2;
  }
  [[nodiscard]] double operator()(double y) const { return y * (a + b * y * y); }
};

/// Variance of x(z) under z ~ N(0, 1), and everything that depends on the density that the monotone map z -> x(z) makes
/// of it, on an equally spaced grid of z.
struct Generated {
  Vector<double> z;
  Vector<double> x;
  Vector<double> weight;       ///< phi(z) dz
  Vector<double> log_density;  ///< log phi(z) - log dx/dz

  Generated(Vector<double> grid, const Vector<double>& values) : z(std::move(grid)), x(values) {
    const double step = z(1) - z(0);
    weight = z.unaryExpr([step](double at) { return step * normal_density(at); });
    log_density.resize(z.size());
    for (Index i = 0; i < z.size(); ++i) {
      const Index before = std::max<Index>(i - 1, 0);
      const Index after = std::min<Index>(i + 1, z.size() - 1);
      log_density(i) = std::log(normal_density(z(i))) - std::log((x(after) - x(before)) / (z(after) - z(before)));
    }
  }

  [[nodiscard]] double variance() const { return weight.dot(x.cwiseAbs2()) / weight.sum(); }

  /// The polynomial c_0 + c_1 x^2 + ... of least squares to the log density, weighted by the density; terms: how many.
  [[nodiscard]] Vector<double> best_fit(Index terms) const {
    const Matrix<double> powers = powers_of(terms);
    const Matrix<double> weighted = weight.asDiagonal() * powers;
    return Eigen::LDLT<Matrix<double>>(powers.transpose() * weighted).solve(weighted.transpose() * log_density);
  }
  [[nodiscard]] Vector<double> evaluated(const Vector<double>& coefficients) const {
    return powers_of(coefficients.size()) * coefficients;
  }
  [[nodiscard]] double rms(const Vector<double>& values) const {
    return std::sqrt(weight.dot(values.cwiseAbs2()) / weight.sum());
  }
  [[nodiscard]] double deviation_of_log_density() const {
    return rms((log_density.array() - weight.dot(log_density) / weight.sum()).matrix());
  }

 private:
  [[nodiscard]] Matrix<double> powers_of(Index terms) const {
    Matrix<double> powers(x.size(), terms);
    for (Index k = 0; k < terms; ++k) powers.col(k) = x.array().pow(2.0 * static_cast<double>(k));
    return powers;
  }
};

/// The probability flow dz/dsigma = (z - D(z)) / sigma of the cubic denoiser in closed form, by Runge-Kutta of fourth
/// order in log sigma, and the last prediction.
double flow_of_cubic(const EvenMoments& moments, double z, double sigma_T, double last_sigma) {
  constexpr int steps = 400;
  const double step = std::log(last_sigma / sigma_T) / steps;
  double log_sigma = std::log(sigma_T);
  const auto slope = [](const Cubic& cubic, double at) { return at - cubic(at); };
  for (int i = 0; i < steps; ++i, log_sigma += step) {
    const Cubic start(moments, std::exp(log_sigma));
    const Cubic middle(moments, std::exp(log_sigma + 0.5 * step));
    const Cubic end(moments, std::exp(log_sigma + step));
    const double k1 = slope(start, z);
    const double k2 = slope(middle, z + 0.5 * step * k1);
    const double k3 = slope(middle, z + 0.5 * step * k2);
    const double k4 = slope(end, z + step * k3);
    z += step / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
  }
  return Cubic(moments, last_sigma)(z);
}

/// What a polynomial denoiser makes of given x_T: in many Heun steps, or in a few of DDIM.
template <class S, class Rule>
Vector<double> sampled(const PolynomialModel& model, const S& schedule, const Rule& rule, const Vector<double>& x_T,
                       EscapeLog& log) {
  DiffusionSampler<Polynomial<1>, S, Cpu, Rule, double> sampler{{}, schedule, rule};
  sampler.set_model(model);
  return sampler.sample_from(Batch<double>(x_T.transpose()), log).transpose();
}

const std::vector<double> shown_sigmas{0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0};

/// Asymmetry of the Jacobian against sigma; appends its curve to the panel.
template <class Model>
double asymmetry_curve(const Model& model, const GaussianMixture<double>& mixture, const std::string& label,
                       Panel& panel, bool smallest) {
  Vector<double> asymmetry(static_cast<Index>(shown_sigmas.size()));
  double result = smallest ? 1e300 : 0.0;
  for (std::size_t i = 0; i < shown_sigmas.size(); ++i) {
    const double sigma = shown_sigmas[i];
    const double value = curl_asymmetry(model, noisy_points(mixture, 200, sigma), Matrix<double>::Identity(2, 2),
                                        NoiseLevel::from_sigma(sigma));
    asymmetry(static_cast<Index>(i)) = value;
    if (smallest && sigma >= 0.4 && sigma <= 1.0) result = std::min(result, value);
    if (!smallest) result = std::max(result, value);
  }
  panel.series.push_back(series_of(label, Eigen::Map<const Vector<double>>(shown_sigmas.data(), asymmetry.size()),
                                   asymmetry, SeriesStyle::lines_points, 1e-20));
  return result;
}

/// Largest difference, for two bumps on the line, between the distribution function of what the best cubic gradient
/// generates in 300 Heun steps and that of exp(its potential at the last level). The flow on the line keeps the order
/// of points, so P(X <= x(z)) = Phi(z) for the x(z) that starts at z, and nothing is drawn.
double distance_from_last_potential() {
  const KarrasSchedule schedule{.steps = 300, .sigma_min = 0.03};
  DiffusionSampler<Polynomial<3, Conservative>, KarrasSchedule, Cpu, Heun, double> sampler{{}, schedule};
  sampler.set_model(model_of<ConservativeModel>(3, mixture_on_line({0.5, 0.5}, {-1.0, 1.0}, {0.3, 0.3})));
  const Vector<double> z = equally_spaced(-4.0, 4.0, 201);
  const Vector<double> x = sampler.sample_from(Batch<double>(z.transpose())).transpose();
  const NoiseLevel last = sampler.levels()[sampler.levels().steps() - 1];
  const Vector<double> grid = equally_spaced(-4.0, 4.0, 8001);
  const Vector<double> potential = sampler.model().log_density(Batch<double>(last.signal * grid.transpose()), last);
  const Eigen::ArrayXd density = (potential.array() - potential.maxCoeff()).exp();
  double largest = 0.0;
  for (Index i = 0; i < z.size(); ++i) {
    const double below = (grid.array() <= x(i)).select(density, 0.0).sum() / density.sum();
    largest = std::max(largest, std::abs(below - normal_distribution(z(i))));
  }
  return largest;
}

Panel asymmetry_panel() {
  return {.title = "Asymmetry of the Jacobian, three blobs",
          .x_label = "sigma",
          .y_label = "|J - J^T| / |J|",
          .log_x = true,
          .log_y = true};
}

}  // namespace

Certificate polynomial_has_curl() {
  Certificate certificate;
  const GaussianMixture<double> mixture = three_component_mixture();
  Panel panel = asymmetry_panel();
  const NoiseLevel level = NoiseLevel::from_sigma(0.6);
  const PolynomialModel linear = model_of<PolynomialModel>(1, mixture);
  certificate.zero("degree 1: largest asymmetry at all sigmas",
                   asymmetry_curve(linear, mixture, "degree 1", panel, false), 1e-14);
  certificate.zero("degree 1: line integral of D around a circle, sigma = 0.6", circulation(linear, level), 1e-13);
  for (const int degree : {2, 3, 5}) {
    const PolynomialModel model = model_of<PolynomialModel>(degree, mixture);
    const std::string name = detail::concat("degree ", degree);
    certificate.at_least(name + ": smallest asymmetry, sigma 0.4 to 1", 3e-4,
                         asymmetry_curve(model, mixture, name, panel, true));
    certificate.at_least(name + ": line integral of D around a circle, sigma = 0.6 (absolute value)", 1e-4,
                         std::abs(circulation(model, level)));
    certificate.equal(name + ": line integral against that of the curl over the disc (Green)",
                      integral_of_curl(model, level), circulation(model, level), 1e-6);
  }
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate conservative_has_no_curl() {
  Certificate certificate;
  const GaussianMixture<double> mixture = three_component_mixture();
  Panel panel = asymmetry_panel();
  const double sigma = 0.6;
  const NoiseLevel level = NoiseLevel::from_sigma(sigma);
  // Squared error E|x - D(y)|^2 by quadrature over data and noise, exact for these polynomials.
  const WeightedPoints clean = quadrature_of(mixture, 14);
  const WeightedPoints noise = quadrature_of(
      GaussianMixture<double>(Vector<double>::Ones(1), Matrix<double>::Zero(2, 1), {Matrix<double>::Identity(2, 2)}),
      14);
  const auto squared_error = [&](const auto& model) {
    double error = 0.0;
    for (Index i = 0; i < noise.weights.size(); ++i)
      error +=
          noise.weights(i) *
          clean.weights.dot(
              (model.denoise((clean.points + sigma * noise.points.col(i).replicate(1, clean.points.cols())), level) -
               clean.points)
                  .colwise()
                  .squaredNorm()
                  .transpose());
    return error;
  };
  const double linear_error = squared_error(model_of<PolynomialModel>(1, mixture));
  for (const int degree : {3, 5}) {
    const PolynomialModel plain = model_of<PolynomialModel>(degree, mixture);
    const ConservativeModel model = model_of<ConservativeModel>(degree, mixture);
    const std::string name = detail::concat("degree ", degree);
    asymmetry_curve(plain, mixture, name + ", best polynomial", panel, false);
    certificate.zero(name + ": largest asymmetry at all sigmas",
                     asymmetry_curve(model, mixture, name + ", best gradient", panel, false), 1e-12);
    certificate.zero(name + ": line integral of D around a circle, sigma = 0.6", circulation(model, level), 1e-12);
    // The density's own gradient, by differences.
    const Batch<double> y = noisy_points(mixture, 50, sigma);
    Batch<double> gradient(2, y.cols());
    constexpr double step = 1e-5;
    for (Index j = 0; j < 2; ++j) {
      Batch<double> up = y;
      Batch<double> down = y;
      up.row(j).array() += step;
      down.row(j).array() -= step;
      gradient.row(j) = (model.log_density(up, level) - model.log_density(down, level)).transpose() / (2.0 * step);
    }
    certificate.zero(name + ": score (D - y) / sigma^2 against the gradient of the log density (relative)",
                     relative_difference((model.denoise(y, level) - y) / (sigma * sigma), gradient), 1e-6);
    const double best = squared_error(plain);
    const double of_gradient = squared_error(model);
    certificate.at_least(name + ": squared error over that of the best polynomial", 1.0, of_gradient / best, 1e-12);
    certificate.at_most(name + ": squared error over that of the linear denoiser", 1.0, of_gradient / linear_error);
  }
  certificate.at_least(
      "two bumps on the line, cubic: largest distance of the generated distribution function from that "
      "of the last level's potential",
      0.03, distance_from_last_potential());
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate not_a_log_polynomial() {
  Certificate certificate;
  const GaussianMixture<double> data = mixture_on_line({0.5, 0.5}, {-1.0, 1.0}, {0.3, 0.3});
  const EvenMoments moments(data);
  const KarrasSchedule schedule{.steps = 400};
  const NoiseLevels levels = schedule.levels();
  const Vector<double> z = equally_spaced(-4.5, 4.5, 901);
  const auto generate = [&](int degree) {
    EscapeLog log(30.0);
    const Vector<double> x = sampled(model_of<PolynomialModel>(degree, data), schedule, Heun{}, z, log);
    diffarch::detail::require(log.escapes().empty(), "C5b: samples escaped");
    return Generated(z, x);
  };
  const Generated linear = generate(1);
  const Generated cubic = generate(3);

  // The flow itself, from closed forms.
  Vector<double> by_runge_kutta(z.size());
  const double scale = std::sqrt(1.0 + levels.sigma_T() * levels.sigma_T());
  for (Index i = 0; i < z.size(); ++i)
    by_runge_kutta(i) = flow_of_cubic(moments, scale * z(i), levels.sigma_T(), levels.last_sigma());
  certificate.zero("where 901 x_T end: sampler against Runge-Kutta on the closed form (largest distance)",
                   (cubic.x - by_runge_kutta).cwiseAbs().maxCoeff(), 2e-3);

  // Degree 1 generates the Gaussian that it should: exp(quadratic) with the variance of the data.
  certificate.equal("degree 1: generated variance against that of the data", moments.second, linear.variance(), 2e-3);
  certificate.zero("degree 1: rms distance of the log density from the best quadratic",
                   linear.rms(linear.log_density - linear.evaluated(linear.best_fit(2))), 1e-3);
  // Degree 3 does not generate exp(quartic), and misses the variance, which it knows.
  const Vector<double> quartic = cubic.best_fit(3);
  certificate.at_least("degree 3: what the generated variance misses of the data's", 0.03,
                       moments.second - cubic.variance());
  const double residual = cubic.rms(cubic.log_density - cubic.evaluated(quartic));
  certificate.at_least("degree 3: rms distance of the log density from the best quartic, over its deviation", 0.3,
                       residual / cubic.deviation_of_log_density());
  // The cubic score at sigma -> 0 integrates to a quartic of leading coefficient kappa_4 / (4 mu_2 (mu_6 - mu_4^2 /
  // mu_2)).
  const double matched =
      moments.fourth_cumulant() / (4.0 * (moments.second * moments.sixth - moments.fourth * moments.fourth));
  const double tiny = 1e-3;
  const double of_library =
      model_of<PolynomialModel>(3, data).leading_form(Matrix<double>::Ones(1, 1), NoiseLevel::from_sigma(tiny))(0) /
      (4.0 * tiny * tiny);
  certificate.equal("leading coefficient of the quartic that the score at sigma -> 0 stands for", matched, of_library,
                    1e-4);
  certificate.at_least("its distance from that of the best quartic to what is generated", 0.3,
                       std::abs(quartic(2) - matched));
  certificate.details = {
      {"variance_of_data", moments.second},           {"variance_degree_3", cubic.variance()},
      {"rms_residual_of_quartic", residual},          {"deviation_of_log_density", cubic.deviation_of_log_density()},
      {"leading_coefficient_of_quartic", quartic(2)}, {"leading_coefficient_of_score", matched}};

  Panel panel{.title = "Density generated by a cubic denoiser of two bumps",
              .x_label = "x",
              .y_label = "density",
              .x_range = PlotRange{-2.2, 2.2}};
  const Vector<double> grid = equally_spaced(-2.2, 2.2, 221);
  const Vector<double> density = cubic.log_density.array().exp();
  const Vector<double> fitted = cubic.evaluated(quartic).array().exp();
  panel.series = {series_of("generated", cubic.x, density, SeriesStyle::lines),
                  series_of("best exp(quartic)", cubic.x, fitted, SeriesStyle::dashed_lines),
                  series_of("data", grid, data.density(Batch<double>(grid.transpose())), SeriesStyle::lines)};
  certificate.panels.push_back(panel);
  return certificate;
}

namespace {

/// The leading coefficient of the cubic denoiser of a mixture at 30 noise levels, and what the formula of its moments
/// says.
struct LeadingCoefficients {
  Vector<double> sigmas;
  Vector<double> measured;
  Vector<double> predicted;
};

LeadingCoefficients leading_coefficients(const GaussianMixture<double>& data) {
  const PolynomialModel model = model_of<PolynomialModel>(3, data);
  const EvenMoments moments(data);
  LeadingCoefficients result{equally_spaced(std::log(0.05), std::log(20.0), 30).array().exp(), {}, {}};
  result.measured.resize(result.sigmas.size());
  result.predicted.resize(result.sigmas.size());
  for (Index i = 0; i < result.sigmas.size(); ++i) {
    const double s = result.sigmas(i) * result.sigmas(i);
    const double m2 = moments.second + s;
    const double m4 = moments.fourth + 6.0 * moments.second * s + 3.0 * s * s;
    const double m6 = moments.sixth + 15.0 * moments.fourth * s + 45.0 * moments.second * s * s + 15.0 * s * s * s;
    result.predicted(i) = s * moments.fourth_cumulant() / (m2 * (m6 - m4 * m4 / m2));
    result.measured(i) = model.leading_form(Matrix<double>::Ones(1, 1), NoiseLevel::from_sigma(result.sigmas(i)))(0);
  }
  return result;
}

/// The sign of the leading coefficient, at every noise level.
void certify_signs(const GaussianMixture<double>& bumps, const GaussianMixture<double>& heavy,
                   Certificate& certificate) {
  Panel signs{.title = "Leading coefficient b of the cubic denoiser a y + b y^3",
              .x_label = "sigma",
              .y_label = "b",
              .log_x = true};
  double formula_error = 0.0;
  const auto leads_of = [&](const GaussianMixture<double>& data, const std::string& label) {
    const auto [sigmas, measured, predicted] = leading_coefficients(data);
    formula_error = std::max(formula_error, (measured.cwiseQuotient(predicted).array() - 1.0).abs().maxCoeff());
    add_prediction(signs, "predicted, " + label, sigmas, predicted, measured);
    return measured;
  };
  certificate.at_most("two bumps (excess kurtosis < 0): largest leading coefficient, 30 noise levels", 0.0,
                      leads_of(bumps, "two bumps").maxCoeff());
  certificate.at_least("heavy tails (excess kurtosis > 0): smallest leading coefficient", 0.0,
                       leads_of(heavy, "heavy tails").minCoeff());
  certificate.zero("both against sigma^2 kappa_4 / (m_2 (m_6 - m_4^2 / m_2)) (relative)", formula_error, 1e-9);
  certificate.panels.push_back(signs);
}

constexpr double escape_limit = 30.0;

/// Samples started from each x_T, and which of them run away: those beyond a threshold.
struct Ends {
  std::string label;
  Vector<double> x_T;
  EscapeLog log;
  Vector<double> values;

  Ends(std::string name, const PolynomialModel& model, const CosineSchedule& schedule)
      : label(std::move(name)),
        x_T(equally_spaced(0.0, 6.0, 6001)),
        log(escape_limit),
        values(sampled(model, schedule, Ddim{}, x_T, log)) {}

  /// The least x_T whose sample escapes, or infinity.
  [[nodiscard]] double threshold() const {
    for (Index i = 0; i < x_T.size(); ++i)
      if (log.has_escaped(i)) return x_T(i);
    return std::numeric_limits<double>::infinity();
  }
  /// How many of all samples escape.
  [[nodiscard]] double escaping_share() const { return 2.0 * (1.0 - normal_distribution(threshold())); }
};

/// The threshold by the same steps on the closed form of the cubic denoiser.
double predicted_threshold(const EvenMoments& moments, const NoiseLevels& levels) {
  const auto escapes = [&](double start) {
    double z = std::sqrt(1.0 + levels.sigma_T() * levels.sigma_T()) * start;
    for (Index i = 0; i < levels.steps(); ++i) {
      const double x0_hat = Cubic(moments, levels[i].sigma())(z);
      if (!(std::abs(x0_hat) <= escape_limit)) return true;
      z = x0_hat + levels[i + 1].sigma() / levels[i].sigma() * (z - x0_hat);
    }
    return false;
  };
  double inside = 0.0;
  double outside = 6.0;
  for (int i = 0; i < 60; ++i) (escapes(0.5 * (inside + outside)) ? outside : inside) = 0.5 * (inside + outside);
  return outside;
}

Panel paths_of(const std::vector<Ends>& all) {
  Panel paths{.title = "Where each x_T ends, 50 DDIM steps",
              .x_label = "x_T",
              .y_label = "x_0",
              .y_range = PlotRange{0.0, 12.0}};
  for (const Ends& ends : all) {
    Series path{.label = ends.label, .style = SeriesStyle::lines};
    for (Index i = 0; i < ends.x_T.size(); i += 10)
      if (!ends.log.has_escaped(i)) {
        path.x.push_back(ends.x_T(i));
        path.y.push_back(ends.values(i));
      }
    paths.series.push_back(path);
    const double threshold = ends.threshold();
    if (std::isfinite(threshold))
      paths.series.push_back({.label = "from here on: escapes",
                              .x = {threshold, threshold},
                              .y = {0.0, 12.0},
                              .style = SeriesStyle::dashed_lines});
  }
  return paths;
}

}  // namespace

Certificate heavy_tails_escape() {
  Certificate certificate;
  const GaussianMixture<double> bumps = mixture_on_line({0.5, 0.5}, {-1.0, 1.0}, {0.3, 0.3});
  const GaussianMixture<double> heavy = mixture_on_line({0.9, 0.1}, {0.0, 0.0}, {0.6, 2.0});
  certify_signs(bumps, heavy, certificate);

  const CosineSchedule schedule{.steps = 50};
  const NoiseLevels levels = schedule.levels();
  const Ends of_bumps("two bumps, degree 3", model_of<PolynomialModel>(3, bumps), schedule);
  certificate.zero("two bumps, degree 3, 50 DDIM steps: escapes for x_T from 0 to 6",
                   real(static_cast<Index>(of_bumps.log.escapes().size())), 0.0);
  const Ends of_heavy("heavy tails, degree 3", model_of<PolynomialModel>(3, heavy), schedule);
  certificate.equal("heavy tails, degree 3: x_T from which samples escape (grid of 0.001)",
                    predicted_threshold(EvenMoments(heavy), levels), of_heavy.threshold(), 1e-3 + 1e-9);
  certificate.at_least("heavy tails: escaping share of all samples", 1e-5, of_heavy.escaping_share());
  const PolynomialModel five = model_of<PolynomialModel>(5, bumps);
  const Ends of_five("two bumps, degree 5", five, schedule);
  double largest_lead = -1e300;
  for (Index i = 0; i < levels.steps(); ++i)
    largest_lead = std::max(largest_lead, five.leading_form(Matrix<double>::Ones(1, 1), levels[i])(0));
  certificate.at_least("even for two bumps, degree 5: largest leading coefficient at the 50 levels", 0.0, largest_lead);
  certificate.at_least("two bumps, degree 5: escaping share of all samples", 1e-5, of_five.escaping_share());
  certificate.details = {{"escape_limit", escape_limit},
                         {"escaping_share_heavy_tails_degree_3", of_heavy.escaping_share()},
                         {"escaping_share_two_bumps_degree_5", of_five.escaping_share()}};
  certificate.panels.push_back(paths_of({of_bumps, of_heavy, of_five}));
  return certificate;
}

}  // namespace certificates
