#include "diffarch/cuda/nn/layer_functors.hpp"

#include <limits>

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

/// y of count elements and dx of it, by the words of the kernels: `forward(x, y)`, `backward(y, dy, dx)`.
template <class Kernels, class Scalar, class Forward, class Backward>
std::pair<Matrix<Scalar>, Matrix<Scalar>> element_outcome(Index rows, Index out_rows, Index columns,
                                                          const Forward& forward, const Backward& backward) {
  using Array = test::KernelsArray<Kernels, Scalar>;
  Array x(Matrix<Scalar>(Scalar(2) * test::random_matrix<Scalar>(rows, columns, 1)));
  Array dy(test::random_matrix<Scalar>(out_rows, columns, 2));
  Array y(out_rows, columns), dx(test::random_matrix<Scalar>(rows, columns, 3));
  forward(x.data(), y.data());
  backward(y.data(), dy.data(), dx.data());
  return {y.host(), dx.host()};
}

template <class Scalar, class Compute>
void check_elements(const Compute& compute) {
  const auto ours = compute(CudaKernels{});
  const auto host = compute(nn::EigenKernels{});
  CHECK(test::relative_difference(ours.first, host.first) < test::element_tolerance<Scalar>);
  CHECK(test::relative_difference(ours.second, host.second) < test::element_tolerance<Scalar>);
}

TEMPLATE_TEST_CASE("Activations and pools on the device are the host's", "[cuda]", float, double) {
  const Index count = 10007;
  check_elements<TestType>([&]<class Kernels>(Kernels) {
    return element_outcome<Kernels, TestType>(
        count, count, 1, [&](auto* x, auto* y) { Kernels::leaky_relu(x, y, count, TestType(0.2)); },
        [&](auto* y, auto* dy, auto* dx) { Kernels::leaky_relu_backward(y, dy, dx, count, TestType(0.2)); });
  });
  check_elements<TestType>([&]<class Kernels>(Kernels) {
    return element_outcome<Kernels, TestType>(
        count, count, 1, [&](auto* x, auto* y) { Kernels::tanh(x, y, count); },
        [&](auto* y, auto* dy, auto* dx) { Kernels::tanh_backward(y, dy, dx, count); });
  });
  for (const Index channels : {3, 8}) {  // multiples of four are moved together
    const Index rows = 7, width = 5;     // of the smaller images
    check_elements<TestType>([&]<class Kernels>(Kernels) {
      return element_outcome<Kernels, TestType>(
          4 * rows * width * channels, rows * width * channels, 1,
          [&](auto* x, auto* y) { Kernels::average_pool(x, y, rows, width, channels); },
          [&](auto* /*y*/, auto* dy, auto* dx) { Kernels::average_pool_backward(dy, dx, rows, width, channels); });
    });
  }
  // Copies between columns of other strides, and sums on what is there.
  check_elements<TestType>([&]<class Kernels>(Kernels) {
    return element_outcome<Kernels, TestType>(
        12, 8, 13, [&](auto* x, auto* y) { Kernels::copy_columns(x + 4, 12, y, 8, 8, 13); },
        [&](auto* /*y*/, auto* dy, auto* dx) { Kernels::add_columns(dy, 8, dx + 4, 12, 8, 13); });
  });
  check_elements<TestType>([&]<class Kernels>(Kernels) {
    return element_outcome<Kernels, TestType>(
        9, 4, 13, [&](auto* x, auto* y) { Kernels::copy_columns(x + 3, 9, y, 4, 4, 13); },
        [&](auto* /*y*/, auto* dy, auto* dx) { Kernels::add_columns(dy, 4, dx + 5, 9, 4, 13); });
  });
}

TEMPLATE_TEST_CASE("Updates of training on the device are the host's", "[cuda]", float, double) {
  const Index count = 2 * 8192 + 5;
  const auto updated = [&]<class Kernels>(Kernels) {
    using Array = test::KernelsArray<Kernels, TestType>;
    Array parameters(test::random_matrix<TestType>(count, 1, 1)), gradient(test::random_matrix<TestType>(count, 1, 2));
    Array mean(test::random_matrix<TestType>(count, 1, 3)), average(test::random_matrix<TestType>(count, 1, 4));
    Array square(Matrix<TestType>(test::random_matrix<TestType>(count, 1, 5).cwiseAbs2()));
    const nn::detail::AdamCoefficients<TestType> coefficients{TestType(0.1), TestType(0.01), TestType(2),
                                                              TestType(1e-8), TestType(0.5)};
    // More pieces than one launch takes, of every length from 1 on.
    std::vector<nn::ParametersWithGradient<TestType>> pieces;
    for (Index begin = 0, size = 1; begin < count; begin += size, ++size) {
      const auto length = static_cast<std::size_t>(std::min(size, count - begin));
      pieces.push_back({{parameters.data() + begin, length}, {gradient.data() + begin, length}});
    }
    Kernels::template adam_update<TestType>(pieces, mean.data(), square.data(), coefficients);
    Kernels::move_average(average.data(), parameters.data(), count, TestType(0.25));
    return std::array<Matrix<TestType>, 4>{parameters.host(), mean.host(), square.host(), average.host()};
  };
  const auto ours = updated(CudaKernels{});
  const auto host = updated(nn::EigenKernels{});
  for (std::size_t i = 0; i < ours.size(); ++i)
    CHECK(test::relative_difference(ours[i], host[i]) < test::element_tolerance<TestType>);
}

TEMPLATE_TEST_CASE("Training batches and losses on the device are the host's", "[cuda]", float, double) {
  for (const Index d : {1, 3, 4, 6, 103}) {  // blocks of four normal numbers, whole and cut
    CAPTURE(d);
    const Index count = 5;  // of each of three levels
    const std::vector<Index> chosen{4, 0, 8, 3, 8, 1, 2, 5, 7, 0, 6, 6, 8, 4, 2};
    const std::vector<Index> levels_streams{70000, 5, 16385};
    std::array<double, 3> losses[2] = {};
    const auto batch = [&]<class Kernels>(Kernels, std::array<double, 3>& loss) {
      using Array = test::KernelsArray<Kernels, TestType>;
      Array data(test::random_matrix<TestType>(d, 9, 1)), clean(d, 3 * count), noisy(d, 3 * count);
      Array gradient(d, 3 * count), signals(test::random_matrix<TestType>(3, 1, 2));
      Array noises(test::random_matrix<TestType>(3, 1, 3));
      typename Kernels::template Buffer<Index> samples(3 * count), streams(3);
      Kernels::copy_from_host(chosen.data(), 3 * count, samples.data());
      Kernels::copy_from_host(levels_streams.data(), 3, streams.data());
      const nn::TrainingLevels<TestType> levels{3, streams.data(), signals.data(), noises.data()};
      Kernels::noisy_batch(Seed{3}, levels, data.data(), d, count, samples.data(), count, Index{90}, clean.data(),
                           noisy.data());
      Kernels::mean_squared_errors(noisy.data(), clean.data(), gradient.data(), d * count, Index{3}, loss.data());
      return std::array<Matrix<TestType>, 3>{clean.host(), noisy.host(), gradient.host()};
    };
    const auto ours = batch(CudaKernels{}, losses[0]);
    const auto host = batch(nn::EigenKernels{}, losses[1]);
    CHECK(test::bitwise_equal(ours[0], host[0]));
    CHECK(test::relative_difference(ours[1], host[1]) < test::element_tolerance<TestType>);
    CHECK(test::relative_difference(ours[2], host[2]) < 10 * test::element_tolerance<TestType>);
    for (std::size_t level = 0; level < 3; ++level)
      CHECK(losses[0][level] == Approx(losses[1][level]).epsilon(test::element_tolerance<TestType>));
  }
}

TEMPLATE_TEST_CASE("NaN stays NaN on the device, and is found among numbers", "[cuda]", float, double) {
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
  for (const Index count : {1, 7, 4096, 100003}) {
    CAPTURE(count);
    Matrix<TestType> numbers = test::random_matrix<TestType>(count, 1, 1);
    using Array = test::KernelsArray<CudaKernels, TestType>;
    CHECK(CudaKernels::all_finite(Array(numbers).data(), count));
    for (const TestType bad : {nan, std::numeric_limits<TestType>::infinity()}) {
      numbers(count - 1) = bad;
      CHECK_FALSE(CudaKernels::all_finite(Array(numbers).data(), count));
    }
    Array x(Matrix<TestType>(Matrix<TestType>::Constant(count, 1, nan)));
    Array dy(test::random_matrix<TestType>(count, 1, 2)), y(count, 1), dx(count, 1);
    for (const TestType slope : {TestType(0), TestType(0.25)}) {
      CudaKernels::leaky_relu(x.data(), y.data(), count, slope);
      CudaKernels::leaky_relu_backward(x.data(), dy.data(), dx.data(), count, slope);
      CHECK(y.host().array().isNaN().all());
      CHECK(dx.host().array().isNaN().all());
    }
  }
  CHECK(CudaKernels::all_finite<TestType>(nullptr, 0));
}

TEMPLATE_TEST_CASE("Modulation on the device is the host's", "[cuda]", float, double) {
  const Index channels = 5;
  const Index pixels = 300;
  const Index samples = 3;
  check_elements<TestType>([&]<class Kernels>(Kernels) {
    test::KernelsArray<Kernels, TestType> factors(test::random_matrix<TestType>(2 * channels, samples, 7));
    test::KernelsArray<Kernels, TestType> sums(2 * channels, samples);
    const auto [y, dx] = element_outcome<Kernels, TestType>(
        channels, channels, pixels * samples,
        [&](auto* x, auto* to) { Kernels::modulate(x, factors.data(), to, channels, pixels, samples); },
        [&](auto* values, auto* dy, auto* gradient) {
          Kernels::copy(dy, channels * pixels * samples, gradient);
          Kernels::modulate_backward(values, factors.data(), gradient, sums.data(), channels, pixels, samples);
        });
    Matrix<TestType> both(channels, 2 * pixels * samples);
    both << y, dx;
    return std::make_pair(both, sums.host());
  });
  const std::vector<Index> which{2, 0, 2, 1};
  const Matrix<TestType> from = test::random_matrix<TestType>(6, 3, 1);
  cuda::DeviceBuffer<Index> columns(4);
  CudaKernels::copy_from_host(which.data(), 4, columns.data());
  test::KernelsArray<CudaKernels, TestType> stored(from);
  test::KernelsArray<CudaKernels, TestType> to(6, 4);
  CudaKernels::gather_columns(stored.data(), 6, columns.data(), 4, to.data());
  for (Index j = 0; j < 4; ++j)
    CHECK(Vector<TestType>(to.host().col(j)) == Vector<TestType>(from.col(which[static_cast<std::size_t>(j)])));
}

}  // namespace
}  // namespace diffarch
