// What U-Nets see: a window (Theorem 2), all of the image where a bottleneck would not (section 2.3), and where they
// are.

#include "diffarch/nn/unet.hpp"

#include <algorithm>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/nn/network.hpp"

namespace certificates {

namespace {

template <int Pools>
using Net = nn::UNet<Pools, double>;

nn::UNetOptions grey_unet(Padding padding = Padding::zeros) {
  return {.channels = 2, .padding = padding, .image_channels = 1};
}

template <int Pools>
nn::Network<Net<Pools>> random_network(const ImageShape& shape, Padding padding = Padding::zeros) {
  nn::Network network(Net<Pools>(grey_unet(padding)), shape);
  network.initialise(Seed{1});
  return network;
}

Batch<double> random_images(const ImageShape& shape, Index n) {
  return normal_batch<double>(shape.size(), n, Seed{2}, streams::data);
}

/// Images moved to the right, what leaves them coming in at the left.
Batch<double> shifted(const Batch<double>& x, const ImageShape& shape, Index columns) {
  Batch<double> y(x.rows(), x.cols());
  for (Index r = 0; r < shape.height; ++r)
    for (Index c = 0; c < shape.width; ++c)
      y.middleRows(shape.index(r, (c + columns) % shape.width), shape.channels) =
          x.middleRows(shape.index(r, c), shape.channels);
  return y;
}

/// |net(shifted x) - shifted net(x)| / |net(x)| for shifts by 0, 1, ..., 8 pixels.
template <int Pools>
Vector<double> changes_by_shift(Padding padding) {
  const ImageShape shape{16, 24, 1};
  auto network = random_network<Pools>(shape, padding);
  const Batch<double> x = random_images(shape, 2);
  network.forward(x, nn::Mode::train);  // statistics that are not those of initialisation
  const Batch<double> y = network.forward(x, nn::Mode::evaluate);
  Vector<double> changes(9);
  for (Index columns = 0; columns <= 8; ++columns)
    changes(columns) = relative_difference(network.forward(shifted(x, shape, columns), nn::Mode::evaluate),
                                           shifted(y, shape, columns));
  return changes;
}

/// Input columns, relative to `column`, that output pixel (0, column) depends on: where its gradient is not zero. All
/// weights and inputs are positive, so that nothing cancels and no ReLU is closed.
template <int Pools>
nn::Interval measured_reach(Index height, Index width, Index column) {
  const ImageShape shape{height, width, 1};
  nn::Network network(Net<Pools>(grey_unet()), shape);
  network.for_each_parameter([](const auto& parameter) {
    if (parameter.trainable()) std::fill(parameter.values.begin(), parameter.values.end(), 0.1);
  });
  const Batch<double> x = Batch<double>::Ones(shape.size(), 1);
  network.forward(x, nn::Mode::evaluate);
  network.output_gradient().setZero();
  network.output_gradient()(shape.index(0, column)) = 1.0;
  Batch<double> gradient;
  network.backward(x, gradient);
  nn::Interval reach{width, -1};
  for (Index r = 0; r < height; ++r)
    for (Index c = 0; c < width; ++c)
      if (gradient(shape.index(r, c)) != 0.0) reach = {std::min(reach.first, c), std::max(reach.last, c)};
  return {reach.first - column, reach.last - column};
}

/// Compares the reach of all pixels of one period, and draws it.
template <int Pools>
void check_reach(Certificate& certificate, Panel& panel, double narrowest, double widest, Index width) {
  constexpr Index period = Index{1} << Pools;
  const Index first = width / 2 / period * period;
  Index different = 0;
  double smallest = 1e9;
  double largest = 0.0;
  for (Index pixel = 0; pixel < period; ++pixel) {
    const nn::Interval predicted = nn::receptive_field<Net<Pools>>(pixel);
    const nn::Interval measured = measured_reach<Pools>(period, width, first + pixel);
    different += predicted == measured ? 0 : 1;
    smallest = std::min(smallest, real(measured.width()));
    largest = std::max(largest, real(measured.width()));
    panel.series.push_back({.label = pixel == 0 ? detail::concat(Pools, Pools == 1 ? " pool" : " pools") : "",
                            .x = {real(measured.first), real(measured.last)},
                            .y = {10.0 * Pools + real(pixel), 10.0 * Pools + real(pixel)},
                            .style = SeriesStyle::lines,
                            .colour = Pools == 1   ? "#0072b2"
                                      : Pools == 2 ? "#d55e00"
                                                   : "#009e73"});
  }
  const std::string name = detail::concat(Pools, " pools: ");
  certificate.zero(name + "pixels whose window is not the predicted one", real(different), 0.0);
  certificate.equal(name + "narrowest window", narrowest, smallest, 0.0);
  certificate.equal(name + "widest window", widest, largest, 0.0);
}

}  // namespace

Certificate unet_receptive_field() {
  Certificate certificate;
  Panel panel{.title = "Input pixels that each output pixel depends on",
              .x_label = "distance along a row, pixels",
              .y_label = "10 x pools + pixel in its period of 2^pools"};
  check_reach<1>(certificate, panel, 18.0, 18.0, 48);
  check_reach<2>(certificate, panel, 44.0, 44.0, 96);
  check_reach<3>(certificate, panel, 92.0, 100.0, 208);
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate unet_shifts() {
  Certificate certificate;
  const Vector<double> shifts = equally_spaced(0.0, 8.0, 9);
  const Vector<double> one = changes_by_shift<1>(Padding::circular);
  const Vector<double> two = changes_by_shift<2>(Padding::circular);
  const Vector<double> zeros = changes_by_shift<2>(Padding::zeros);
  const auto check = [&](const std::string& name, const Vector<double>& changes, Index period) {
    double multiples = 0.0;
    double others = 1e300;
    for (Index shift = 1; shift <= 8; ++shift)
      if (shift % period == 0)
        multiples = std::max(multiples, changes(shift));
      else
        others = std::min(others, changes(shift));
    certificate.zero(detail::concat(name, ": largest change by a shift of a multiple of ", period), multiples, 1e-10);
    certificate.at_least(name + ": smallest change by another shift (relative)", 1e-3, others);
  };
  check("circular, 1 pool", one, 2);
  check("circular, 2 pools", two, 4);
  certificate.at_least("zero padding, 2 pools: smallest change by any shift (relative)", 1e-3,
                       zeros.tail(8).minCoeff());
  constexpr double floor = 1e-17;
  certificate.panels.push_back(
      {.title = "Shift the input, or the output: difference",
       .x_label = "shift, pixels",
       .y_label = "largest relative difference",
       .series = {series_of("circular, 1 pool", shifts, one, SeriesStyle::lines_points, floor),
                  series_of("circular, 2 pools", shifts, two, SeriesStyle::lines_points, floor),
                  series_of("zero padding, 2 pools", shifts, zeros, SeriesStyle::lines_points, floor)},
       .log_y = true});
  return certificate;
}

Certificate skips_are_no_bottleneck() {
  Certificate certificate;
  const ImageShape shape{8, 8, 1};
  constexpr Index middle = 2 << 3;  // channels of the one pixel that three pools leave
  auto network = random_network<3>(shape);
  const Index d = shape.size();
  const Batch<double> x = random_images(shape, 1).replicate(1, d);
  network.forward(x, nn::Mode::evaluate);
  network.output_gradient().setIdentity();
  Batch<double> gradients;
  network.backward(x, gradients);
  const Matrix<double> jacobian = gradients.transpose();
  const Vector<double> singular = singular_values(jacobian);
  certificate.equal("numbers that pass the middle of a U-Net with 3 pools on 8 x 8 images", 16.0, real(middle), 0.0);
  certificate.at_least("rank of its Jacobian (relative tolerance 1e-6)", real(middle) + 1.0,
                       real(jacobian_rank(jacobian, 1e-6)));
  certificate.at_least("singular value 17 over the first: a bottleneck of 16 would have 0", 1e-3,
                       singular(middle) / singular(0));
  certificate.panels.push_back(
      {.title = "Singular values of the Jacobian of a U-Net on 8 x 8 images",
       .x_label = "number",
       .y_label = "singular value",
       .series = {series_of("measured", equally_spaced(1.0, real(d), d), singular, SeriesStyle::lines_points, 1e-18),
                  {.label = "16 numbers in the middle",
                   .x = {16.5, 16.5},
                   .y = {singular(0), std::max(singular(d - 1), 1e-18)},
                   .style = SeriesStyle::dashed_lines}},
       .log_y = true});
  return certificate;
}

Certificate batch_statistics_are_not_local() {
  Certificate certificate;
  const ImageShape shape{8, 64, 1};
  auto network = random_network<1>(shape);
  const Batch<double> x = random_images(shape, 2);
  Batch<double> changed = x;
  changed(shape.index(4, 0), 0) += 10.0;
  const auto change_of = [&](nn::Mode mode) {
    const Batch<double> before = network.forward(x, mode);
    const Batch<double> after = network.forward(changed, mode);
    Vector<double> change(shape.width);
    for (Index c = 0; c < shape.width; ++c) {
      change(c) = 0.0;
      for (Index r = 0; r < shape.height; ++r)
        change(c) = std::max(change(c), std::abs(after(shape.index(r, c), 0) - before(shape.index(r, c), 0)));
    }
    return std::pair{change, (after.col(1) - before.col(1)).cwiseAbs().maxCoeff()};
  };
  const auto [evaluated, evaluated_other] = change_of(nn::Mode::evaluate);
  const auto [trained, trained_other] = change_of(nn::Mode::train);
  const Index beyond = 18;  // the widest window has 18 pixels
  certificate.zero("evaluation: change beyond the window of 18 pixels", evaluated.tail(64 - beyond).maxCoeff(), 0.0);
  certificate.zero("evaluation: change of the other image of the batch", evaluated_other, 0.0);
  certificate.at_least("training mode: change beyond the window", 1e-4, trained.tail(64 - beyond).minCoeff());
  certificate.at_least("training mode: change of the other image of the batch", 1e-4, trained_other);
  const Vector<double> columns = equally_spaced(0.0, 63.0, 64);
  certificate.panels.push_back(
      {.title = "One pixel of column 0 changes: what changes in the output",
       .x_label = "column",
       .y_label = "largest change (below 1e-17: none)",
       .series = {series_of("training mode", columns, trained, SeriesStyle::lines_points, 1e-18),
                  series_of("evaluation", columns, evaluated, SeriesStyle::lines_points, 1e-18)},
       .log_y = true});
  return certificate;
}

}  // namespace certificates
