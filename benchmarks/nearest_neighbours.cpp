// Seconds of the two nearest training images of 1000 queries, f32, one line for each of as many runs as asked:
// nearest_neighbours.py compares them with scikit-learn in the same run.
//   nearest_neighbours [runs]                   Fashion-MNIST: 60,000 training images, the first 1000 test images
//   nearest_neighbours [runs] TRAINING QUERIES  .npy files (n, d)

#include "diffarch/analysis/nearest_neighbours.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "diffarch/core/memory.hpp"
#include "diffarch/data/idx.hpp"
#include "diffarch/io/npy.hpp"

int main(int argc, char** argv) try {
  using namespace diffarch;
  keep_freed_memory();
  const int runs = argc > 1 ? std::atoi(argv[1]) : 3;
  const bool own_files = argc > 3;
  const Batch<float> training = own_files ? read_npy_batch<float>(argv[2]) : load_fashion_mnist<float>().samples();
  const Batch<float> queries =
      own_files ? read_npy_batch<float>(argv[3])
                : load_fashion_mnist<float>({.count = 1000}, fashion_mnist_folder(), FashionMnistPart::test).samples();
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    const NearestNeighbours found = nearest_neighbours(training, queries, 2);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    // The sums let the peer see that both found the same.
    std::printf("{\"seconds\": %.4f, \"distance_sum\": %.6f, \"index_sum\": %ld}\n", seconds, found.distances.sum(),
                static_cast<long>(found.indices.sum()));
    std::fflush(stdout);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "nearest_neighbours: error: %s\n", error.what());
  return 1;
}
