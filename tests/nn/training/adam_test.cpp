#include "diffarch/nn/training/adam.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "diffarch/io/npy.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using diffarch::nn::AdamOptions;
using diffarch::nn::AdamState;
using diffarch::nn::ParametersWithGradient;
using diffarch::test::message_of;
using diffarch::test::random_matrix;
using diffarch::test::ThreadCount;

namespace {

template <class Scalar>
using TestedAdam = nn::Adam<Scalar, test::TestedKernels>;
template <class Scalar>
using AdamMemory = test::KernelMemory<Scalar>;

const AdamOptions fast_adam{.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4};

template <class Scalar>
NpyArray<Scalar> adam_fixture(const std::string& name) {
  return read_npy<Scalar>(std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / ("adam_" + name + ".npy"));
}

/// Largest difference to PyTorch over all steps, of each parameter relative to the farthest it goes, or of each moment.
template <class Scalar>
double adam_difference_to_pytorch(const std::string& name, const AdamOptions& options) {
  AdamMemory<Scalar> memory(adam_fixture<Scalar>("initial").values);
  const AdamMemory<Scalar> gradients(adam_fixture<Scalar>("gradients").values);
  const auto expected = adam_fixture<Scalar>(name);
  const auto moments = adam_fixture<Scalar>(name + "_moments");
  const std::size_t size = memory.span().size();
  REQUIRE(expected.shape == std::vector<Index>{12, static_cast<Index>(size)});
  TestedAdam<Scalar> adam(static_cast<Index>(size), options);

  std::vector<double> difference(size), extent(size);
  for (std::size_t step = 0; step < 12; ++step) {
    adam.step(memory.span(), gradients.span().subspan(step * size, size));
    const std::vector<Scalar> parameters = memory.host();
    for (std::size_t i = 0; i < size; ++i) {
      const double reference = expected.values[step * size + i];
      difference[i] = std::max(difference[i], std::abs(static_cast<double>(parameters[i]) - reference));
      extent[i] = std::max(extent[i], std::abs(reference));
    }
  }
  REQUIRE(adam.state().steps == 12);
  const AdamState<Scalar> state = adam.state();
  double worst = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (extent[i] == 0) CHECK(difference[i] == 0);
    if (extent[i] > 0) worst = std::max(worst, difference[i] / extent[i]);
    // A mean of gradients of both signs cancels: compare with the size of the gradient, the root of v.
    const double m = moments.values[i];
    const double v = moments.values[size + i];
    if (v > 0) {
      worst = std::max(worst, std::abs(static_cast<double>(state.mean[i]) - m) / std::sqrt(v));
      worst = std::max(worst, std::abs(static_cast<double>(state.mean_squared[i]) - v) / v);
    }
  }
  return worst;
}

template <class Scalar>
bool same_adam_bits(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0;
}

/// A state and parameters that two runs share or not, bit by bit.
template <class Scalar>
struct AdamRun {
  std::vector<Scalar> parameters;
  AdamState<Scalar> state;

  bool operator==(const AdamRun& other) const {
    return same_adam_bits(parameters, other.parameters) && state.steps == other.state.steps &&
           same_adam_bits(state.mean, other.state.mean) && same_adam_bits(state.mean_squared, other.state.mean_squared);
  }
};

/// Seven steps on `size` parameters in pieces of the given lengths, the last one the rest.
template <class Scalar>
AdamRun<Scalar> run_adam(std::size_t size, const std::vector<std::size_t>& lengths) {
  const auto numbers = random_matrix<Scalar>(static_cast<Index>(size), 8, 3);
  const AdamMemory<Scalar> gradients(numbers);
  AdamMemory<Scalar> parameters(Vector<Scalar>(numbers.col(7)));
  TestedAdam<Scalar> adam(static_cast<Index>(size));
  for (Index step = 0; step < 7; ++step) {
    const auto gradient = gradients.span().subspan(static_cast<std::size_t>(step) * size, size);
    std::vector<ParametersWithGradient<Scalar>> pieces;
    std::size_t begin = 0;
    for (const std::size_t length : lengths) {
      pieces.push_back({parameters.span().subspan(begin, length), gradient.subspan(begin, length)});
      begin += length;
    }
    pieces.push_back({parameters.span().subspan(begin), gradient.subspan(begin)});
    adam.step(pieces);
  }
  return {parameters.host(), adam.state()};
}

}  // namespace

TEST_CASE("Adam follows torch.optim.Adam over twelve steps", "[nn][parity]") {
  // f64: a few roundings. f32: PyTorch keeps 1 - 0.999 and 0.999 as two floats, which differ from 1 by 1e-8 a step.
  CHECK(adam_difference_to_pytorch<double>("default_f64", {}) < 1e-14);
  CHECK(adam_difference_to_pytorch<double>("fast_f64", fast_adam) < 1e-14);
  CHECK(adam_difference_to_pytorch<float>("default_f32", {}) < 1e-6);
  CHECK(adam_difference_to_pytorch<float>("fast_f32", fast_adam) < 1e-6);
}

TEST_CASE("The comparison with torch.optim.Adam can fail: another beta2 is far", "[nn][parity]") {
  CHECK(adam_difference_to_pytorch<double>("default_f64", {.beta2 = 0.998}) > 1e-3);
  CHECK(adam_difference_to_pytorch<double>("fast_f64", {.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.95}) > 1e-5);
}

TEMPLATE_TEST_CASE("Adam gives the same bits for any threads and any cut into pieces", "[nn]", float, double) {
  constexpr std::size_t size = 3 * 8192 + 77;
  const AdamRun<TestType> whole = run_adam<TestType>(size, {});
  CHECK(run_adam<TestType>(size, {1, 0, 5, 8192, 13, 9000}) == whole);
  for (const int threads : {1, 2, 3}) {
    const ThreadCount limit(threads);
    CHECK(run_adam<TestType>(size, {}) == whole);
  }
  AdamRun<TestType> other = whole;
  other.parameters[size - 1] += TestType(1e-3);
  CHECK_FALSE(other == whole);
}

TEMPLATE_TEST_CASE("Adam continues from its state bitwise", "[nn]", float, double) {
  const AdamMemory<TestType> gradients(random_matrix<TestType>(50, 10, 5));
  const auto gradient = [&](Index step) { return gradients.span().subspan(static_cast<std::size_t>(50 * step), 50); };
  AdamMemory<TestType> parameters(std::vector<TestType>(50, TestType(1)));
  TestedAdam<TestType> uninterrupted(50);
  for (Index step = 0; step < 4; ++step) uninterrupted.step(parameters.span(), gradient(step));

  AdamMemory<TestType> resumed(parameters.host());
  TestedAdam<TestType> adam(50);
  adam.restore(uninterrupted.state());
  for (Index step = 4; step < 10; ++step) {
    uninterrupted.step(parameters.span(), gradient(step));
    adam.step(resumed.span(), gradient(step));
  }
  CHECK(AdamRun<TestType>{resumed.host(), adam.state()} == AdamRun<TestType>{parameters.host(), uninterrupted.state()});
  CHECK(adam.state().steps == 10);
}

TEST_CASE("A step of Adam keeps its memory, and a learning rate can follow a schedule", "[nn]") {
  TestedAdam<double> adam(3);
  const double* const mean = adam.mean().data();
  AdamMemory<double> memory(std::vector<double>{1, 2, 3});
  const AdamMemory<double> gradient(std::vector<double>{0.5, -0.5, 0});
  adam.step(memory.span(), gradient.span());
  std::vector<double> parameters = memory.host();
  // The first step is the learning rate times the sign of the gradient, less epsilon over its size.
  CHECK(parameters[0] == Approx(1 - 1e-3 / (1 + 2e-8)).epsilon(1e-14));
  CHECK(parameters[1] == Approx(2 + 1e-3 / (1 + 2e-8)).epsilon(1e-14));
  CHECK(parameters[2] == 3);
  adam.set_options({.learning_rate = 0});
  adam.step(memory.span(), gradient.span());
  parameters = memory.host();
  CHECK(parameters[0] == Approx(1 - 1e-3 / (1 + 2e-8)).epsilon(1e-14));
  CHECK(adam.state().steps == 2);
  CHECK(adam.mean().data() == mean);
  CHECK(test::values_of(adam.mean()) == adam.state().mean);
  CHECK(adam.parameters() == 3);
}

TEST_CASE("Adam refuses options out of range by name and value", "[nn]") {
  const auto refusal = [](const AdamOptions& options) {
    return message_of<InvalidArgument>([&] { TestedAdam<float>(1, options); });
  };
  const double nan = std::nan("");
  CHECK(refusal({.learning_rate = -1}) == "AdamOptions: learning_rate is -1; expected a finite number >= 0");
  CHECK_THAT(refusal({.learning_rate = nan}), ContainsSubstring("learning_rate is nan"));
  CHECK(refusal({.beta1 = 1}) == "AdamOptions: beta1 is 1; expected 0 <= beta1 < 1");
  CHECK(refusal({.beta2 = -0.1}) == "AdamOptions: beta2 is -0.1; expected 0 <= beta2 < 1");
  CHECK_THAT(refusal({.beta2 = nan}), ContainsSubstring("beta2 is nan"));
  CHECK(refusal({.epsilon = 0}) == "AdamOptions: epsilon is 0; expected a finite number > 0, also as a 32-bit number");
  CHECK_THAT(refusal({.epsilon = 1e-60}), ContainsSubstring("epsilon is 1e-60"));
  CHECK_THAT(refusal({.epsilon = std::numeric_limits<double>::infinity()}), ContainsSubstring("epsilon is inf"));
  CHECK_NOTHROW(TestedAdam<double>(0, {.epsilon = 1e-60}));
  CHECK_THAT(message_of<InvalidArgument>([] { TestedAdam<float>(-1); }), ContainsSubstring("-1 parameters"));

  TestedAdam<float> adam(1);
  CHECK_THAT(message_of<InvalidArgument>([&] { adam.set_options({.beta1 = 2}); }), ContainsSubstring("beta1 is 2"));
  CHECK(adam.options().beta1 == 0.9);
}

TEST_CASE("Adam refuses arrays and states that do not fit and stays as it was", "[nn]") {
  TestedAdam<float> adam(3);
  std::vector<float> parameters(3);
  const std::vector<float> four(4, 1.0F);
  CHECK(message_of<DimensionMismatch>([&] { adam.step(parameters, four); }) ==
        "Adam: 3 parameters but a gradient of 4");
  std::vector<float> too_many(4);
  CHECK(message_of<DimensionMismatch>([&] { adam.step(too_many, four); }) ==
        "Adam: 4 parameters; expected 3, as it was made for");
  const float nan = std::nanf("");
  CHECK_THAT(message_of<DimensionMismatch>([&] {
               adam.restore({1, four, parameters});
             }),
             ContainsSubstring("a state of 4 parameters; expected 3"));
  CHECK_THAT(message_of<DimensionMismatch>([&] {
               adam.restore({1, parameters, four});
             }),
             ContainsSubstring("a state of 4 parameters; expected 3"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               adam.restore({-1, parameters, parameters});
             }),
             ContainsSubstring("a state of -1 steps"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               adam.restore({1, {0, nan, 0}, parameters});
             }),
             ContainsSubstring("the state of parameter 1 is mean nan, mean_squared 0"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               adam.restore({1, parameters, {0, 0, -1}});
             }),
             ContainsSubstring("parameter 2 is mean 0, mean_squared -1; expected finite numbers"));
  CHECK(adam.state().steps == 0);
  CHECK(parameters == std::vector<float>(3));
}
