#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace diffarch::detail {

/// Returns a message that says what a file is that was given in place of a safetensors file, and what to do with it,
/// from its first few hundred bytes and its name. The message is empty when the file is not recognised.
[[nodiscard]] inline std::string weights_kind(std::string_view bytes, std::string_view name) {
  const auto begins = [&](std::string_view with) { return bytes.starts_with(with); };
  const auto holds = [&](std::string_view text) { return bytes.find(text) != std::string_view::npos; };
  const auto ends = [&](std::string_view with) { return name.ends_with(with); };
  static constexpr const char* from_pytorch =
      "; expected a safetensors file. In Python: safetensors.torch.save_file(torch.load(FILE, map_location=\"cpu\"), "
      "\"weights.safetensors\") (take the state_dict out of it first, if it holds more)";
  if (begins("PK\x03\x04") || begins("PK\x05\x06")) {
    if (holds("data.pkl") || ends(".pt") || ends(".pth") || ends(".bin") || ends(".ckpt"))
      return std::string("is a PyTorch file (a zip of pickled tensors, as torch.save writes it)") + from_pytorch;
    if (holds(".npy") || ends(".npz")) return "is an archive of NumPy arrays (.npz); expected a safetensors file";
    return "is a zip archive; expected a safetensors file: unpack it first";
  }
  if (bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= '\x02' && bytes[1] <= '\x05')
    return std::string("is a Python pickle (an older PyTorch file, say)") + from_pytorch;
  if (begins("\x93NUMPY")) return "is a NumPy array (.npy); expected a safetensors file";
  if (begins("\x89HDF")) return "is an HDF5 file (of Keras, say); expected a safetensors file";
  if (begins("GGUF")) return "is a GGUF file; expected a safetensors file";
  if (begins("\x1f\x8b")) return "is compressed by gzip; expected a safetensors file: decompress it first";
  if (begins("version https://git-lfs"))
    return "is a pointer of Git LFS, not the file itself; expected a safetensors file: git lfs pull fetches it";
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  if (bytes.substr(first).starts_with("<!") || bytes.substr(first).starts_with("<html"))
    return "is a web page, not the file that it links to; expected a safetensors file";
  if (bytes[first] != '{' && bytes[first] != '[') return {};
  if (holds("\"weight_map\"") || ends(".index.json"))
    return "is the index of weights in several files, not weights; expected one safetensors file. In Python, with the "
           "files that it names: safetensors.torch.save_file({name: tensor for file in FILES for name, tensor in "
           "safetensors.torch.load_file(file).items()}, \"weights.safetensors\")";
  return "is JSON text; expected a safetensors file";
}

}  // namespace diffarch::detail
