// Code of .github/docs/how_to_add.md and overview.md: check_code_blocks.py compares them.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/sampler/any_sampler.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/step_weights.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "documentation/working_folder.hpp"
#include "support.hpp"

namespace diffarch {

/// sigma falls as a power of the step: sigma_k = sigma_T (1 - k / N)^power, k = 0 ... N.
struct PowerSchedule {
  Index steps = 10;       ///< N >= 1
  double sigma_T = 80.0;  ///< > 0
  double power = 3.0;     ///< > 0

  [[nodiscard]] std::string name() const { return "PowerSchedule"; }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require(steps >= 1 && sigma_T > 0.0 && power > 0.0, name(), ": steps = ", steps, ", sigma_T = ", sigma_T,
                    ", power = ", power, ", expected steps >= 1 and the others > 0");
    std::vector<NoiseLevel> levels;
    for (Index k = 0; k <= steps; ++k) {
      const double left = static_cast<double>(steps - k) / static_cast<double>(steps);
      levels.push_back(NoiseLevel::from_sigma(sigma_T * std::pow(left, power)));
    }
    return NoiseLevels(std::move(levels));
  }
};

/// Euler's method for the probability-flow ODE d(y / signal) / d sigma = (y / signal - x0_hat) / sigma.
struct Euler {
  [[nodiscard]] std::string name() const { return "Euler"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }

  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    const double kept = next.noise / level.noise;
    detail::take_step<typename M::BackendType>(y, x0_hat, {kept, next.signal - kept * level.signal});
  }
};

/// Reads a binary PGM file as a data set of one gray image with values in [-1, 1]. Throws FileError.
template <class Scalar = float>
[[nodiscard]] Dataset<Scalar> load_pgm(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  Index width = 0;
  Index height = 0;
  Index largest = 0;
  file >> magic >> width >> height >> largest;
  if (!file || magic != "P5" || width < 1 || height < 1 || largest != 255)
    throw FileError(path.string(), "is no PGM image of 8 bits; expected P5, width, height and 255");
  detail::require_memory<unsigned char>(width, height, path.string(), ": the image");
  std::vector<unsigned char> bytes(static_cast<std::size_t>(width * height));
  file.get();  // the one space before the pixels
  if (!file.read(reinterpret_cast<char*>(bytes.data()), width * height))
    throw FileError(path.string(), "ends before its last pixel");
  Batch<Scalar> samples(width * height, 1);
  for (Index i = 0; i < samples.size(); ++i)
    samples(i) = static_cast<Scalar>(bytes[static_cast<std::size_t>(i)]) / Scalar(127.5) - Scalar(1);
  return {std::move(samples), ImageShape{.height = height, .width = width, .channels = 1}, path.string()};
}

namespace nn {

/// Kernels whose matrix products are sums over k, written out.
struct PlainKernels : EigenKernels {
  [[nodiscard]] static std::string name() { return "sums"; }

  template <class Scalar>
  using FullyConnected = detail::HostFullyConnected<Scalar, PlainKernels>;
  template <class Scalar>
  using TransposedConvolution = detail::HostTransposedConvolution<Scalar, PlainKernels>;

  /// C = op(A) op(B) + (accumulate ? C : 0), matrices column by column.
  template <class Scalar>
  static void product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a, Index stride_a,
                      const Scalar* b, Index stride_b, bool accumulate, Scalar* c, Index stride_c) {
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < m; ++i) {
        Scalar sum = accumulate ? c[i + j * stride_c] : Scalar(0);
        for (Index l = 0; l < k; ++l)
          sum += (transpose_a ? a[l + i * stride_a] : a[i + l * stride_a]) *
                 (transpose_b ? b[j + l * stride_b] : b[l + j * stride_b]);
        c[i + j * stride_c] = sum;
      }
  }
  template <class... Arguments>
  static void parallel_product(Arguments... arguments) {
    product(arguments...);
  }
};

static_assert(KernelFamily<PlainKernels>);

}  // namespace nn

namespace {

TEST_CASE("How to add: a schedule and a rule", "[documentation]") {
  const Batch<float> faces = test::correlated_samples(6, 30, 1).cast<float>();
  DiffusionSampler sampler{RankK{.rank = 3}, PowerSchedule{.steps = 20}, Euler{}};
  sampler.fit(faces);
  Batch<float> images = sampler.sample(16, Seed{7});

  const NoiseLevels levels = PowerSchedule{.steps = 20}.levels();
  REQUIRE(levels.steps() == 20);
  REQUIRE(levels.sigma_T() == 80.0);
  REQUIRE(levels[10].sigma() == Approx(10.0));
  REQUIRE_THROWS_AS(PowerSchedule{.steps = 0}.levels(), InvalidArgument);
  DiffusionSampler ddim{RankK{.rank = 3}, PowerSchedule{.steps = 20}};  // Euler's method by another name
  ddim.fit(faces);
  REQUIRE(test::relative_difference(images, ddim.sample(16, Seed{7})) < 1e-5);
}

TEST_CASE("How to add: a reader", "[documentation]") {
  const test::WorkingFolder folder;
  std::ofstream("face.pgm", std::ios::binary) << "P5\n3 2\n255\n" << std::string("\x00\xff\x33\x66\x99\xcc", 6);
  std::ofstream("cut.pgm", std::ios::binary) << "P5\n3 2\n255\n" << std::string(5, 'x');
  std::ofstream("text.pgm") << "hello";
  const Dataset<float> face = load_pgm("face.pgm");
  REQUIRE(face.shape() == ImageShape{2, 3, 1});
  REQUIRE(face.samples()(0, 0) == -1.0F);
  REQUIRE(face.samples()(1, 0) == 1.0F);
  REQUIRE(face.samples()(5, 0) == Approx(0.6));
  REQUIRE_THROWS_WITH(load_pgm("cut.pgm"), "cut.pgm: ends before its last pixel");
  REQUIRE_THROWS_WITH(load_pgm("text.pgm"), "text.pgm: is no PGM image of 8 bits; expected P5, width, height and 255");
  REQUIRE_THROWS_AS(load_pgm("missing.pgm"), FileError);
}

TEST_CASE("How to add: a family of kernels", "[documentation]") {
  const auto output = [](auto body) {
    nn::Network network(std::move(body), ImageShape{1, 1, 2});
    network.initialise(Seed{1});
    return network.forward(Batch<double>(test::random_matrix(2, 40, 3)), nn::Mode::evaluate);
  };
  REQUIRE(test::relative_difference(output(nn::TwoDMlp<double, nn::PlainKernels>(2)),
                                    output(nn::TwoDMlp<double, nn::EigenKernels>(2))) < 1e-13);
}

TEST_CASE("What is in the library: a sampler whose parts are chosen at run time", "[documentation]") {
  const Batch<float> faces = test::correlated_samples(6, 30, 1).cast<float>();
  auto sampler = AnySampler<float>::on<Cpu>("cpu", RankK{.rank = 2}, CosineSchedule{.steps = 10});  // on<Cpu, Cuda>
  sampler.fit(faces);
  std::optional<PredictedDistribution> predicted = sampler.predicted_distribution();  // of the linear family
  REQUIRE(predicted->finite_steps.mode_variance.size() == 2);
  REQUIRE(sampler.sample(3, Seed{1}).cols() == 3);
}

}  // namespace
}  // namespace diffarch
