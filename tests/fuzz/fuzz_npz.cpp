// .npz files: as they are, and with the right CRC for what is stored, which no mutation would have.

#include <string>
#include <vector>

#include "diffarch/io/npz.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

/// The bytes with the right CRC in the last entry of the directory, if this is of a stored file.
std::vector<std::uint8_t> with_valid_crc(const std::uint8_t* bytes, std::size_t size) {
  std::vector<std::uint8_t> file(bytes, bytes + size);
  const std::string text(file.begin(), file.end());
  const std::size_t entry = text.rfind("PK\1\2");
  if (entry == std::string::npos || size - entry < 46) return file;
  const auto number = [&](std::size_t at, std::size_t length) {
    std::size_t value = 0;
    for (std::size_t i = length; i-- > 0;) value = value << 8U | file[at + i];
    return value;
  };
  const std::size_t local = number(entry + 42, 4);
  const std::size_t length = number(entry + 20, 4);
  if (local + 30 > size) return file;
  const std::size_t begin = local + 30 + number(local + 26, 2) + number(local + 28, 2);
  if (begin > size || length > size - begin) return file;
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, file.data() + begin, length));
  for (std::size_t i = 0; i < 4; ++i) file[entry + 16 + i] = static_cast<std::uint8_t>(crc >> (8U * i));
  return file;
}

void read_all(const std::uint8_t* bytes, std::size_t size) {
  test::read_fuzzed(bytes, size, [](const auto& path) {
    for (const std::string& name : npz_names(path)) static_cast<void>(read_npz<double>(path, name));
  });
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_npz_images<float>(path)); });
}

void fuzz_npz(const std::uint8_t* bytes, std::size_t size) {
  read_all(bytes, size);
  const std::vector<std::uint8_t> file = with_valid_crc(bytes, size);
  read_all(file.data(), file.size());
}

const test::FuzzedReader npz_reader{"npz", fuzz_npz};

}  // namespace
}  // namespace diffarch
