// Theorem 2 on the best denoisers that see windows of the image only.

#include <algorithm>
#include <vector>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace certificates {

namespace {

using AnySampler = DiffusionSampler<AnyArchitecture<double>, CosineSchedule, Cpu, Ddim, double>;

template <class Architecture>
Batch<double> samples_of(const Architecture& architecture, const Batch<double>& data) {
  AnySampler sampler{AnyArchitecture<double>::of(architecture), CosineSchedule{.steps = 20}};
  sampler.fit(data);
  return sampler.sample(12, Seed{1});
}

/// Images moved by a circular shift of their own each.
Batch<double> shifted_one_by_one(const Batch<double>& x, const ImageShape& shape) {
  const CounterRandom random(Seed{2}, streams::labels);
  Batch<double> y(x.rows(), x.cols());
  for (Index i = 0; i < x.cols(); ++i) {
    const auto rows = static_cast<Index>(random.uniform(i, 0) * real(shape.height));
    const auto columns = static_cast<Index>(random.uniform(i, 1) * real(shape.width));
    for (Index r = 0; r < shape.height; ++r)
      for (Index c = 0; c < shape.width; ++c)
        y(shape.index((r + rows) % shape.height, (c + columns) % shape.width), i) = x(shape.index(r, c), i);
  }
  return y;
}

double largest_difference(const Batch<double>& a, const Batch<double>& b) { return (a - b).cwiseAbs().maxCoeff(); }

}  // namespace

Certificate local_denoiser_sees_windows() {
  Certificate certificate;
  // Random left and right halves with three columns of zeros between them; in the second data set every right half
  // belongs to another left half. Windows of at most 7 pixels see one half, or in the middle columns nothing but zeros
  // to predict; from 8 pixels on, some pixel of a half sees the other half.
  const ImageShape shape{.height = 4, .width = 9, .channels = 1};
  constexpr Index n = 24;
  constexpr Index first_to_differ = 8;
  Batch<double> paired = normal_batch<double>(shape.size(), n, Seed{3}, streams::data);
  Batch<double> exchanged(shape.size(), n);
  for (Index r = 0; r < shape.height; ++r)
    for (Index c = 0; c < shape.width; ++c) {
      const Index at = shape.index(r, c);
      if (c >= 3 && c < 6) paired.row(at).setZero();
      for (Index i = 0; i < n; ++i) exchanged(at, i) = paired(at, c < 3 ? i : (i + 1) % n);
    }
  const std::vector<Index> windows{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 17};
  Vector<double> window(static_cast<Index>(windows.size()));
  Vector<double> differences(window.size());
  double of_equal = 0.0;
  double of_different = 1e300;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const LocalScore architecture{.shape = shape, .patch_sizes = {windows[i]}};
    const auto at = static_cast<Index>(i);
    window(at) = real(windows[i]);
    differences(at) = largest_difference(samples_of(architecture, paired), samples_of(architecture, exchanged));
    if (windows[i] < first_to_differ)
      of_equal = std::max(of_equal, differences(at));
    else
      of_different = std::min(of_different, differences(at));
  }
  certificate.at_least("largest difference of the two data sets", 1.0, largest_difference(paired, exchanged));
  certificate.zero("windows of 1 to 7 pixels: largest difference of 12 samples", of_equal, 1e-9);
  certificate.at_least("windows of 8 pixels and more: smallest difference", 0.1, of_different);
  certificate.panels.push_back({.title = "Two data sets with the same halves, paired differently",
                                .x_label = "window, pixels",
                                .y_label = "largest difference of the samples",
                                .series = {series_of("measured", window, differences, SeriesStyle::lines_points, 1e-17),
                                           {.label = "first window that sees both halves",
                                            .x = {real(first_to_differ), real(first_to_differ)},
                                            .y = {1e-17, 10.0},
                                            .style = SeriesStyle::dashed_lines}},
                                .log_y = true});
  return certificate;
}

Certificate equivariant_pools_all_places() {
  Certificate certificate;
  const ImageShape shape{.height = 6, .width = 8, .channels = 1};
  const Batch<double> data = normal_batch<double>(shape.size(), 20, Seed{4}, streams::data);
  const Batch<double> moved = shifted_one_by_one(data, shape);
  const std::vector<Index> windows{1, 2, 3, 4, 5};
  Vector<double> window(static_cast<Index>(windows.size()));
  Vector<double> without_place(window.size());
  Vector<double> with_place(window.size());
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const EquivariantLocalScore equivariant{.shape = shape, .patch_sizes = {windows[i]}};
    const LocalScore local{.shape = shape, .patch_sizes = {windows[i]}};
    const auto at = static_cast<Index>(i);
    window(at) = real(windows[i]);
    without_place(at) = largest_difference(samples_of(equivariant, data), samples_of(equivariant, moved));
    with_place(at) = largest_difference(samples_of(local, data), samples_of(local, moved));
  }
  certificate.zero("place not known: largest difference of 12 samples, windows of 1 to 5 pixels",
                   without_place.maxCoeff(), 1e-8);
  certificate.at_least("place known: smallest difference", 0.1, with_place.minCoeff());

  // It commutes with every shift, not with those of a period only.
  const NoiseLevel level = NoiseLevel::from_sigma(0.5).variance_preserving();
  const CosineSchedule schedule{.steps = 2};
  const auto model = fit(EquivariantLocalScore{.shape = shape, .patch_sizes = {3}}, data, schedule);
  const Batch<double> y = normal_batch<double>(shape.size(), 12, Seed{5});
  certificate.zero("place not known: prediction of shifted images against shifted predictions",
                   largest_difference(model.denoise(shifted_one_by_one(y, shape), level),
                                      shifted_one_by_one(model.denoise(y, level), shape)),
                   1e-12);
  certificate.panels.push_back(
      {.title = "Every image of the data shifted by itself: what changes in the samples",
       .x_label = "window, pixels",
       .y_label = "largest difference of the samples",
       .series = {series_of("place known", window, with_place, SeriesStyle::lines_points, 1e-17),
                  series_of("place not known", window, without_place, SeriesStyle::lines_points, 1e-17)},
       .log_y = true});
  return certificate;
}

}  // namespace certificates
