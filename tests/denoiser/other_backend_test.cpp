// A backend made outside the library, with memory that the host cannot touch, and a family of kernels for it. All that
// networks do runs there: any access of the host that does not go through a word of the backend or its kernels ends the
// program.

#include <sys/mman.h>

#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/train.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace elsewhere {

using diffarch::Batch;
using diffarch::Index;

/// Pages that nobody may touch except while an `Inside` lives. Memory is never given back.
class Arena {
 public:
  static Arena& instance() {
    static Arena arena;
    return arena;
  }
  [[nodiscard]] void* allocate(std::size_t bytes) {
    used_ += (bytes + 63) / 64 * 64;
    REQUIRE(used_ <= size);
    return memory_ + used_ - (bytes + 63) / 64 * 64;
  }
  void open(int access) {
    if (mprotect(memory_, size, access) != 0) std::terminate();
  }

 private:
  static constexpr std::size_t size = std::size_t{1} << 28U;
  Arena() {
    void* const pages = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    memory_ = static_cast<char*>(pages);
  }
  char* memory_ = nullptr;
  std::size_t used_ = 0;
};

/// One at a time: words do not call each other.
struct Inside {
  Inside() { Arena::instance().open(PROT_READ | PROT_WRITE); }
  ~Inside() { Arena::instance().open(PROT_NONE); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

template <class Number>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  Buffer(Index size, Number value) : Buffer(size) {
    const Inside inside;
    std::fill_n(data_, size, value);
  }
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  void resize(Index size) {
    if (size > capacity_) {
      data_ = static_cast<Number*>(Arena::instance().allocate(static_cast<std::size_t>(size) * sizeof(Number)));
      capacity_ = size;
    }
    size_ = size;
  }
  [[nodiscard]] Index size() const noexcept { return size_; }
  [[nodiscard]] Number* data() noexcept { return data_; }
  [[nodiscard]] const Number* data() const noexcept { return data_; }
  [[nodiscard]] std::span<Number> span() noexcept { return {data_, static_cast<std::size_t>(size_)}; }
  [[nodiscard]] std::span<const Number> span() const noexcept { return {data_, static_cast<std::size_t>(size_)}; }
  [[nodiscard]] static constexpr Index aligned(Index count) noexcept {
    return diffarch::nn::Buffer<Number>::aligned(count);
  }

 private:
  Number* data_ = nullptr;
  Index size_ = 0;
  Index capacity_ = 0;
};

template <class Scalar>
class Storage {
 public:
  Storage() = default;
  Storage(Index rows, Index columns) : rows_(rows), columns_(columns), values_(rows * columns) {}
  Storage(const Storage& other) : Storage(other.rows_, other.columns_) {
    const Inside inside;
    std::copy_n(other.data(), values_.size(), data());
  }
  Storage& operator=(const Storage& other) { return *this = Storage(other); }
  Storage(Storage&&) noexcept = default;
  Storage& operator=(Storage&&) noexcept = default;
  ~Storage() = default;
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return columns_; }
  [[nodiscard]] Scalar* data() { return values_.data(); }
  [[nodiscard]] const Scalar* data() const { return values_.data(); }

 private:
  Index rows_ = 0;
  Index columns_ = 0;
  Buffer<Scalar> values_;
};

struct Elsewhere {
  template <class Scalar>
  using Storage = elsewhere::Storage<Scalar>;

  [[nodiscard]] static std::string name() { return "elsewhere"; }

  template <class Scalar>
  [[nodiscard]] static Storage<Scalar> upload(const Batch<Scalar>& batch) {
    Storage<Scalar> storage(batch.rows(), batch.cols());
    const Inside inside;
    std::copy_n(batch.data(), batch.size(), storage.data());
    return storage;
  }
  template <class Scalar>
  [[nodiscard]] static Batch<Scalar> download(const Storage<Scalar>& storage) {
    const Inside inside;
    return Eigen::Map<const Batch<Scalar>>(storage.data(), storage.rows(), storage.cols());
  }
  template <class Scalar>
  static void download_columns(const Storage<Scalar>& storage, Batch<Scalar>& batch, Index first) {
    batch.middleCols(first, storage.cols()) = download(storage);
  }
  template <class Scalar>
  [[nodiscard]] static bool all_finite(const Storage<Scalar>& storage) {
    return download(storage).allFinite();
  }
  template <class Scalar>
  [[nodiscard]] static diffarch::Vector<double> column_norms(const Storage<Scalar>& storage) {
    return diffarch::Cpu::column_norms(download(storage));
  }
  template <class Functor>
  static void for_each(Index rows, Index columns, const Functor& functor) {
    const Inside inside;
    diffarch::Cpu::for_each(rows, columns, functor);
  }
  template <class Scalar>
  [[nodiscard]] static Storage<Scalar> normal(Index d, Index n, diffarch::Seed seed, diffarch::Stream stream,
                                              Index first_sample) {
    return upload(diffarch::normal_batch<Scalar>(d, n, seed, stream, first_sample));
  }
};
static_assert(diffarch::Backend<Elsewhere>);

/// The words of Eigen's kernels, said inside.
struct Kernels {
  using Host = diffarch::nn::EigenKernels;
  using BackendType = Elsewhere;
  using Recording = Host::Recording;
  static constexpr diffarch::Index stack_bytes = 1 << 20;
  template <class Number>
  using Buffer = elsewhere::Buffer<Number>;
  template <class Object>
  class At {
   public:
    template <class... A>
    void plan(A... a) {
      object_.plan(a...);
    }
    [[nodiscard]] Index workspace_size() const { return object_.workspace_size(); }
    template <class... A>
    void forward(A... a) {
      const Inside inside;
      object_.forward(a...);
    }
    template <class... A>
    void backward(A... a) {
      const Inside inside;
      object_.backward(a...);
    }

   private:
    Object object_;
  };
  template <class Scalar>
  using Convolution = At<Host::Convolution<Scalar>>;
  template <class Scalar>
  using TransposedConvolution = At<Host::TransposedConvolution<Scalar>>;
  template <class Scalar>
  using FullyConnected = At<Host::FullyConnected<Scalar>>;
  template <class Scalar, class Normalisation, bool Rectified>
  using BatchNorm = At<Host::BatchNorm<Scalar, Normalisation, Rectified>>;

  [[nodiscard]] static std::string name() { return "elsewhere"; }
  template <class Number>
  static void copy(const Number* from, Index count, Number* to) {
    const Inside inside;
    Host::copy(from, count, to);
  }
  template <class Number>
  static void copy_to_host(const Number* from, Index count, Number* to) {
    copy(from, count, to);
  }
  template <class Number>
  static void copy_from_host(const Number* from, Index count, Number* to) {
    copy(from, count, to);
  }
  template <class Scalar>
  static void fill(Scalar* values, Index count, Scalar value) {
    const Inside inside;
    Host::fill(values, count, value);
  }
  template <class... A>
  static void leaky_relu(A... a) {
    const Inside inside;
    Host::leaky_relu(a...);
  }
  template <class... A>
  static void leaky_relu_backward(A... a) {
    const Inside inside;
    Host::leaky_relu_backward(a...);
  }
  template <class... A>
  static void tanh(A... a) {
    const Inside inside;
    Host::tanh(a...);
  }
  template <class... A>
  static void tanh_backward(A... a) {
    const Inside inside;
    Host::tanh_backward(a...);
  }
  template <class... A>
  static void average_pool(A... a) {
    const Inside inside;
    Host::average_pool(a...);
  }
  template <class... A>
  static void average_pool_backward(A... a) {
    const Inside inside;
    Host::average_pool_backward(a...);
  }
  template <class... A>
  static void copy_columns(A... a) {
    const Inside inside;
    Host::copy_columns(a...);
  }
  template <class... A>
  static void add_columns(A... a) {
    const Inside inside;
    Host::add_columns(a...);
  }
  template <class... A>
  static void modulate(A... a) {
    const Inside inside;
    Host::modulate(a...);
  }
  template <class... A>
  static void modulate_backward(A... a) {
    const Inside inside;
    Host::modulate_backward(a...);
  }
  template <class... A>
  static void gather_columns(A... a) {
    const Inside inside;
    Host::gather_columns(a...);
  }
  template <class Scalar, class... A>
  static void adam_update(A... a) {
    const Inside inside;
    Host::adam_update<Scalar>(a...);
  }
  template <class... A>
  static void move_average(A... a) {
    const Inside inside;
    Host::move_average(a...);
  }
  template <class... A>
  static void noisy_batch(A... a) {
    const Inside inside;
    Host::noisy_batch(a...);
  }
  template <class... A>
  static void mixed_batch(A... a) {
    const Inside inside;
    Host::mixed_batch(a...);
  }
  template <class... A>
  static void mean_squared_errors(A... a) {
    const Inside inside;
    Host::mean_squared_errors(a...);
  }
  template <class... A>
  static bool all_finite(A... a) {
    const Inside inside;
    return Host::all_finite(a...);
  }
};

}  // namespace elsewhere

template <>
struct diffarch::nn::KernelsOf<elsewhere::Elsewhere> {
  using type = elsewhere::Kernels;
};

namespace {

using namespace diffarch;
using elsewhere::Elsewhere;
using test::random_matrix;
using test::relative_difference;

const CosineSchedule elsewhere_schedule{.steps = 2};
const TrainingOptions elsewhere_training{
    .epochs = 2, .batch_size = 4, .learning_rate = 1e-2, .averaging_decay = 0.5, .warm_start = true, .seed = Seed{3}};

/// Trains, samples and differentiates on both backends. Kernels and the order of their sums may differ.
template <class A>
void agree_with_the_host(const A& architecture, const Batch<double>& data) {
  DiffusionSampler<A, CosineSchedule, Cpu, Ddim, double> here{architecture, elsewhere_schedule};
  DiffusionSampler<A, CosineSchedule, Elsewhere, Ddim, double> there{architecture, elsewhere_schedule};
  here.fit(data);
  there.fit(data);
  const Batch<double> samples = here.sample(18, Seed{4});
  CHECK(relative_difference(there.sample(18, Seed{4}), samples) < 1e-8);
  const NoiseLevel level = here.levels()[1];
  const Batch<double> y = random_matrix(data.rows(), 1, 5);
  const Matrix<double> jacobian = here.model().jacobian_rows(y, level, {1, 0});
  CHECK((there.model().jacobian_rows(Elsewhere::upload(y), level, {1, 0}) - jacobian).cwiseAbs().maxCoeff() <=
        1e-8 * jacobian.cwiseAbs().maxCoeff());  // both may be 0 where ReLUs let nothing through
  for (std::size_t k = 0; k < here.model().levels().size(); ++k)
    CHECK(there.model().levels()[k].losses.back() == Approx(here.model().levels()[k].losses.back()));
}

}  // namespace

TEST_CASE("Networks train, sample and differentiate where the host cannot reach", "[denoiser][nn][training]") {
  STATIC_REQUIRE(nn::NetworkBackend<Elsewhere>);
  agree_with_the_host(Bottleneck<2, BottleneckForm::plane>{elsewhere_training}, random_matrix(2, 12, 1));
  agree_with_the_host(Bottleneck<3>{elsewhere_training}, Batch<double>(0.3 * random_matrix(12, 12, 2)));
  agree_with_the_host(ConvUNet<1, 2, Padding::circular>{{4, 4, 1}, elsewhere_training}, random_matrix(16, 12, 3));
  TrainingOptions shared = elsewhere_training;  // one network that is told the level
  shared.warm_start = false;
  shared.levels = LevelSharing::one_network;
  agree_with_the_host(Bottleneck<2, BottleneckForm::plane>{shared}, random_matrix(2, 12, 1));
  agree_with_the_host(ConvUNet<1, 2, Padding::circular>{{4, 4, 1}, shared}, random_matrix(16, 12, 3));
}

TEST_CASE("A training goes through its folder from one backend to another", "[denoiser][nn][training]") {
  const test::TemporaryFolder folder;
  const ConvUNet<1, 2> architecture{{4, 4, 1}, elsewhere_training};
  const Batch<double> data = random_matrix(16, 12, 6);
  TrainingRun run{.folder = folder / "run"};
  for (bool done = false; !done; run.resume = true) {
    int steps = 0;
    run.stop = [&] { return ++steps == 4; };
    try {
      train(architecture, data, elsewhere_schedule, run, Elsewhere{});
      done = true;
    } catch (const Interrupted&) {
    }
  }
  const auto there = fit(architecture, data, elsewhere_schedule, Elsewhere{});
  const auto loaded = load_model<double>(architecture, elsewhere_schedule, folder / "run", Elsewhere{});
  const auto here = load_model<double>(architecture, elsewhere_schedule, folder / "run");
  const NoiseLevel level = elsewhere_schedule.levels()[0];
  const Batch<double> x0_hat = Elsewhere::download(there.denoise(Elsewhere::upload(data), level));
  CHECK(test::bitwise_equal(Elsewhere::download(loaded.denoise(Elsewhere::upload(data), level)), x0_hat));
  CHECK(relative_difference(here.denoise(data, level), x0_hat) < 1e-10);
}
