// How long does the closed-form fit of 1000 images of 12288 values take on a GPU? Target: less than 100 ms on one H100.
//   fit        fit(Linear{}, ...) from host memory to a model that can sample: uploads, means, everything
//   upload     of it, the images' way to the device
//   mean       of it, the mean of the images, f64: 4 d n flops (two passes)
//   gram       of it, the Gram matrix of the centred images, f64: d n^2 flops (a triangle)
//   eigen      its eigenvectors, f64: 9 n^3 flops (tridiagonal form, divide and conquer, transformation back)
//   basis      X V, f32: 2 d n (n - 1) flops

#include "benchmark_data.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "gpu_measure.hpp"

int main() {
  using namespace diffarch;
  return gpu::run("gpu_linear_fit", [](const gpu::Device& device) {
    using Algebra = LinearAlgebra<Cuda>;
    const Batch<float> x = benchmark_data();
    const auto placed = Cuda::upload(x);
    const Vector<double> mean = Algebra::mean(placed);
    const auto d = static_cast<double>(x.rows());
    const auto n = static_cast<double>(x.cols());
    const gpu::Flops means{.double_precision = 4.0 * d * n};
    const gpu::Flops gram{.double_precision = d * n * n};
    const gpu::Flops eigen{.double_precision = 9.0 * n * n * n};
    const gpu::Flops basis{.single_precision = 2.0 * d * n * (n - 1.0)};

    device.report("linear fit", gpu::seconds_of([&] { static_cast<void>(fit(Linear{}, x, CosineSchedule{}, Cuda{})); }),
                  {basis.single_precision, means.double_precision + gram.double_precision + eigen.double_precision},
                  0.1);
    device.report("upload", gpu::seconds_of([&] { static_cast<void>(Cuda::upload(x)); }), {});
    device.report("mean", gpu::seconds_of([&] { static_cast<void>(Algebra::mean(placed)); }), means);
    const auto moments = Algebra::centred_gram(placed, mean);
    device.report("gram", gpu::seconds_of([&] { static_cast<void>(Algebra::centred_gram(placed, mean)); }), gram);
    const auto modes = Algebra::symmetric_eigen(moments);
    device.report("eigen", gpu::seconds_of([&] { static_cast<void>(Algebra::symmetric_eigen(moments)); }), eigen);
    const auto v = detail::leading_columns<float, Cuda>(modes.vectors, x.cols() - 1);
    device.report("basis", gpu::seconds_of([&] { static_cast<void>(Algebra::centred_multiply(placed, mean, v)); }),
                  basis);
  });
}
