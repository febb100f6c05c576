#include "diffarch/core/check_denoiser.hpp"

#include <functional>
#include <limits>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::message_of;

/// Predicts, on the host, whatever a function says.
struct FunctionModel {
  using Scalar = double;
  using BackendType = test::TestedBackend;
  std::function<Batch<double>(const Batch<double>&, NoiseLevel)> function;
  [[nodiscard]] Index dimension() const { return 3; }
  [[nodiscard]] test::Storage<double> denoise(const test::Storage<double>& y, NoiseLevel level) const {
    return test::upload(function(test::download(y), level));
  }
};

const NoiseLevels check_levels = CustomSchedule::from_sigmas({4.0, 2.0, 0.5, 0.0}).levels();

template <class E, class F>
std::string complaint(const F& function) {
  return message_of<E>([&] { check_denoiser(FunctionModel{function}, check_levels); });
}

TEST_CASE("Denoisers of the library are denoisers", "[core]") {
  const Batch<double> data = test::correlated_samples(5, 30, 1);
  const CosineSchedule schedule{.steps = 4};
  CHECK_NOTHROW(check_denoiser(fit(RankK{.rank = 2}, data, schedule, test::TestedBackend{}), schedule.levels()));
  CHECK_NOTHROW(check_denoiser(fit(Ideal{}, Batch<float>(data.cast<float>()), schedule, test::TestedBackend{}),
                               schedule.levels()));
  // From pure noise, too.
  CHECK_NOTHROW(check_denoiser(fit(Ideal{}, data, schedule, test::TestedBackend{}),
                               CustomSchedule::from_alpha_bars({0.0, 0.5, 1.0}).levels()));
}

TEST_CASE("A denoiser of another shape is found", "[core]") {
  CHECK(complaint<DimensionMismatch>([](const Batch<double>& y, NoiseLevel) { return Batch<double>(y.topRows(2)); }) ==
        "denoise: for y of (3, 19) at sigma = 4 the prediction x0_hat is (2, 19); expected (3, 19)");
  CHECK(complaint<DimensionMismatch>([](const Batch<double>& y, NoiseLevel level) {
          return Batch<double>(y.leftCols(level.sigma() < 1.0 ? 1 : y.cols()));
        }) == "denoise: for y of (3, 19) at sigma = 0.5 the prediction x0_hat is (3, 1); expected (3, 19)");
}

TEST_CASE("A denoiser that is not finite is found with level, row and column", "[core]") {
  CHECK(complaint<NumericalError>([](Batch<double> y, NoiseLevel level) {
          if (level.sigma() == 2.0) y(1, y.cols() - 1) = std::numeric_limits<double>::infinity();
          return y;
        }) == "check_denoiser: at sigma = 2, row 1 of the prediction for column 18 is inf");
}

TEST_CASE("A denoiser with a memory is found", "[core]") {
  int calls = 0;
  CHECK(complaint<InvalidArgument>([&](const Batch<double>& y, NoiseLevel) {
          return Batch<double>(Batch<double>::Constant(y.rows(), y.cols(), test::real(++calls)));
        }) ==
        "check_denoiser: at sigma = 4, row 0 of the prediction for column 0 is 1 in a batch of 19 columns and 2 at a "
        "second call (difference 1)");
}

TEST_CASE("A denoiser that mixes the samples of a batch, or looks at their number, is found", "[core]") {
  const auto mean = [](const Batch<double>& y, NoiseLevel) {
    return Batch<double>(y.rowwise().mean().replicate(1, y.cols()));
  };
  CHECK_THAT(complaint<InvalidArgument>(mean),
             ContainsSubstring("check_denoiser: at sigma = 4, row 0 of the prediction for column 0 is ") &&
                 ContainsSubstring(" in a batch of 1; a prediction may depend on its own column alone (difference "));
  CHECK(complaint<InvalidArgument>([](const Batch<double>& y, NoiseLevel level) {
          return Batch<double>(
              Batch<double>::Constant(y.rows(), y.cols(), level.sigma() == 0.5 ? test::real(y.cols()) : 1.0));
        }) ==
        "check_denoiser: at sigma = 0.5, row 0 of the prediction for column 0 is 19 in a batch of 19 columns and 1 in "
        "a batch of 1; a prediction may depend on its own column alone (difference 18)");
  // Neighbours, the largest of a batch, columns from the right.
  CHECK_THAT(complaint<InvalidArgument>([](const Batch<double>& y, NoiseLevel) {
               Batch<double> x0_hat = y;
               for (Index j = 1; j < y.cols(); ++j) x0_hat.col(j) += y.col(j - 1);
               return x0_hat;
             }),
             ContainsSubstring("for column 1 ") && ContainsSubstring("in a batch of 2;"));
  CHECK_THAT(complaint<InvalidArgument>(
                 [](const Batch<double>& y, NoiseLevel) { return Batch<double>(y / y.cwiseAbs().maxCoeff()); }),
             ContainsSubstring("own column alone"));
  CHECK_THAT(complaint<InvalidArgument>(
                 [](const Batch<double>& y, NoiseLevel) { return Batch<double>(y.rowwise().reverse()); }),
             ContainsSubstring("own column alone"));
}

TEST_CASE("Rounding is let pass where the caller says so", "[core]") {
  const FunctionModel model{
      [](const Batch<double>& y, NoiseLevel) { return Batch<double>(y * (1.0 + 1e-15 * test::real(y.cols() % 2))); }};
  CHECK_THROWS_AS(check_denoiser(model, check_levels), InvalidArgument);
  CHECK_NOTHROW(check_denoiser(model, check_levels, 1e-14));
  CHECK_THROWS_AS(check_denoiser(model, check_levels, -1.0), InvalidArgument);
  CHECK_THROWS_AS(check_denoiser(model, check_levels, std::numeric_limits<double>::quiet_NaN()), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
