// The library on one page: fit a denoiser to images, sample with it, save the samples.
//
//   quickstart [FOLDER]     PNG or JPEG images to fit; without a folder, faces that are drawn by the library

#include <diffarch/images.hpp>
#include <diffarch/linear.hpp>
#include <iostream>

using namespace diffarch;

int main(int argc, char** argv) try {
  auto faces = argc > 1 ? load_images(argv[1], {.height = 64, .width = 64})  // d x n, values in [-1, 1]
                        : synthetic_faces(1000, {.height = 64, .width = 64, .channels = 3}, Seed{1});
  auto rank = std::min<Index>(100, faces.size() - 1);  // that so few images have
  DiffusionSampler sampler{RankK{.rank = rank}, CosineSchedule{.steps = 10}};
  sampler.fit(faces);                         // closed form
  auto images = sampler.sample(16, Seed{7});  // d x 16
  save_grid("rank100.png", images, faces.shape());
  std::cout << describe(sampler.schedule(), sampler.model()) << "\nwrote rank100.png\n" << std::flush;
  if (!std::cout) throw FileError("standard output", "cannot be written");
} catch (const std::exception& error) {
  std::cerr << "quickstart: error: " << error.what() << '\n';
  return 1;
}
