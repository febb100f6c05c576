// A model of networks is used from several threads at once. Compiled with -fsanitize=thread, without OpenMP, whose
// threads the sanitizer does not know; what every thread gets is compared with what one thread gets alone.

#include <cstdio>
#include <thread>
#include <vector>

#include "diffarch/denoiser/network/network_denoiser.hpp"
#include "diffarch/nn/mlp.hpp"

using namespace diffarch;

int main() {
  using Model = NetworkDenoiser<nn::TwoDMlp<double, nn::EigenKernels>>;
  std::vector<Model::Level> levels;
  for (const double sigma : {2.0, 0.5, 0.1}) {
    auto network = std::make_unique<Model::Network>(nn::TwoDMlp<double, nn::EigenKernels>(2), ImageShape{1, 1, 2});
    network->initialise(Seed{static_cast<std::uint64_t>(10.0 * sigma)});
    levels.push_back({NoiseLevel::from_sigma(sigma), std::move(network)});
  }
  const Model model(std::move(levels));
  const Batch<double> y = normal_batch<double>(2, 37, Seed{1});
  std::vector<Batch<double>> right;
  std::vector<Matrix<double>> right_jacobian;
  for (const auto& level : model.levels()) {
    right.push_back(model.denoise(y, level.level));
    right_jacobian.push_back(model.jacobian(y.col(0), level.level));
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < wrong.size(); ++thread)
    threads.emplace_back([&, thread] {
      for (std::size_t turn = 0; turn < 20; ++turn) {
        const std::size_t level = (turn + thread) % right.size();
        if (model.denoise(y, model.levels()[level].level) != right[level]) ++wrong[thread];
        if (model.jacobian(y.col(0), model.levels()[level].level) != right_jacobian[level]) ++wrong[thread];
      }
    });
  for (std::thread& thread : threads) thread.join();
  int sum = 0;
  for (const int count : wrong) sum += count;
  std::printf("%d results of threads differ from those of one thread\n", sum);
  return sum == 0 ? 0 : 1;
}
