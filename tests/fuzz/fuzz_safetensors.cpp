// safetensors files: what is read is written and read again as the same tensors and metadata.

#include "diffarch/io/safetensors.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_safetensors(const std::uint8_t* bytes, std::size_t size) {
  test::read_fuzzed(bytes, size, [](const auto& path) {
    const SafetensorsFile file = read_safetensors(path);
    static const std::filesystem::path copy =
        std::filesystem::temp_directory_path() / ("fuzz_" + std::to_string(getpid()) + ".safetensors");
    write_safetensors(copy, file.tensors, file.metadata);
    const SafetensorsFile again = read_safetensors(copy);
    std::filesystem::remove(copy);
    if (again.metadata != file.metadata || again.tensors.size() != file.tensors.size()) std::abort();
    for (const auto& [name, tensor] : file.tensors)
      if (again.tensors.at(name).shape != tensor.shape || again.tensors.at(name).values != tensor.values) std::abort();
  });
}

const test::FuzzedReader safetensors_reader{"safetensors", fuzz_safetensors};

}  // namespace
}  // namespace diffarch
