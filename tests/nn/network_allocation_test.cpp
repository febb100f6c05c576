// Where networks on the host take memory. Not a part of network_test.cpp, which every backend has to pass: this file
// replaces the allocation functions of the whole program.

#include <atomic>
#include <cstdlib>
#include <new>

#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/unet.hpp"
#include "support.hpp"

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

void* counted_or_null(std::size_t size, std::size_t alignment) noexcept {
  try {
    return counted(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

constexpr std::size_t usual = 16;
std::size_t bytes(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

// All of them: the sanitizers have their own for those that are not replaced, and what one gives the other may not
// free.
void* operator new(std::size_t size) { return counted(size, usual); }
void* operator new[](std::size_t size) { return counted(size, usual); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, bytes(alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return counted(size, bytes(alignment)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted_or_null(size, usual); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted_or_null(size, usual); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted_or_null(size, bytes(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted_or_null(size, bytes(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}

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
  REQUIRE(allocations_of_a_step(nn::UNet<2, float, nn::StandardNormalisation, EigenKernels>(
                                    {.channels = 8, .padding = Padding::circular}),
                                ImageShape{16, 16, 3}) == std::pair<long, std::size_t>{0, 0});
  REQUIRE(allocations_of_a_step(nn::Mlp<float, EigenKernels>(48, 20), ImageShape{4, 4, 3}).first == 0);
  REQUIRE(allocations_of_a_step(nn::TwoDMlp<double, EigenKernels>(1), ImageShape{1, 1, 2}).first == 0);
  // Whatever the kernels: oneDNN keeps its books while a primitive runs, but takes no memory for numbers.
  REQUIRE(
      allocations_of_a_step(nn::UNet<2, float>({.channels = 8, .padding = Padding::circular}), ImageShape{16, 16, 3})
          .second < 4096);
}

}  // namespace
}  // namespace diffarch
