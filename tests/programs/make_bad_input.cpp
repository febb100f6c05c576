// Writes the input files of the program tests below the folder given: images/ (two RGB PNGs), mixed/ (an RGB and a gray
// one), truncated/cut.png, nan.npy (2, 4, 4, 1), noise.npy (3, 16, 16, 3), odd.npy (2, 6, 6, 3), points.npy (5, 2), and
// weights of a network of each kind that apply_denoiser knows: unet, mlp and mlp2d.safetensors.

#include <stb_image_write.h>

#include <array>
#include <diffarch/diffarch.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace diffarch;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw InvalidArgument("usage: make_bad_input FOLDER");
  const std::filesystem::path folder = argv[1];
  RgbImage diagonal(16, 16);
  for (Index i = 0; i < 16; ++i) diagonal.set_pixel(i, i, Rgb{static_cast<std::uint8_t>(16 * i), 99, 3});
  for (const char* name : {"images/a.png", "images/b.png", "mixed/a.png"}) write_png(folder / name, diagonal);

  const std::array<unsigned char, 256> gray{};
  const std::string gray_path = (folder / "mixed" / "b.png").string();
  if (stbi_write_png(gray_path.c_str(), 16, 16, 1, gray.data(), 16) == 0) throw FileError(gray_path, "not written");

  const std::string whole = bytes_of(folder / "images" / "a.png");
  write_file_atomically(folder / "truncated" / "cut.png", whole.substr(0, whole.size() / 2));

  // The library's writer refuses a NaN, so put one in place of the last value.
  write_npy_images(folder / "nan.npy", Batch<double>(Batch<double>::Constant(16, 2, 0.25)), ImageShape{4, 4, 1});
  std::string npy = bytes_of(folder / "nan.npy");
  npy.replace(npy.size() - 8, 8, std::string("\0\0\0\0\0\0\xF8\x7F", 8));
  write_file_atomically(folder / "nan.npy", npy);

  write_npy_images(folder / "noise.npy", normal_batch<double>(768, 3, Seed{5}), ImageShape{16, 16, 3});
  write_npy_images(folder / "odd.npy", normal_batch<double>(108, 2, Seed{6}), ImageShape{6, 6, 3});
  write_npy_batch(folder / "points.npy", normal_batch<double>(2, 5, Seed{7}));

  const auto save = [&](const char* name, auto network) {
    network.initialise(Seed{8});
    nn::save_weights(folder / name, network);
  };
  save("unet.safetensors",
       nn::Network(nn::UNet<2>({.channels = 4, .padding = Padding::circular}), ImageShape{16, 16, 3}));
  save("mlp.safetensors", nn::Network(nn::Mlp<float>(108, 5), ImageShape{6, 6, 3}));
  save("mlp2d.safetensors", nn::Network(nn::TwoDMlp<double>(3), ImageShape{1, 1, 2}));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "make_bad_input: error: " << error.what() << '\n';
  return 1;
}
