// Theorem 6 on small networks, one trained here in a moment, others with random weights: it holds for any.

#include "diffarch/denoiser/bottleneck.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/nn/decoder_polyline.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace certificates {

namespace {

template <class Architecture>
using Sampler = DiffusionSampler<Architecture, CosineSchedule, Cpu, Ddim, double>;

/// The tensor of a name, in rows x columns.
template <class Network>
Matrix<double> tensor_of(Network& network, const std::string& name) {
  Matrix<double> tensor;
  network.for_each_parameter([&](const auto& parameter) {
    if (parameter.name != name) return;
    const auto rows = parameter.shape()[0];
    const Index columns = parameter.shape().size() > 1 ? parameter.shape()[1] : 1;
    tensor = Eigen::Map<const Matrix<double>>(parameter.values.data(), columns, rows).transpose();
  });
  return tensor;
}

}  // namespace

Certificate bottleneck_samples_on_a_curve() {
  Certificate certificate;
  using Line = Bottleneck<1, BottleneckForm::plane>;
  const Batch<double> data = three_component_mixture().sample(300, Seed{1});
  Sampler<Line> sampler{
      Line{.training = {.epochs = 150, .batch_size = 50, .learning_rate = 3e-3, .warm_start = true, .seed = Seed{2}}},
      CosineSchedule{.steps = 8}};
  sampler.fit(data);
  Matrix<double> farthest(1, sampler.levels().steps());
  const Batch<double> corners = nn::decoder_polyline(sampler.model().levels().back().network->body(), -1000.0, 1000.0);
  const Batch<double> samples = sampler.sample(400, Seed{3}, [&](const auto& step) {
    double& largest = farthest(0, step.step);
    if (step.first_sample == 0) largest = 0.0;
    largest = std::max(largest, nn::distance_to_polyline(step.y, corners).maxCoeff());
  });
  certificate.zero("largest distance of 400 samples from the polyline of the decoder's weights",
                   nn::distance_to_polyline(samples, corners).maxCoeff(), 1e-10);
  certificate.at_most("bends of the polyline", 64.0, real(corners.cols()) - 2.0);
  certificate.at_least("before the last step: largest distance", 1e-2, farthest(0, farthest.cols() - 1));
  certificate.at_least("largest distance of the data", 1e-2, nn::distance_to_polyline(data, corners).maxCoeff());
  Series polyline = scatter("polyline from the weights", corners);
  polyline.style = SeriesStyle::lines;
  certificate.panels.push_back({.title = "Bottleneck of one number",
                                .series = {scatter("data", data), polyline, scatter("samples", samples)},
                                .equal_aspect = true,
                                .x_range = PlotRange{-2.5, 2.5},
                                .y_range = PlotRange{-2.5, 2.5}});
  return certificate;
}

Certificate bottleneck_rank() {
  Certificate certificate;
  // Networks of random weights, one for each of four noise levels.
  constexpr int width = 6;
  constexpr Index d = 24;
  const CosineSchedule schedule{.steps = 4};
  const NoiseLevels levels = schedule.levels();
  using Model = NetworkDenoiser<nn::Mlp<double>>;
  std::vector<typename Model::Level> networks;
  for (Index step = 0; step < levels.steps(); ++step) {
    auto made = std::make_unique<typename Model::Network>(nn::Mlp<double>(d, width), ImageShape{1, 1, d});
    made->initialise(Seed{static_cast<std::uint64_t>(10 + step)});
    // PyTorch's initial weights let signals shrink from layer to layer: the outputs would hardly depend on the input.
    made->for_each_parameter([](const auto& parameter) {
      if (parameter.name.ends_with("weight"))
        for (double& weight : parameter.values) weight *= 2.4;
    });
    networks.push_back({levels[step], std::move(made)});
  }
  Sampler<Bottleneck<width>> sampler{Bottleneck<width>{}, schedule};
  sampler.set_model(Model(std::move(networks)));
  const Batch<double> y = normal_batch<double>(d, 20, Seed{6});
  Index largest_rank = 0;
  for (Index step = 0; step < levels.steps(); ++step)
    for (const Index rank : jacobian_ranks(sampler.model(), y, levels[step], 1e-12))
      largest_rank = std::max(largest_rank, rank);
  certificate.at_most("h = 6: largest rank of the Jacobian at 20 points and all levels", real(width),
                      real(largest_rank));
  certificate.at_least("and not because the networks are dead: largest rank", 3.0, real(largest_rank));

  // The last layers are x0_hat = tanh(W relu(...) + b).
  auto& network = *sampler.model().levels().back().network;
  const Matrix<double> w = tensor_of(network, "decoder.0.weight");
  const Vector<double> b = tensor_of(network, "decoder.0.bias").col(0);
  const Batch<double> samples = sampler.sample(200, Seed{7});
  const Matrix<double> before_tanh = samples.array().atanh().matrix().colwise() - b;
  const Vector<double> singular = singular_values(before_tanh);
  const Matrix<double> codes = Eigen::LDLT<Matrix<double>>(w.transpose() * w).solve(w.transpose() * before_tanh);
  certificate.zero("atanh(samples) - b: singular value 7 over the first", singular(width) / singular(0), 1e-10);
  certificate.at_least("and not because all samples are one: singular value 3 over the first", 1e-3,
                       singular(2) / singular(0));
  certificate.zero("atanh(samples) - b against W c (relative)", relative_difference(w * codes, before_tanh), 1e-9);
  certificate.at_least("smallest of the codes c: the cone c >= 0", 0.0, codes.minCoeff(), 1e-9);
  const Vector<double> of_samples =
      singular_values(Matrix<double>(samples.colwise() - Vector<double>(samples.rowwise().mean())));
  certificate.details["singular_values"] = std::vector<double>(singular.begin(), singular.end());
  const Vector<double> number = equally_spaced(1.0, real(d), d);
  certificate.panels.push_back(
      {.title = "Bottleneck of 6 numbers: singular values of 200 samples",
       .x_label = "number",
       .y_label = "singular value",
       .series = {series_of("samples, centred", number, of_samples, SeriesStyle::lines_points, 1e-18),
                  series_of("atanh(samples) - b", number, singular, SeriesStyle::lines_points, 1e-18)},
       .log_y = true});
  return certificate;
}

}  // namespace certificates
