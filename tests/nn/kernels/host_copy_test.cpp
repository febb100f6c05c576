#include "diffarch/nn/kernels/host_copy.hpp"

#include "diffarch/nn/kernels/kernels.hpp"
#include "support.hpp"

using namespace diffarch;

namespace {

/// Kernels whose memory holds every number negated: what is not copied by the words of the kernels comes out wrong.
struct NegatingKernels {
  static void copy_to_host(const double* from, Index count, double* to) {
    for (Index i = 0; i < count; ++i) to[i] = -from[i];
  }
  static void copy_from_host(const double* from, Index count, double* to) { copy_to_host(from, count, to); }
};

}  // namespace

TEST_CASE("Copies to and from the host go through the words of the kernels", "[nn]") {
  std::vector<double> memory{1.0, 2.0, 3.0};
  CHECK(nn::host_copy<nn::DefaultKernels>(std::span<const double>(memory)) == memory);
  CHECK(nn::host_copy<NegatingKernels>(std::span<double>(memory)) == std::vector<double>{-1.0, -2.0, -3.0});
  nn::set_from_host<NegatingKernels>(std::span(memory).first(2), [](std::span<double> host) {
    REQUIRE(host.size() == 2);
    host[0] = 5.0;
    host[1] = 7.0;
  });
  CHECK(memory == std::vector<double>{-5.0, -7.0, 3.0});
}
