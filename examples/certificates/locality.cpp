// Theorem 2 on the best denoisers that see windows of the image only.

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"
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

/// Images moved by a circular shift of their own each, a multiple of `step` along both axes.
Batch<double> shifted_one_by_one(const Batch<double>& x, const ImageShape& shape, Index step = 1) {
  const CounterRandom random(Seed{2}, streams::labels);
  Batch<double> y(x.rows(), x.cols());
  for (Index i = 0; i < x.cols(); ++i) {
    const auto rows = step * static_cast<Index>(random.uniform(i, 0) * real(shape.height / step));
    const auto columns = step * static_cast<Index>(random.uniform(i, 1) * real(shape.width / step));
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

Certificate phases_are_known() {
  Certificate certificate;
  const ImageShape shape{.height = 8, .width = 8, .channels = 1};
  const Batch<double> data = normal_batch<double>(shape.size(), 20, Seed{6}, streams::data);
  const Vector<double> steps = Vector<double>{{1.0, 2.0, 4.0}};
  Panel panel{.title = "Every image of the data shifted by itself",
              .x_label = "shifts are multiples of, pixels",
              .y_label = "largest difference of the samples",
              .log_y = true};
  for (const Index period : {1, 2, 4}) {
    const PatchPosterior architecture{
        .shape = shape, .border = Padding::circular, .period = period, .patch_sizes = {3}};
    const Batch<double> samples = samples_of(architecture, data);
    Vector<double> differences(steps.size());
    for (Index i = 0; i < steps.size(); ++i) {
      const auto step = static_cast<Index>(steps(i));
      differences(i) = largest_difference(samples, samples_of(architecture, shifted_one_by_one(data, shape, step)));
      const std::string what = "period " + std::to_string(period) + ", images moved by multiples of " +
                               std::to_string(step) + ": largest difference of 12 samples";
      if (step % period == 0)
        certificate.zero(what, differences(i), 1e-8);
      else
        certificate.at_least(what, 0.1, differences(i));
    }
    panel.series.push_back(
        series_of("period " + std::to_string(period), steps, differences, SeriesStyle::lines_points, 1e-17));
  }
  certificate.panels.push_back(std::move(panel));
  return certificate;
}

Certificate borders_are_known() {
  Certificate certificate;
  // Images of four blocks of two columns with zeros between them: two at the borders, two inside. Windows of 3 pixels
  // see one block. The second data set has each block inside with those of another image, the two in each other's
  // place; in others the blocks inside are moved by a column, or exchanged with those at the borders.
  const ImageShape shape{.height = 4, .width = 24, .channels = 1};
  constexpr Index n = 16;
  const Batch<double> blocks = normal_batch<double>(4 * 8, n, Seed{7}, streams::data);
  const auto images = [&](const std::array<Index, 4>& columns, Index next) {
    Batch<double> result = Batch<double>::Zero(shape.size(), n);
    for (Index i = 0; i < n; ++i)
      for (Index block = 0; block < 4; ++block)
        for (Index r = 0; r < 4; ++r)
          for (Index c = 0; c < 2; ++c)
            result(shape.index(r, columns[static_cast<std::size_t>(block)] + c), i) =
                blocks(block * 8 + r * 2 + c, (block == 1 ? i + next : i) % n);
    return result;
  };
  const Batch<double> data = images({0, 6, 14, 22}, 0);
  struct Other {
    std::string name;
    Batch<double> data;
    Index moved_by;  ///< columns by which every block inside is moved; 0: to a border
  };
  const std::vector<Other> others{{"blocks inside exchanged, 8 columns apart", images({0, 14, 6, 22}, 1), 8},
                                  {"blocks inside moved by one column", images({0, 7, 15, 22}, 1), 1},
                                  {"a block inside exchanged with one at the border", images({14, 6, 0, 22}, 1), 0}};
  const Vector<double> periods = Vector<double>{{1.0, 2.0, 4.0, 24.0}};  // the last: patches at the same place
  const auto samples_with = [&](double period, const Batch<double>& x) {
    return samples_of(PatchPosterior{.shape = shape, .period = static_cast<Index>(period), .patch_sizes = {3}}, x);
  };
  std::vector<Batch<double>> samples;
  for (const double period : periods) samples.push_back(samples_with(period, data));
  Panel panel{.title = "Data with the same windows inside",
              .x_label = "period, pixels (24: the image)",
              .y_label = "largest difference of the samples",
              .log_x = true,
              .log_y = true};
  for (const Other& other : others) {
    Vector<double> differences(periods.size());
    for (Index i = 0; i < periods.size(); ++i) {
      const auto period = static_cast<Index>(periods(i));
      differences(i) = largest_difference(samples[static_cast<std::size_t>(i)], samples_with(periods(i), other.data));
      const std::string what = other.name + ", period " + std::to_string(period) + ": largest difference of 12 samples";
      if (other.moved_by > 0 && other.moved_by % period == 0)
        certificate.zero(what, differences(i), 1e-9);
      else
        certificate.at_least(what, 0.1, differences(i));
    }
    panel.series.push_back(series_of(other.name, periods, differences, SeriesStyle::lines_points, 1e-17));
  }
  certificate.panels.push_back(std::move(panel));
  return certificate;
}

}  // namespace certificates
