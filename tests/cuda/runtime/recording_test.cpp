#include "diffarch/cuda/runtime/recording.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/cuda/nn/network_kernels.hpp"
#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/training/adam.hpp"
#include "diffarch/nn/unet.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;

TEST_CASE("Work is done as often as it is run, and called until it is recorded", "[cuda]") {
  auto values = DeviceArray<double>::upload(Matrix<double>(Matrix<double>::Ones(5, 1)));
  auto others = DeviceArray<double>::upload(Matrix<double>(Matrix<double>::Ones(5, 1)));
  const auto doubled = [](DeviceArray<double>& array) {
    cuda::for_each(5, 1, elementwise::Scale<double>{array.data(), array.data(), 2.0, 5});
  };
  cuda::Recording recording;
  const auto run = [&](DeviceArray<double>& array) {
    return recording.run({array.data(), nullptr, nullptr}, [&] { doubled(array); });
  };
  CHECK(run(values));
  CHECK(run(values));
  CHECK_FALSE(run(values));
  CHECK_FALSE(run(values));
  CHECK((values.download().array() == 16.0).all());
  CHECK(run(others));  // of other memory: other work
  CHECK((others.download().array() == 2.0).all());
  CHECK(run(values));
  CHECK(run(values));
  cuda::Recording moved = std::move(recording);
  CHECK_FALSE(moved.run({values.data(), nullptr, nullptr}, [&] { doubled(values); }));
  CHECK((values.download().array() == 128.0).all());
  moved.forget();
  CHECK(moved.run({values.data(), nullptr, nullptr}, [&] { doubled(values); }));
}

TEST_CASE("An exception ends the recording, and the work can be run again", "[cuda]") {
  auto values = DeviceArray<double>::upload(Matrix<double>(Matrix<double>::Ones(3, 1)));
  cuda::Recording recording;
  bool fails = false;
  const auto run = [&] {
    return recording.run({values.data(), nullptr, nullptr}, [&] {
      cuda::for_each(3, 1, elementwise::Scale<double>{values.data(), values.data(), 3.0, 3});
      if (fails) throw std::runtime_error("on purpose");
    });
  };
  CHECK(run());
  fails = true;
  CHECK_THROWS_AS(run(), std::runtime_error);
  fails = false;
  CHECK((values.download().array() == 3.0).all());  // what was recorded by half was not done
  CHECK(run());
  CHECK_FALSE(run());
  CHECK((values.download().array() == 27.0).all());
}

TEST_CASE("A network whose passes are recorded trains to the bits of one whose passes are not", "[cuda][nn]") {
  using Body = nn::UNet<1, float, nn::StandardNormalisation, CudaKernels>;
  const ImageShape shape{8, 8, 3};
  const auto trained = [&](bool forgets) {
    nn::Network<Body> network(Body({.channels = 4, .padding = Padding::circular}), shape);
    network.initialise(Seed{1});
    std::vector<nn::ParametersWithGradient<float>> pieces;
    Index count = 0;
    network.for_each_parameter([&](const nn::Parameter<float>& parameter) {
      if (!parameter.trainable()) return;
      pieces.push_back({parameter.values, parameter.gradient});
      count += static_cast<Index>(parameter.values.size());
    });
    nn::Adam<float, CudaKernels> adam(count, {.learning_rate = 1e-2});
    auto x = Cuda::upload(test::random_matrix<float>(shape.size(), 4, 1));
    for (unsigned step = 0; step < 5; ++step) {
      x.copy_from_host(test::random_matrix<float>(shape.size(), 4, step).data(), x.size());
      // An evaluation forgets, and is not recorded itself.
      if (forgets) static_cast<void>(network.forward(x, nn::Mode::evaluate));
      const auto& y = network.forward(x, nn::Mode::train);
      network.output_gradient().copy_from(y.data(), y.size());
      network.backward(x);
      adam.step(std::span<const nn::ParametersWithGradient<float>>(pieces));
    }
    std::vector<float> tensors;
    std::vector<std::int64_t> counters;
    network.for_each_parameter([&](const nn::Parameter<float>& parameter) {
      if (parameter.counter != nullptr) counters.push_back(*parameter.counter);
      for (const float value : nn::host_copy<CudaKernels>(parameter.values)) tensors.push_back(value);
    });
    CHECK(counters == std::vector<std::int64_t>(counters.size(), 5));
    CHECK_FALSE(counters.empty());
    return tensors;
  };
  const std::vector<float> recorded = trained(false);
  CHECK(recorded == trained(true));
  CHECK(std::none_of(recorded.begin(), recorded.end(), [](float value) { return std::isnan(value); }));
}

}  // namespace
}  // namespace diffarch
