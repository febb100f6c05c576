#include "diffarch/nn/kernels/host_training.hpp"

#include "support.hpp"

using namespace diffarch;
using nn::HostTraining;

TEST_CASE("A noisy batch is the chosen samples and the noise of their draw", "[nn][training]") {
  const Index d = 7;
  const Matrix<double> data = test::random_matrix(d, 9, 1);
  const std::vector<Index> samples{4, 0, 8};
  const Index stream = 70000;
  const double signal = 0.8;
  const double noise = 0.6;
  const CounterRandom random(Seed{3}, Stream{70000});
  Matrix<double> clean(d, 3);
  Matrix<double> noisy(d, 3);
  HostTraining::noisy_batch(Seed{3}, nn::TrainingLevels<double>{1, &stream, &signal, &noise}, data.data(), d, Index{9},
                            samples.data(), Index{3}, Index{90}, clean.data(), noisy.data());
  for (Index j = 0; j < 3; ++j) {
    const Index sample = samples[static_cast<std::size_t>(j)];
    CHECK(clean.col(j) == data.col(sample));
    for (Index i = 0; i < d; ++i)
      CHECK(noisy(i, j) == Approx(0.8 * data(i, sample) + 0.6 * random.normal(90 + sample, i)).epsilon(1e-14));
  }
}

TEST_CASE("The mean squared error comes with its gradient", "[nn][training]") {
  for (const Index size : {1, 15, 16, 100}) {
    const Vector<double> a = test::random_matrix(size, 1, 1);
    const Vector<double> b = test::random_matrix(size, 1, 2);
    Vector<double> gradient(size);
    double error = 0.0;
    HostTraining::mean_squared_errors(a.data(), b.data(), gradient.data(), size, Index{1}, &error);
    CHECK(error == Approx((a - b).squaredNorm() / static_cast<double>(size)));
    CHECK(test::relative_difference(gradient, Vector<double>(2.0 / static_cast<double>(size) * (a - b))) < 1e-15);
  }
}

TEST_CASE("The updates of Adam and of an average are their formulas in every chunk", "[nn][training]") {
  const Index size = 2 * 8192 + 5;
  const Vector<double> gradient = test::random_matrix(size, 1, 1);
  Vector<double> parameters = test::random_matrix(size, 1, 2);
  Vector<double> average = Vector<double>::Zero(size);
  HostTraining::move_average(average.data(), parameters.data(), size, 0.25);
  CHECK(test::bitwise_equal(average, Vector<double>(0.25 * parameters)));
  Vector<double> mean = Vector<double>::Zero(size);
  Vector<double> mean_squared = Vector<double>::Zero(size);
  const Vector<double> before = parameters;
  const auto length = static_cast<std::size_t>(size);
  const std::array pieces{
      nn::ParametersWithGradient<double>{{parameters.data(), 3}, {gradient.data(), 3}},
      nn::ParametersWithGradient<double>{{parameters.data() + 3, length - 3}, {gradient.data() + 3, length - 3}}};
  HostTraining::adam_update<double>(pieces, mean.data(), mean_squared.data(),
                                    nn::detail::AdamCoefficients<double>{0.1, 0.01, 2.0, 1e-8, 0.5});
  CHECK(test::relative_difference(mean, Vector<double>(0.1 * gradient)) < 1e-15);
  CHECK(test::relative_difference(mean_squared, Vector<double>(0.01 * gradient.cwiseAbs2())) < 1e-15);
  const Vector<double> move = 0.05 * gradient.array() / (0.2 * gradient.array().abs() + 1e-8);
  CHECK(test::relative_difference(Vector<double>(before - parameters), move) < 1e-12);
}
