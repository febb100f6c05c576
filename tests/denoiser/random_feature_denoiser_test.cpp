#include "diffarch/denoiser/random_feature_denoiser.hpp"

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

CustomSchedule single_level_schedule(double sigma) { return CustomSchedule::from_sigmas({sigma, 0.0}); }

constexpr double sigma = 0.5;
const NoiseLevel level = NoiseLevel::from_sigma(sigma);

}  // namespace

TEST_CASE("Degree one with enough features is the linear denoiser, as the ridge goes to zero",
          "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(5, 40, 1);
  const Batch<double> y = random_matrix(5, 20, 2);
  const auto linear = fit(Linear{}, x, single_level_schedule(sigma));
  const auto error = [&](double ridge) {
    const Polynomial<1, RandomFeatures<>> architecture{{.width = 30, .averaging = {.ridge = ridge}}};
    return relative_difference(fit(architecture, x, single_level_schedule(sigma)).denoise(y, level),
                               linear.denoise(y, level));
  };
  CHECK(error(1e-10) < 1e-7);
  CHECK(error(1e-4) > error(1e-7));
}

TEST_CASE("Many noise draws tend to the exact average", "[denoiser][polynomial]") {
  // SingleDraw on every image repeated m times is a fit to m draws.
  const Batch<double> x = correlated_samples(6, 30, 3);
  const Batch<double> y = x + sigma * random_matrix(6, 30, 4);
  const Polynomial<3, RandomFeatures<>> exact{{.width = 10, .averaging = {.ridge = 1e-12}}};
  const Batch<double> expected = fit(exact, x, single_level_schedule(sigma)).denoise(y, level);
  const auto error = [&](Index draws, std::uint64_t first_seed) {
    double sum = 0.0;
    for (std::uint64_t seed = first_seed; seed < first_seed + 10; ++seed) {
      const Polynomial<3, RandomFeatures<SingleDraw>> single{
          {.width = 10, .averaging = {.ridge = 1e-12, .noise = Seed{seed}}}};
      sum +=
          (fit(single, Batch<double>(x.replicate(1, draws)), single_level_schedule(sigma)).denoise(y, level) - expected)
              .squaredNorm();
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
    return (fit(architecture, x, single_level_schedule(0.4)).denoise(y, noise) - test).squaredNorm() /
           real(test.size());
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
  const auto model = fit(Polynomial<3, RandomFeatures<>>{{.width = 40}}, x, single_level_schedule(sigma));
  const Batch<double> y = random_matrix(6, 1, 9);
  const Matrix<double> v = random_matrix(6, 3, 10);
  constexpr double step = 1e-5;
  const Batch<double> up = y.replicate(1, 3) + step * v;
  const Batch<double> down = y.replicate(1, 3) - step * v;
  CHECK(relative_difference(model.jacobian_product(y, v, level),
                            (model.denoise(up, level) - model.denoise(down, level)) / (2.0 * step)) < 1e-6);
  const NoiseLevel vp = level.variance_preserving();
  const Matrix<double> theta = v.colwise().normalized();
  constexpr double far = 1e6;
  const Vector<double> limit = theta.cwiseProduct(model.denoise(far * theta, vp)).colwise().sum() / std::pow(far, 3);
  CHECK(relative_difference(limit, model.leading_form(theta, vp)) < 1e-4);
}

TEST_CASE("Columns are independent, bitwise, and data of one image give the image", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(6, 30, 11);
  const auto model = fit(Polynomial<3, RandomFeatures<>>{{.width = 40}}, x, single_level_schedule(sigma));
  const Batch<double> y = random_matrix(6, 40, 12);
  CHECK(bitwise_equal(Batch<double>(model.denoise(y, level).col(7)), model.denoise(y.col(7), level)));
  const Batch<double> one =
      fit(Polynomial<3, RandomFeatures<>>{{.width = 10}}, Batch<double>(x.col(0)), single_level_schedule(sigma))
          .denoise(y, level);
  CHECK(relative_difference(one, x.col(0).replicate(1, 40)) < 1e-14);
}

TEST_CASE("Degree 27 is finite, and its condition is reported", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(12, 40, 13);
  const auto model = fit(Polynomial<27, RandomFeatures<>>{{.width = 60}}, x, single_level_schedule(sigma));
  const Batch<double> x0_hat = model.denoise(x + sigma * random_matrix(12, 40, 14), level);
  CHECK(x0_hat.allFinite());
  CHECK(model.condition(level) >= 1.0);
  CHECK(model.condition(level) < 1e9);
  CHECK(message_of<NumericalError>([&] {
          (void)fit(Polynomial<301, RandomFeatures<>>{{.width = 10}}, x, single_level_schedule(sigma));
        }).find("degree 301 at sigma = 0.5") != std::string::npos);
}

TEST_CASE("Bad hyper-parameters of random features are refused", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(6, 30, 15);
  CHECK(message_of<InvalidArgument>([&] {
          (void)fit(Polynomial<3, RandomFeatures<>>{{.width = 0}}, x, single_level_schedule(sigma));
        }).find("width = 0") != std::string::npos);
  CHECK_THROWS_AS(fit(Polynomial<3, RandomFeatures<>>{{.averaging = {.ridge = -1.0}}}, x, single_level_schedule(sigma)),
                  InvalidArgument);
  const auto model = fit(Polynomial<3, RandomFeatures<>>{{.width = 4}}, x, single_level_schedule(sigma));
  CHECK_THROWS_AS(model.denoise(Batch<double>(Batch<double>::Ones(3, 1)), level), DimensionMismatch);
}
