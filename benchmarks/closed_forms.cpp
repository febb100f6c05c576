// Closed forms and nearest neighbours, f32, for peers/ (see measured_case.hpp):
//   linear_fit, rank_fit             data.npy (n, d): Linear, and the 100 leading modes; the result is the eigenvalues
//   linear_sampling, rank_sampling   samples from start.npy (m, d) with ten steps of the cosine schedule
//   ideal                            data.npy; predictions for start.npy at sigma = 0.1, 1, 10 about the first samples
//   nearest_neighbours               the two of training.npy nearest to each of queries.npy; the result is distances

#include <array>

#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "measured_case.hpp"

namespace {

using namespace diffarch;

constexpr CosineSchedule schedule{.steps = 10};
constexpr RankK rank_100{.rank = 100};

template <class Architecture>
void fit_modes(const MeasuredCase& measured, const Architecture& architecture) {
  const Batch<float> data = measured.read("data");
  measured.measure([&] { return fit(architecture, data, schedule); },
                   [&](const auto& model) { measured.write<double>(Batch<double>(model.eigenvalues())); });
}

template <class Architecture>
void sample(const MeasuredCase& measured, const Architecture& architecture) {
  DiffusionSampler<Architecture, CosineSchedule> sampler{architecture, schedule};
  sampler.fit(measured.read("data"));
  const Batch<float> start = measured.read("start");
  measured.measure([&] { return sampler.sample_from(start); },
                   [&](const Batch<float>& samples) { measured.write(samples); });
}

void ideal(const MeasuredCase& measured) {
  constexpr std::array<double, 3> sigmas{0.1, 1.0, 10.0};
  const IdealDenoiser<float> model(measured.read("data"));
  const Batch<float> noise = measured.read("start");
  std::array<Batch<float>, 3> noisy;
  for (std::size_t i = 0; i < sigmas.size(); ++i)
    noisy[i] = model.data().leftCols(noise.cols()) + static_cast<float>(sigmas[i]) * noise;
  measured.measure(
      [&] {
        std::array<Batch<float>, 3> predictions;
        for (std::size_t i = 0; i < sigmas.size(); ++i)
          predictions[i] = model.denoise(noisy[i], NoiseLevel::from_sigma(sigmas[i]));
        return predictions;
      },
      [&](const std::array<Batch<float>, 3>& predictions) {
        Batch<float> all(noise.rows(), 3 * noise.cols());
        all << predictions[0], predictions[1], predictions[2];
        measured.write(all);
      });
}

void neighbours(const MeasuredCase& measured) {
  const Batch<float> training = measured.read("training");
  const Batch<float> queries = measured.read("queries");
  measured.measure([&] { return nearest_neighbours(training, queries, 2); },
                   [&](const NearestNeighbours& found) { measured.write<double>(found.distances); });
}

}  // namespace

int main(int argc, char** argv) {
  return run_measured_case("closed_forms", argc, argv, [](const MeasuredCase& measured) {
    const std::string& name = measured.name();
    if (name == "linear_fit")
      fit_modes(measured, Linear{});
    else if (name == "rank_fit")
      fit_modes(measured, rank_100);
    else if (name == "linear_sampling")
      sample(measured, Linear{});
    else if (name == "rank_sampling")
      sample(measured, rank_100);
    else if (name == "ideal")
      ideal(measured);
    else if (name == "nearest_neighbours")
      neighbours(measured);
    else
      return false;
    return true;
  });
}
