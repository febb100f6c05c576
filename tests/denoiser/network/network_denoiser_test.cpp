#include "diffarch/denoiser/network/network_denoiser.hpp"

#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using PlaneModel = NetworkDenoiser<TestedTwoDMlp<double>>;

PlaneModel untrained_plane_model() {
  std::vector<PlaneModel::Level> levels;
  for (const double sigma : {5.0, 1.0, 0.2}) {
    auto network = std::make_unique<PlaneModel::Network>(TestedTwoDMlp<double>(3), ImageShape{1, 1, 2});
    network->initialise(Seed{static_cast<std::uint64_t>(10.0 * sigma)});
    levels.push_back({NoiseLevel::from_sigma(sigma), std::move(network)});
  }
  return PlaneModel(std::move(levels));
}

}  // namespace

TEST_CASE("A level takes the network of its own or the nearest sigma, on inputs in VP units", "[denoiser][nn]") {
  const PlaneModel model = untrained_plane_model();
  CHECK(&model.network(NoiseLevel::from_sigma(1.0)) == model.levels()[1].network.get());
  CHECK(&model.network(NoiseLevel::from_sigma(3.0)) == model.levels()[0].network.get());
  CHECK(&model.network(NoiseLevel::from_sigma(0.01)) == model.levels()[2].network.get());
  CHECK(&model.network(NoiseLevel::from_sigma(0.0)) == model.levels()[2].network.get());
  const Batch<double> y = random_matrix(2, 5, 1);
  const NoiseLevel ve = NoiseLevel::from_sigma(1.0);
  CHECK(relative_difference(denoise_on(model, y, ve),
                            denoise_on(model, Batch<double>(y / ve.scale()), ve.variance_preserving())) < 1e-12);
  CHECK(relative_difference(denoise_on(model, y, ve),
                            forward_on(*model.levels()[1].network, Batch<double>(y / ve.scale()), nn::Mode::evaluate)) <
        1e-12);
  CHECK_THROWS_AS(denoise_on(model, random_matrix(3, 1, 1), ve), DimensionMismatch);
  CHECK_THROWS_AS(PlaneModel(std::vector<PlaneModel::Level>{}), InvalidArgument);
}

namespace {

/// Denoises samples in other company, in other places, and one alone: all must be bitwise the same.
template <class Body>
void check_every_sample_by_itself(Body body, const ImageShape& shape) {
  using Model = NetworkDenoiser<Body>;
  std::vector<typename Model::Level> levels;
  auto network = std::make_unique<typename Model::Network>(std::move(body), shape);
  network->initialise(Seed{4});
  levels.push_back({NoiseLevel::from_sigma(1.0), std::move(network)});
  const Model model(std::move(levels));
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  const Batch<float> y = random_matrix<float>(shape.size(), 37, 5);
  const Batch<float> together = denoise_on(model, y, level);
  for (const Index count : {1, 2, 3, 16, 17})
    CHECK(bitwise_equal(denoise_on(model, Batch<float>(y.leftCols(count)), level),
                        Batch<float>(together.leftCols(count))));
  const Batch<float> reversed = y.rowwise().reverse();
  CHECK(bitwise_equal(Batch<float>(denoise_on(model, reversed, level).rowwise().reverse()), together));
}

}  // namespace

TEST_CASE("A network treats every sample by itself, bitwise", "[denoiser][nn]") {
  if (diffarch::detail::blas_multiplies) {
    WARN("BLAS promises no bits: not tested");
    return;
  }
  check_every_sample_by_itself(TestedMlp<float>(192, 50), ImageShape{8, 8, 3});
  check_every_sample_by_itself(TestedMlp<float>(75, 7), ImageShape{5, 5, 3});
  check_every_sample_by_itself(TestedUNet<2>({.channels = 8}), ImageShape{8, 8, 3});
  check_every_sample_by_itself(TestedUNet<1>({.channels = 4, .padding = Padding::circular, .image_channels = 1}),
                               ImageShape{10, 6, 1});
}

TEST_CASE("The Jacobian of a network equals differences", "[denoiser][nn]") {
  const PlaneModel model = untrained_plane_model();
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  const Batch<double> y = random_matrix(2, 1, 2);
  const auto stored = TestedBackend::upload(y);
  const Matrix<double> jacobian = model.jacobian(stored, level);
  constexpr double step = 1e-6;
  for (Index j = 0; j < 2; ++j) {
    Batch<double> up = y;
    Batch<double> down = y;
    up(j, 0) += step;
    down(j, 0) -= step;
    CHECK((jacobian.col(j) - (denoise_on(model, up, level) - denoise_on(model, down, level)).col(0) / (2.0 * step))
              .cwiseAbs()
              .maxCoeff() < 1e-6 * jacobian.cwiseAbs().maxCoeff());
  }
  CHECK_THROWS_AS(model.jacobian(TestedBackend::upload(random_matrix(2, 2, 1)), level), DimensionMismatch);
  const Matrix<double> v = random_matrix(2, 3, 3);
  CHECK(relative_difference(model.jacobian_product(stored, v, level), Matrix<double>(jacobian * v)) < 1e-14);
}

namespace {

PlaneModel untrained_shared_model(bool adds_input, bool conditioned) {
  auto network = std::make_unique<PlaneModel::Network>(
      random_network(TestedTwoDMlp<double>(3, 2, 64, 1, conditioned), ImageShape{1, 1, 2}));
  return PlaneModel({NoiseLevel::from_sigma(5.0), std::move(network)}, {.data_scale = 0.7, .adds_input = adds_input});
}

}  // namespace

TEST_CASE("One network for all levels is joined to y by its preconditioning", "[denoiser][nn]") {
  const Batch<double> y = random_matrix(2, 19, 1);
  for (const auto& [adds_input, conditioned] : {std::pair{true, false}, {true, true}, {false, true}}) {
    const PlaneModel model = untrained_shared_model(adds_input, conditioned);
    nn::Network<TestedTwoDMlp<double>>& network = *model.levels().front().network;
    for (const NoiseLevel level : {NoiseLevel{0.0, 1.0}, NoiseLevel{0.6, 0.8}, NoiseLevel::from_sigma(0.02)}) {
      CAPTURE(adds_input, conditioned, level.sigma());
      CHECK(&model.network(level) == &network);
      const auto [input, skip, output] = model.joint()->factors(level);
      network.set_level(level, 19);
      const Batch<double> inside = forward_on(network, Batch<double>(input * y), nn::Mode::evaluate);
      CHECK(relative_difference(denoise_on(model, y, level), Batch<double>(skip * y + output * inside)) < 1e-12);
      // The network does not know the coordinates.
      CHECK(relative_difference(denoise_on(model, Batch<double>(y / level.scale()), level.variance_preserving()),
                                denoise_on(model, y, level)) < 1e-12);
      const auto x0_hat = [&](double first, double second) {
        return denoise_on(model, Batch<double>(Vector<double>{{first, second}}), level);
      };
      const Matrix<double> jacobian = model.jacobian(TestedBackend::upload(Batch<double>(y.col(0))), level);
      constexpr double step = 1e-5;
      const double a = y(0, 0);
      const double b = y(1, 0);
      CHECK(relative_difference(jacobian.col(0), Vector<double>((x0_hat(a + step, b) - x0_hat(a - step, b)) / 2e-5)) <
            1e-7);
      CHECK(relative_difference(jacobian.col(1), Vector<double>((x0_hat(a, b + step) - x0_hat(a, b - step)) / 2e-5)) <
            1e-7);
    }
  }
  CHECK_FALSE(untrained_plane_model().joint().has_value());
  // A blind network gives the same for the same input, one that is told the level does not.
  const auto inside = [&](bool conditioned, NoiseLevel level) {
    const PlaneModel model = untrained_shared_model(false, conditioned);
    return denoise_on(model, Batch<double>(y / model.joint()->factors(level).input), level);
  };
  for (const bool conditioned : {false, true})
    CHECK((relative_difference(inside(conditioned, {0.6, 0.8}), inside(conditioned, NoiseLevel::from_sigma(0.1))) <
           1e-12) == !conditioned);
}
