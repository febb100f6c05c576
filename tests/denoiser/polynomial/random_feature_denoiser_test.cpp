#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

CustomSchedule single_level_schedule(double sigma) { return CustomSchedule::from_sigmas({sigma, 0.0}); }

constexpr double sigma = 0.5;
const NoiseLevel level = NoiseLevel::from_sigma(sigma);

template <class A>
auto fitted(const A& architecture, const Batch<double>& x, double at = sigma) {
  return fit(architecture, x, single_level_schedule(at), TestedBackend{});
}

template <class A>
Batch<double> prediction(const A& architecture, const Batch<double>& x, const Batch<double>& y) {
  return denoise_on(fitted(architecture, x), y, level);
}

}  // namespace

TEST_CASE("Degree one with enough features is the linear denoiser, as the ridge goes to zero",
          "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(5, 40, 1);
  const Batch<double> y = random_matrix(5, 20, 2);
  const Batch<double> linear = fit(Linear{}, x, single_level_schedule(sigma)).denoise(y, level);
  const auto error = [&](double ridge) {
    const Polynomial<1, RandomFeatures<>> architecture{{.width = 30, .averaging = {.ridge = ridge}}};
    return relative_difference(prediction(architecture, x, y), linear);
  };
  CHECK(error(1e-10) < 1e-7);
  CHECK(error(1e-4) > error(1e-7));
}

TEST_CASE("Many noise draws tend to the exact average", "[denoiser][polynomial]") {
  // SingleDraw on every image repeated m times is a fit to m draws.
  const Batch<double> x = correlated_samples(6, 30, 3);
  const Batch<double> y = x + sigma * random_matrix(6, 30, 4);
  const Polynomial<3, RandomFeatures<>> exact{{.width = 10, .averaging = {.ridge = 1e-12}}};
  const Batch<double> expected = prediction(exact, x, y);
  const auto error = [&](Index draws, std::uint64_t first_seed) {
    double sum = 0.0;
    for (std::uint64_t seed = first_seed; seed < first_seed + 10; ++seed) {
      const Polynomial<3, RandomFeatures<SingleDraw>> single{
          {.width = 10, .averaging = {.ridge = 1e-12, .noise = Seed{seed}}}};
      sum += (prediction(single, x.replicate(1, draws), y) - expected).squaredNorm();
    }
    return std::sqrt(sum);
  };
  CHECK(std::log(error(640, 100) / error(10, 1)) / std::log(64.0) == Approx(-0.5).margin(0.12));
}

TEST_CASE("A single draw blows up where width meets the number of images; the exact average does not",
          "[denoiser][polynomial]") {
  // theory.md, pitfall 6: n = 100, d = 20, cubic with bias, ridge 1e-5, sigma^2 = 0.16.
  const Index d = 20;
  const auto draw = [&](Index n, unsigned seed) {
    Batch<double> x = random_matrix(d, n, seed);
    for (Index i = 0; i < d; ++i) x.row(i) *= std::pow(0.85, real(i)) / 1.2;
    return Batch<double>(x + 0.3 * x.array().square().matrix());
  };
  const NoiseLevel noise = NoiseLevel::from_sigma(0.4);
  const Batch<double> x = draw(100, 5);
  const Batch<double> test = draw(400, 6);
  const Batch<double> y = test + 0.4 * random_matrix(d, 400, 7);
  const auto error = [&](const auto& architecture) {
    return (denoise_on(fitted(architecture, x, 0.4), y, noise) - test).squaredNorm() / real(test.size());
  };
  const auto single = [&](Index width) { return error(Polynomial<3, RandomFeatures<SingleDraw>>{{.width = width}}); };
  const auto exact = [&](Index width) { return error(Polynomial<3, RandomFeatures<>>{{.width = width}}); };
  const double peak = single(100);
  WARN("test error: single draw " << single(25) << " (p = 25), " << peak << " (p = 100), " << single(400)
                                  << " (p = 400); exact average " << exact(25) << ", " << exact(100) << ", "
                                  << exact(400));
  CHECK(peak > 5.0 * single(25));
  CHECK(peak > 5.0 * single(400));
  CHECK(exact(100) < 1.2 * exact(25));
  CHECK(exact(100) < 0.2 * peak);
}

TEST_CASE("Jacobians equal differences, and the leading form is the limit far out", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(6, 30, 8);
  const auto model = fitted(Polynomial<3, RandomFeatures<>>{{.width = 40}}, x);
  const Batch<double> y = random_matrix(6, 1, 9);
  const Matrix<double> v = random_matrix(6, 3, 10);
  constexpr double step = 1e-5;
  const Batch<double> up = y.replicate(1, 3) + step * v;
  const Batch<double> down = y.replicate(1, 3) - step * v;
  CHECK(relative_difference(model.jacobian_product(y, v, level),
                            (denoise_on(model, up, level) - denoise_on(model, down, level)) / (2.0 * step)) < 1e-6);
  const Matrix<double> theta = v.colwise().normalized();
  constexpr double far = 1e6;
  for (const NoiseLevel at : {level.variance_preserving(), level.variance_exploding()}) {
    const Vector<double> limit =
        theta.cwiseProduct(denoise_on(model, far * theta, at)).colwise().sum() / std::pow(far, 3);
    CHECK(relative_difference(limit, model.leading_form(theta, at)) < 1e-4);
  }
}

TEST_CASE("Columns are independent, bitwise, and data of one image give the image", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(6, 30, 11);
  const auto model = fitted(Polynomial<3, RandomFeatures<>>{{.width = 40}}, x);
  const Batch<double> y = random_matrix(6, 40, 12);
  CHECK(bitwise_equal(Batch<double>(denoise_on(model, y, level).col(7)), denoise_on(model, y.col(7), level)));
  const Batch<double> one = prediction(Polynomial<3, RandomFeatures<>>{{.width = 10}}, x.col(0), y);
  CHECK(relative_difference(one, x.col(0).replicate(1, 40)) < 1e-14);
}

TEST_CASE("Degree 27 is finite, and its condition is reported", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(12, 40, 13);
  const auto model = fitted(Polynomial<27, RandomFeatures<>>{{.width = 60}}, x);
  const Batch<double> x0_hat = denoise_on(model, x + sigma * random_matrix(12, 40, 14), level);
  CHECK(x0_hat.allFinite());
  CHECK(model.condition(level) >= 1.0);
  CHECK(model.condition(level) < 1e9);
  CHECK(message_of<NumericalError>([&] {
          (void)fitted(Polynomial<301, RandomFeatures<>>{{.width = 10}}, x);
        }).find("degree 301 at sigma = 0.5") != std::string::npos);
}

TEST_CASE("Legacy of a single sample is refused, and of two is fitted", "[denoiser][polynomial]") {
  for (const Index d : {1, 6}) {
    const Batch<double> x = correlated_samples(d, 2, 15);
    CHECK(message_of<InvalidArgument>([&] {
            (void)fitted(Polynomial<3, RandomFeatures<Legacy>>{{.width = 8}}, Batch<double>(x.leftCols(1)));
          }) ==
          "RandomFeatures: Legacy divides by n - 1, and the training data have n = 1; expected at least 2 samples");
    CHECK(denoise_on(fitted(Polynomial<3, RandomFeatures<Legacy>>{{.width = 8}}, x), x, level).allFinite());
  }
}

TEST_CASE("Bad hyper-parameters of random features are refused", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(6, 30, 15);
  CHECK(message_of<InvalidArgument>([&] {
          (void)fitted(Polynomial<3, RandomFeatures<>>{{.width = 0}}, x);
        }).find("width = 0") != std::string::npos);
  CHECK_THROWS_AS(fitted(Polynomial<3, RandomFeatures<>>{{.averaging = {.ridge = -1.0}}}, x), InvalidArgument);
  const auto model = fitted(Polynomial<3, RandomFeatures<>>{{.width = 4}}, x);
  CHECK_THROWS_AS(denoise_on(model, Batch<double>::Ones(3, 1), level), DimensionMismatch);
}

TEST_CASE("Every backend's random features are those of the host", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(30, 50, 16);
  const Batch<double> y = 1.5 * random_matrix(30, 9, 17);
  const auto check = [&](const auto& architecture, double tolerance = 1e-12) {
    INFO(architecture.name());
    const Batch<double> host = fit(architecture, x, single_level_schedule(sigma)).denoise(y, level);
    CHECK(relative_difference(prediction(architecture, x, y), host) < tolerance);
    const Batch<float> narrow =
        denoise_on(fit(architecture, Batch<float>(x.cast<float>()), single_level_schedule(sigma), TestedBackend{}),
                   Batch<float>(y.cast<float>()), level);
    const Batch<float> narrow_host = fit(architecture, Batch<float>(x.cast<float>()), single_level_schedule(sigma))
                                         .denoise(Batch<float>(y.cast<float>()), level);
    // Projections, the factor of the noise and the result are in f32, the rest in double.
    CHECK(relative_difference(narrow, narrow_host) < 1e-6);
    CHECK(relative_difference(narrow, host) < 1e-5);  // the rounding of data and directions, through the solve
  };
  check(Polynomial<1, RandomFeatures<>>{{.width = 40, .averaging = {.ridge = 1e-2}}});
  check(Polynomial<3, RandomFeatures<>>{{.width = 37, .averaging = {.ridge = 1e-2}}});
  check(Polynomial<27, RandomFeatures<>>{{.width = 23, .averaging = {.ridge = 1e-2}}});
  check(Polynomial<3, RandomFeatures<SingleDraw>>{{.width = 23, .averaging = {.ridge = 1e-2}}});
  check(Polynomial<4, RandomFeatures<Legacy>>{{.width = 23, .averaging = {.ridge = 1e-2}}});
  // More directions than dimensions: their Gram matrix is singular, and the noise drawn with its factor right to the
  // root of its rounding.
  check(Polynomial<3, RandomFeatures<SingleDraw>>{{.width = 37, .averaging = {.ridge = 1e-2}}}, 1e-7);
  check(Polynomial<4, RandomFeatures<Legacy>>{{.width = 37, .averaging = {.ridge = 1e-2}}}, 1e-7);
}
