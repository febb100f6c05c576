// Writes the input files of the program tests below the folder given: images/ (two RGB PNGs), mixed/ (an RGB and a gray
// one), truncated/cut.png, arrays in other layouts, ranges and types (put_arrays), images-idx3-ubyte, nan.npy (2, 4, 4,
// 1), noise.npy (3, 16, 16, 3), odd.npy (2, 6, 6, 3), points.npy (5, 2), and weights of a network of each kind that
// apply_denoiser knows: unet, mlp and mlp2d.safetensors.

#include <stb_image_write.h>

#include <array>
#include <cmath>
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

/// Smooth colour images (12, 16, 16, 3) from -1 to 1, no two alike.
Batch<double> smooth_images() {
  Batch<double> images(16 * 16 * 3, 12);
  for (Index i = 0; i < images.size(); ++i) images.data()[i] = std::sin(static_cast<double>(i * i % 9973) / 700.0);
  return images;
}

/// (n, h, w, c) as (n, c, h, w).
void put_channels_first(const std::filesystem::path& path, const Batch<double>& images, const ImageShape& shape) {
  NpyArray<double> array{{images.cols(), shape.channels, shape.height, shape.width}, {}};
  for (Index n = 0; n < images.cols(); ++n)
    for (Index channel = 0; channel < shape.channels; ++channel)
      for (Index row = 0; row < shape.height; ++row)
        for (Index column = 0; column < shape.width; ++column)
          array.values.push_back(images(shape.index(row, column, channel), n));
  write_npy(path, array);
}

/// What strangers have: f255.npy and f01.npy in another range, standardised.npy, nchw.npy and noise_nchw.npy channels
/// first, rgba.npy, UPPER.NPY, twelve_bits.npy (unsigned 16-bit numbers up to 4095) and IDX.
void put_arrays(const std::filesystem::path& folder) {
  const ImageShape shape{16, 16, 3};
  const Batch<double> images = smooth_images();
  write_npy_images(folder / "UPPER.NPY", images, shape);
  write_npy_images(folder / "f255.npy", Batch<double>((images.array() + 1.0) * 127.5), shape);
  write_npy_images(folder / "f01.npy", Batch<double>((images.array() + 1.0) / 2.0), shape);
  write_npy_images(folder / "standardised.npy", Batch<double>(30.0 * (images.array() - images.mean())), shape);
  put_channels_first(folder / "nchw.npy", images, shape);
  put_channels_first(folder / "noise_nchw.npy", normal_batch<double>(768, 3, Seed{5}), shape);
  put_channels_first(folder / "odd_nchw.npy", normal_batch<double>(108, 2, Seed{6}), ImageShape{6, 6, 3});
  write_npy_images(folder / "rgba.npy", Batch<double>(images.topRows(576)), ImageShape{12, 12, 4});

  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (12, 16, 16), }\n";
  std::string twelve_bits = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header;
  std::string idx("\0\0\x08\x03\0\0\0\x0c\0\0\0\x10\0\0\0\x10", 16);
  for (Index i = 0; i < 12 * 16 * 16; ++i) {
    const auto value = static_cast<unsigned>(2047.5 * (images.data()[i] + 1.0));
    twelve_bits += {static_cast<char>(value & 255U), static_cast<char>(value >> 8U)};
    idx += static_cast<char>(value >> 4U);
  }
  write_file_atomically(folder / "twelve_bits.npy", twelve_bits);
  write_file_atomically(folder / "images-idx3-ubyte", idx);
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
  put_arrays(folder);
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
