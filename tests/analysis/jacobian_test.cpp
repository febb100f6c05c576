#include "diffarch/analysis/jacobian.hpp"

#include <Eigen/LU>

#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// D(y) = sin(A y): J = diag(cos(A y)) A. Nothing but `denoise`, so that it is differentiated by differences.
template <class Scalar_>
struct SineOfLinear {
  using Scalar = Scalar_;
  using BackendType = Cpu;
  Matrix<double> a;
  double unit = 1.0;  ///< D varies over this distance
  [[nodiscard]] Index dimension() const { return a.rows(); }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel /*level*/) const {
    return (a * y.template cast<double>() / unit).array().sin().matrix().template cast<Scalar>();
  }
  [[nodiscard]] Matrix<double> exact_jacobian(const Batch<Scalar>& y) const {
    return (a * y.template cast<double>() / unit).col(0).array().cos().matrix().asDiagonal() * a / unit;
  }
};

/// The same model without its derivatives.
template <class Model>
struct OnlyDenoise {
  using Scalar = typename Model::Scalar;
  using BackendType = Cpu;
  const Model& model;
  [[nodiscard]] Index dimension() const { return model.dimension(); }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return model.denoise(y, level);
  }
};

struct NotFiniteModel {
  using Scalar = double;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 2; }
  [[nodiscard]] Batch<double> denoise(const Batch<double>& y, NoiseLevel /*level*/) const {
    return y.array().log().matrix();
  }
};

template <class Body, class... Arguments>
NetworkDenoiser<Body> untrained_model(NoiseLevel level, Index d, Seed seed, Arguments... arguments) {
  using Model = NetworkDenoiser<Body>;
  std::vector<typename Model::Level> levels;
  auto network = std::make_unique<typename Model::Network>(Body(arguments...), ImageShape{1, 1, d});
  network->initialise(seed);
  levels.push_back({level, std::move(network)});
  return Model(std::move(levels));
}

const NoiseLevel jacobian_level = NoiseLevel::from_sigma(0.7).variance_preserving();

}  // namespace

TEST_CASE("Differences have the error that their comment states", "[analysis][jacobian]") {
  const SineOfLinear<double> wide{random_matrix(7, 7, 1)};
  const Batch<double> y = random_matrix(7, 1, 2);
  CHECK(relative_difference(jacobian(wide, y, jacobian_level), wide.exact_jacobian(y)) < 1e-9);
  const SineOfLinear<float> narrow{wide.a};
  const Batch<float> narrow_y = y.cast<float>();
  CHECK(relative_difference(jacobian(narrow, narrow_y, jacobian_level), narrow.exact_jacobian(narrow_y)) < 5e-4);
  // A denoiser of little noise varies over distances of the noise: the step follows.
  const NoiseLevel low = NoiseLevel::from_sigma(1e-3);
  const SineOfLinear<double> steep{wide.a, 1e-3};
  CHECK(relative_difference(jacobian(steep, y, low), steep.exact_jacobian(y)) < 1e-7);
  CHECK(relative_difference(jacobian(steep, y, NoiseLevel::from_sigma(1.0)), steep.exact_jacobian(y)) > 1e-6);
  // Rows and directions are those of the whole, also for directions that are not of unit length, or zero.
  const Matrix<double> exact = wide.exact_jacobian(y);
  const Matrix<double> rows = jacobian_rows(wide, y, jacobian_level, {5, 0, 5});
  CHECK(relative_difference(rows, Matrix<double>(exact(std::vector<Index>{5, 0, 5}, Eigen::all))) < 1e-9);
  Matrix<double> v = random_matrix(7, 100, 3);  // two blocks
  v.col(1) *= 1e6;
  v.col(2) *= 1e-6;
  v.col(3).setZero();
  const Matrix<double> product = jacobian_product(wide, y, v, jacobian_level);
  CHECK(relative_difference(product.col(1), Vector<double>(exact * v.col(1))) < 1e-8);
  CHECK(relative_difference(product.col(2), Vector<double>(exact * v.col(2))) < 1e-8);
  CHECK(relative_difference(product.rightCols(96), Matrix<double>(exact * v.rightCols(96))) < 1e-8);
  CHECK(product.col(3) == Vector<double>::Zero(7));
  CHECK(difference_step(Batch<double>(Batch<double>::Zero(2, 1)), NoiseLevel{}) > 0.0);
}

TEST_CASE("The Jacobian of the linear denoiser is its closed form", "[analysis][jacobian]") {
  const Index d = 6;
  const Batch<double> x = correlated_samples(d, 40, 4);
  const auto model = fit(Linear{}, x, CustomSchedule::from_sigmas({0.7, 0.0}));
  const Vector<double> mean = x.rowwise().mean();
  const Matrix<double> centred = x.colwise() - mean;
  const Matrix<double> covariance = centred * centred.transpose() / 40.0;
  const Matrix<double> exact = jacobian_level.signal * covariance *
                               (jacobian_level.signal * jacobian_level.signal * covariance +
                                jacobian_level.noise * jacobian_level.noise * Matrix<double>::Identity(d, d))
                                   .inverse();
  const Batch<double> y = random_matrix(d, 1, 5);
  CHECK(relative_difference(jacobian(model, y, jacobian_level), exact) < 1e-12);
  const Matrix<double> v = random_matrix(d, 3, 6);
  CHECK(relative_difference(jacobian_product(model, y, v, jacobian_level), Matrix<double>(exact * v)) < 1e-12);
  CHECK(relative_difference(jacobian(OnlyDenoise<decltype(model)>{model}, y, jacobian_level), exact) < 1e-9);
  // In VE coordinates the same map has 1 / sqrt(1 + sigma^2) of it.
  const NoiseLevel ve = jacobian_level.variance_exploding();
  CHECK(relative_difference(jacobian(model, y, ve), Matrix<double>(exact / ve.scale())) < 1e-12);
  CHECK(curl_asymmetry(model, y, Matrix<double>::Identity(d, d), jacobian_level) < 1e-14);
}

TEST_CASE("Derivatives that models have agree with differences", "[analysis][jacobian]") {
  const Batch<double> y{{0.3}, {-0.5}};
  const auto agree = [&](const auto& model, double tolerance) {
    const OnlyDenoise<std::remove_cvref_t<decltype(model)>> bare{model};
    CHECK(relative_difference(jacobian(bare, y, jacobian_level), jacobian(model, y, jacobian_level)) < tolerance);
    CHECK(relative_difference(jacobian_rows(model, y, jacobian_level, {1}),
                              Matrix<double>(jacobian(model, y, jacobian_level).bottomRows(1))) < 1e-14);
    CHECK(relative_difference(jacobian_product(model, y, Matrix<double>::Identity(2, 2), jacobian_level),
                              jacobian(model, y, jacobian_level)) < 1e-14);
  };
  const auto schedule = CustomSchedule({jacobian_level, NoiseLevel{}});
  const GaussianMixture<double> mixture = three_component_mixture();
  agree(fit(Polynomial<3>{}, mixture.sample(60, Seed{7}), schedule), 1e-9);
  agree(fit(GaussianMixtureScore{}, mixture, schedule), 1e-9);
  agree(untrained_model<nn::TwoDMlp<double>>(jacobian_level, 2, Seed{8}, Index{2}), 1e-9);
}

TEST_CASE("Any denoiser has a curl asymmetry", "[analysis][jacobian]") {
  // By differences: diag(cos(A y)) A is not symmetric.
  const SineOfLinear<double> model{random_matrix(4, 4, 9)};
  const Batch<double> y = random_matrix(4, 1, 10);
  const Matrix<double> exact = model.exact_jacobian(y);
  CHECK(curl_asymmetry(model, y, Matrix<double>::Identity(4, 4), jacobian_level) ==
        Approx((exact - exact.transpose()).norm() / exact.norm()).epsilon(1e-8));
}

TEST_CASE("The rank of a Jacobian counts singular values relative to the largest", "[analysis][jacobian]") {
  const Matrix<double> left = Eigen::HouseholderQR<Matrix<double>>(random_matrix(6, 6, 11)).householderQ();
  const Matrix<double> right = Eigen::HouseholderQR<Matrix<double>>(random_matrix(6, 6, 12)).householderQ();
  const Matrix<double> j =
      1e5 * left * Vector<double>{{1.0, 0.5, 1e-3, 1e-6, 0.0, 0.0}}.asDiagonal() * right.transpose();
  CHECK(jacobian_rank(j, 1e-12) == 4);
  CHECK(jacobian_rank(j, 1e-4) == 3);
  CHECK(jacobian_rank(j, 0.6) == 1);
  CHECK(jacobian_rank(Matrix<double>(j.topRows(2)), 1e-12) == 2);
  CHECK(jacobian_rank(Matrix<double>(Matrix<double>::Zero(3, 3)), 1e-12) == 0);
  CHECK(jacobian_rank(Matrix<float>(j.cast<float>()), 1e-4) == 3);
}

TEST_CASE("Ranks of architectures: K of RankK, at most H of a bottleneck, all of the ideal", "[analysis][jacobian]") {
  const Batch<double> x = correlated_samples(12, 60, 13);
  const Batch<double> y = random_matrix(12, 4, 14);
  const auto schedule = CustomSchedule({jacobian_level, NoiseLevel{}});
  for (const Index rank : {1, 5, 12}) {
    const auto model = fit(RankK{.rank = rank}, x, schedule);
    CHECK(jacobian_ranks(model, y, jacobian_level, 1e-12) == std::vector<Index>(4, rank));
    CHECK(jacobian_ranks(OnlyDenoise<decltype(model)>{model}, y, jacobian_level, 1e-8) == std::vector<Index>(4, rank));
  }
  const auto narrow = fit(RankK{.rank = 5}, Batch<float>(x.cast<float>()), schedule);
  CHECK(jacobian_ranks(narrow, Batch<float>(y.cast<float>()), jacobian_level, 1e-5) == std::vector<Index>(4, 5));
  Index largest = 0;
  for (const std::uint64_t seed : {20U, 21U, 22U, 23U}) {
    const auto bottleneck = untrained_model<nn::Mlp<double>>(jacobian_level, 12, Seed{seed}, Index{12}, Index{4});
    for (const Index rank : jacobian_ranks(bottleneck, y, jacobian_level, 1e-12)) {
      CHECK(rank <= 4);
      largest = std::max(largest, rank);
    }
  }
  CHECK(largest >= 2);  // not because the networks are dead
  // Three full Gaussians fill the plane; a mixture on a line through the origin does not.
  const auto full = fit(GaussianMixtureScore{}, three_component_mixture(), schedule);
  CHECK(jacobian_ranks(full, Batch<double>(y.topRows(2)), jacobian_level, 1e-12) == std::vector<Index>(4, 2));
  const Vector<double> axis{{0.6, 0.8}};
  const GaussianMixture<double> line(Vector<double>{{0.5, 0.5}}, Matrix<double>{{-0.6, 0.6}, {-0.8, 0.8}},
                                     {0.1 * axis * axis.transpose(), 0.2 * axis * axis.transpose()});
  CHECK(jacobian_ranks(fit(GaussianMixtureScore{}, line, schedule), Batch<double>(y.topRows(2)), jacobian_level,
                       1e-12) == std::vector<Index>(4, 1));
}

TEST_CASE("Points and Jacobians that are no good are refused", "[analysis][jacobian]") {
  const SineOfLinear<double> model{random_matrix(3, 3, 15)};
  const Batch<double> y = Batch<double>::Zero(3, 1);
  CHECK(message_of<DimensionMismatch>([&] { (void)jacobian(model, Batch<double>(2, 1), jacobian_level); }) ==
        "jacobian: y is (2, 1), expected (3, 1)");
  CHECK(message_of<DimensionMismatch>([&] {
          (void)jacobian_product(model, y, random_matrix(2, 2, 1), jacobian_level);
        }) == "jacobian: the directions are (2, 2), expected (3, k)");
  CHECK(message_of<InvalidArgument>([&] {
          (void)jacobian_rows(model, y, jacobian_level, {0, 3});
        }) == "jacobian: row 3 of a model of dimension 3; expected 0 <= row < 3");
  CHECK(message_of<InvalidArgument>([&] { (void)jacobian_product_by_differences(model, y, y, jacobian_level, 0.0); }) ==
        "jacobian: step = 0, expected a finite step > 0");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<InvalidArgument>([&] {
          (void)jacobian(model, Batch<double>(Batch<double>::Constant(3, 1, nan)), jacobian_level);
        }) == "jacobian: y holds a value that is not finite");
  CHECK(message_of<NumericalError>([&] {
          (void)jacobian(NotFiniteModel{}, Batch<double>(Batch<double>::Constant(2, 1, -1.0)), NoiseLevel{1.0, 0.5});
        }) == "jacobian: a derivative is not finite at sigma = 0.5");
  CHECK(message_of<InvalidArgument>([&] { (void)jacobian_rank(random_matrix(2, 2, 1), 0.0); }) ==
        "jacobian_rank: tolerance = 0, expected 0 < tolerance < 1");
  CHECK(message_of<NumericalError>([&] {
          (void)jacobian_rank(Matrix<double>(Matrix<double>::Constant(2, 2, nan)), 1e-9);
        }) == "jacobian_rank: an element of the Jacobian is not finite");
}

namespace {

/// Predicts half of the values that it should; its own derivatives, where it has some, are of that shape too.
struct HalfModel {
  using Scalar = double;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 6; }
  [[nodiscard]] Batch<double> denoise(const Batch<double>& y, NoiseLevel /*level*/) const {
    return Batch<double>::Constant(3, y.cols(), 0.5);
  }
};
struct HalfModelWithJacobian : HalfModel {
  [[nodiscard]] Matrix<double> jacobian(const Batch<double>& /*y*/, NoiseLevel /*level*/) const {
    return Matrix<double>::Identity(3, 3);
  }
};
struct HalfModelWithProduct : HalfModel {
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<double>& /*y*/, const Matrix<double>& v,
                                                NoiseLevel /*level*/) const {
    return v.topRows(3);
  }
};
struct HalfModelWithRows : HalfModel {
  [[nodiscard]] Matrix<double> jacobian_rows(const Batch<double>& /*y*/, NoiseLevel /*level*/,
                                             const std::vector<Index>& rows) const {
    return Matrix<double>::Identity(static_cast<Index>(rows.size()), 3);
  }
};

}  // namespace

TEST_CASE("A model whose prediction or derivative has another shape is refused with both shapes", "[analysis]") {
  const Batch<double> y = Batch<double>::Ones(6, 1);
  const NoiseLevel level = NoiseLevel::from_sigma(2.0);
  const auto complaint = [&](const auto& model) {
    const std::string of_jacobian = test::message_of<DimensionMismatch>([&] { (void)jacobian(model, y, level); });
    CHECK(test::message_of<DimensionMismatch>([&] { (void)jacobian_ranks(model, y, level, 1e-8); }) == of_jacobian);
    return of_jacobian;
  };
  CHECK(complaint(HalfModel{}) ==
        "denoise: for y of (6, 12) at sigma = 2 the prediction x0_hat is (3, 12); expected (6, 12)");
  const std::string derivative = "jacobian: what the model returns for sigma = 2 is ";
  CHECK(complaint(HalfModelWithJacobian{}) == derivative + "(3, 3); expected (6, 6)");
  CHECK(complaint(HalfModelWithProduct{}) == derivative + "(3, 6); expected (6, 6)");
  CHECK(complaint(HalfModelWithRows{}) == derivative + "(6, 3); expected (6, 6)");
  CHECK(test::message_of<DimensionMismatch>([&] {
          (void)jacobian_product(HalfModelWithJacobian{}, y, Matrix<double>(Matrix<double>::Ones(6, 2)), level);
        }) == derivative + "(3, 3); expected (6, 6)");
}
