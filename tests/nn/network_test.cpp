#include "diffarch/nn/network.hpp"

#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"
#include "nn/told_levels.hpp"

namespace diffarch {
namespace {

using nn::Mode;
using test::forward_on;
using test::TestedBackend;
using test::TestedUNet;

TEST_CASE("A network plans again for another batch size, and the results of a sample do not change", "[nn]") {
  const ImageShape shape{4, 6, 1};
  auto network = test::random_network(TestedUNet<1, double>({.channels = 4, .image_channels = 1}), shape);
  const Batch<double> x = test::random_matrix(shape.size(), 5, 1);
  const Batch<double> all = forward_on(network, x, Mode::evaluate);
  const Batch<double> some = forward_on(network, Batch<double>(x.leftCols(2)), Mode::evaluate);
  REQUIRE(test::relative_difference(some, all.leftCols(2)) < 1e-14);
  REQUIRE(test::bitwise_equal(forward_on(network, x, Mode::evaluate), all));
  auto moved = std::move(network);
  REQUIRE(test::bitwise_equal(forward_on(moved, x, Mode::evaluate), all));
}

TEST_CASE("A network that gave its memory back computes the same again", "[nn]") {
  const ImageShape shape{8, 8, 3};
  auto network = test::random_network(TestedUNet<1>({.channels = 4}), shape);
  const auto x = test::random_matrix<float>(shape.size(), 5, 1);
  const Batch<float> before = forward_on(network, x, Mode::evaluate);
  network.release_memory();
  REQUIRE(network.output_gradient().size() == 0);
  REQUIRE(test::bitwise_equal(forward_on(network, x, Mode::evaluate), before));
}

TEST_CASE("Networks go into a stack and come out of it", "[nn]") {
  using Net = test::TestedTwoDMlp<double>;
  const ImageShape shape{1, 1, 2};
  nn::Network stack(Net(1, 2, 64, 3), shape);
  REQUIRE(stack.networks() == 3);
  REQUIRE(nn::Network(Net(1), shape).networks() == 1);
  REQUIRE(nn::Network(TestedUNet<1>({.channels = 4}), ImageShape{4, 4, 3}).networks() == 1);
  for (const unsigned k : {2U, 0U, 1U}) {
    auto network = test::random_network(Net(1), shape, 100 * (k + 1));
    nn::copy_into_stack(network, stack, k);
  }
  for (const unsigned k : {0U, 1U, 2U}) {
    auto network = test::random_network(Net(1), shape, 100 * (k + 1));
    nn::Network copy(Net(1), shape);
    nn::copy_from_stack(stack, k, copy);
    REQUIRE(test::tensors_of(copy) == test::tensors_of(network));
  }
}

TEST_CASE("A network refuses batches of another shape with both shapes", "[nn]") {
  nn::Network network(test::TestedTwoDMlp<double>(1), ImageShape{1, 1, 2});
  const auto message = [&](const auto& call) { return test::message_of<DimensionMismatch>(call); };
  REQUIRE(message([&] { network.forward(test::Storage<double>(3, 4), Mode::train); }) ==
          "Network: input of shape (3, 4); expected (2, n) with n >= 1 for images of 1 x 1 x 2");
  const auto x = TestedBackend::upload(Batch<double>(Batch<double>::Ones(2, 4)));
  REQUIRE_THAT(message([&] { network.backward(x); }), ContainsSubstring("after a forward pass of 0; expected"));
  network.forward(x, Mode::train);
  network.output_gradient() = test::Storage<double>(2, 3);
  REQUIRE_THAT(message([&] { network.backward(x); }), ContainsSubstring("output gradient of shape (2, 3)"));
}

TEST_CASE("A network that is told the level of every sample needs as many levels as samples", "[nn]") {
  auto network = test::random_network(test::TestedTwoDMlp<double>(3, 2, 64, 1, true), ImageShape{1, 1, 2});
  const Batch<double> x = test::random_matrix(2, 5, 1);
  const auto refused = [&] {
    return test::message_of<DimensionMismatch>([&] { forward_on(network, x, Mode::train); });
  };
  CHECK(refused() == "Network: 5 samples, but noise levels of 0; expected set_level for as many before forward");
  network.set_level({0.6, 0.8}, 4);
  CHECK_THAT(refused(), ContainsSubstring("noise levels of 4"));
  network.set_level({0.6, 0.8}, 5);
  const Batch<double> y = forward_on(network, x, Mode::train);
  const Batch<double> again = forward_on(network, x, Mode::train);  // repeated where passes are recorded
  CHECK(test::bitwise_equal(again, y));
  network.set_level({0.8, 0.6}, 5);
  const Batch<double> other = forward_on(network, x, Mode::train);
  CHECK(test::relative_difference(other, y) > 1e-3);
  // Each sample has its own level, also after a batch of another size.
  network.set_level({0.6, 0.8}, 2);
  CHECK(test::relative_difference(forward_on(network, Batch<double>(x.leftCols(2)), Mode::train),
                                  Batch<double>(y.leftCols(2))) < 1e-13);
  test::tell_levels(network, {{0.6, 0.8}, {0.8, 0.6}, {0.8, 0.6}, {0.6, 0.8}, {0.6, 0.8}});
  Batch<double> mixed = y;
  mixed.middleCols(1, 2) = other.middleCols(1, 2);
  CHECK(test::relative_difference(forward_on(network, x, Mode::train), mixed) < 1e-13);
}

}  // namespace
}  // namespace diffarch
