#include "diffarch/nn/network.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/unet.hpp"
#include "nn/gradient_check.hpp"

namespace {

// Every allocation of this program passes here; those of oneDNN's own library do too.
std::atomic<long> allocations{0};
std::atomic<std::size_t> largest_allocation{0};

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  std::size_t before = largest_allocation;
  while (size > before && !largest_allocation.compare_exchange_weak(before, size)) {
  }
  void* const memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 16); }
void* operator new[](std::size_t size) { return counted(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace diffarch {
namespace {

using nn::EigenKernels;
using nn::Mode;

/// Allocations and the largest of them, in a training step after the first.
template <class Body>
std::pair<long, std::size_t> allocations_of_a_step(Body body, ImageShape shape) {
  using Scalar = typename Body::Scalar;
  nn::Network<Body> network(std::move(body), shape);
  network.initialise(Seed{1});
  const Batch<Scalar> x = test::random_matrix<Scalar>(shape.size(), 4, 1);
  const auto step = [&] {
    network.forward(x, Mode::train);
    network.output_gradient().setOnes();
    network.backward(x);
  };
  step();
  allocations = 0;
  largest_allocation = 0;
  step();
  return {allocations, largest_allocation};
}

TEST_CASE("A training step after the first allocates nothing", "[nn]") {
  REQUIRE(allocations_of_a_step(nn::UNet<2, 8, Padding::circular, float, nn::StandardNormalisation, EigenKernels>(3),
                                ImageShape{16, 16, 3}) == std::pair<long, std::size_t>{0, 0});
  REQUIRE(allocations_of_a_step(nn::Mlp<float, EigenKernels>(48, 20), ImageShape{4, 4, 3}).first == 0);
  REQUIRE(allocations_of_a_step(nn::TwoDMlp<double, EigenKernels>(1), ImageShape{1, 1, 2}).first == 0);
  // Whatever the kernels: oneDNN keeps its books while a primitive runs, but takes no memory for numbers.
  REQUIRE(allocations_of_a_step(nn::UNet<2, 8, Padding::circular, float>(3), ImageShape{16, 16, 3}).second < 4096);
}

TEST_CASE("A network plans again for another batch size, and the results of a sample do not change", "[nn]") {
  using Net = nn::UNet<1, 4, Padding::zeros, double>;
  const ImageShape shape{4, 6, 1};
  auto network = test::random_network(Net(1), shape);
  const Batch<double> x = test::random_matrix(shape.size(), 5, 1);
  const Batch<double> all = network.forward(x, Mode::evaluate);
  const Batch<double> some = network.forward(x.leftCols(2), Mode::evaluate);
  REQUIRE(test::relative_difference(some, all.leftCols(2)) < 1e-14);
  REQUIRE(test::bitwise_equal(network.forward(x, Mode::evaluate), all));
  auto moved = std::move(network);
  REQUIRE(test::bitwise_equal(moved.forward(x, Mode::evaluate), all));
}

TEST_CASE("A network that gave its memory back computes the same again", "[nn]") {
  const ImageShape shape{8, 8, 3};
  auto network = test::random_network(nn::UNet<1, 4>(3), shape);
  const auto x = test::random_matrix<float>(shape.size(), 5, 1);
  const Batch<float> before = network.forward(x, nn::Mode::evaluate);
  network.release_memory();
  REQUIRE(network.output_gradient().size() == 0);
  REQUIRE(test::bitwise_equal(network.forward(x, nn::Mode::evaluate), before));
}

TEST_CASE("A network refuses batches of another shape with both shapes", "[nn]") {
  nn::Network network(nn::TwoDMlp<double>(1), ImageShape{1, 1, 2});
  const auto message = [&](const auto& call) { return test::message_of<DimensionMismatch>(call); };
  REQUIRE(message([&] { network.forward(Batch<double>(3, 4), Mode::train); }) ==
          "Network: input of shape (3, 4); expected (2, n) with n >= 1 for images of 1 x 1 x 2");
  const Batch<double> x = Batch<double>::Ones(2, 4);
  REQUIRE_THAT(message([&] { network.backward(x); }), ContainsSubstring("after a forward pass of 0; expected"));
  network.forward(x, Mode::train);
  network.output_gradient().resize(2, 3);
  REQUIRE_THAT(message([&] { network.backward(x); }), ContainsSubstring("output gradient of shape (2, 3)"));
}

}  // namespace
}  // namespace diffarch
