#include "diffarch/nn/files/weights_file.hpp"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::message_of;
using diffarch::test::random_network;
using diffarch::test::TemporaryFolder;
using diffarch::test::TestedMlp;
using diffarch::test::TestedTwoDMlp;
using diffarch::test::TestedUNet;
using nn::load_weights;
using nn::Mode;
using nn::save_weights;

namespace {

/// A network with running statistics that are not the initial ones.
template <class Body>
nn::Network<Body> trained_network(Body body, ImageShape shape, unsigned seed) {
  auto network = random_network(std::move(body), shape, seed);
  using Scalar = typename Body::Scalar;
  for (unsigned i = 0; i < 3; ++i)
    test::forward_on(network, test::random_matrix<Scalar>(shape.size(), 4, seed + 50 + i), Mode::train);
  return network;
}

/// Every bit of every tensor, in the order of the network.
template <class Body>
std::string bits_of(nn::Network<Body>& network) {
  std::string bits;
  network.for_each_parameter([&](const auto& p) {
    if (p.counter != nullptr) bits.append(reinterpret_cast<const char*>(p.counter), sizeof(*p.counter));
    const auto values = test::values_of<typename Body::Kernels>(p.values);
    bits.append(reinterpret_cast<const char*>(values.data()), p.values.size_bytes());
  });
  return bits;
}

}  // namespace

TEST_CASE("A stack of networks is not written into one file", "[nn]") {
  const TemporaryFolder folder;
  auto stack = random_network(TestedTwoDMlp<double>(1, 2, 64, 3), ImageShape{1, 1, 2});
  CHECK(message_of<InvalidArgument>([&] { save_weights(folder / "a.safetensors", stack); }) ==
        "weights: a stack of 3 networks; a file holds one");
  CHECK(!std::filesystem::exists(folder / "a.safetensors"));
}

namespace {

/// Saves one network, loads it into another: same bits, same metadata, same outputs in evaluation.
template <class Make>
void check_round_trip(ImageShape shape, const Make& make) {
  const TemporaryFolder folder;
  auto network = trained_network(make(), shape, 1);
  auto other = trained_network(make(), shape, 90);
  REQUIRE(bits_of(network) != bits_of(other));
  const SafetensorsMetadata metadata{{"level", "3"}};
  save_weights(folder / "a.safetensors", network, metadata);
  CHECK(load_weights(folder / "a.safetensors", other) == metadata);
  CHECK(bits_of(network) == bits_of(other));
  using Scalar = typename decltype(make())::Scalar;
  const Batch<Scalar> x = test::random_matrix<Scalar>(shape.size(), 2, 7);
  CHECK(test::bitwise_equal(test::forward_on(network, x, Mode::evaluate), test::forward_on(other, x, Mode::evaluate)));
  save_weights(folder / "b.safetensors", other, metadata);
  CHECK(file_content(folder / "a.safetensors") == file_content(folder / "b.safetensors"));
}

}  // namespace

TEST_CASE("Weights come back from a file bitwise", "[nn]") {
  check_round_trip({8, 4, 3}, [] { return TestedUNet<2>({.channels = 3}); });
  check_round_trip({4, 4, 1}, [] {
    return TestedUNet<1, double>({.channels = 2, .padding = Padding::circular, .image_channels = 1});
  });
  check_round_trip({4, 4, 3}, [] { return TestedUNet<1, float, nn::BiasFreeNormalisation>({.channels = 2}); });
  check_round_trip({2, 4, 3}, [] { return TestedMlp<float>(24, 5); });
  check_round_trip({1, 1, 7}, [] { return TestedMlp<double>(7, 3); });
  check_round_trip({1, 1, 2}, [] { return TestedTwoDMlp<double>(3); });
  check_round_trip({1, 1, 2}, [] { return TestedTwoDMlp<float>(1); });
}

TEST_CASE("A file of weights has PyTorch's names, types and shapes", "[nn]") {
  const TemporaryFolder folder;
  auto network = trained_network(TestedUNet<1>({.channels = 2}), {4, 4, 3}, 1);
  save_weights(folder / "unet.safetensors", network);
  const SafetensorsFile file = read_safetensors(folder / "unet.safetensors");
  std::map<std::string, std::vector<Index>> expected{
      {"encoder.0.0.weight", {2, 3, 3, 3}}, {"encoder.0.2.weight", {2, 2, 3, 3}}, {"mid_block.0.weight", {4, 2, 3, 3}},
      {"mid_block.3.weight", {4, 4, 3, 3}}, {"upsample.0.weight", {4, 2, 2, 2}},  {"decoder.0.0.weight", {2, 4, 3, 3}},
      {"decoder.0.3.weight", {3, 2, 3, 3}},
  };
  const std::map<std::string, Index> norms{
      {"encoder.0.3.", 2}, {"mid_block.1.", 4}, {"mid_block.4.", 4}, {"decoder.0.1.", 2}};
  for (const auto& [norm, channels] : norms) {
    for (const char* name : {"weight", "bias", "running_mean", "running_var"}) expected[norm + name] = {channels};
    expected[norm + "num_batches_tracked"] = {};
  }
  std::map<std::string, std::vector<Index>> written;
  for (const auto& [name, tensor] : file.tensors) {
    written[name] = tensor.shape;
    const bool counter = name.ends_with("num_batches_tracked");
    CHECK(std::holds_alternative<std::vector<std::int64_t>>(tensor.values) == counter);
    CHECK(std::holds_alternative<std::vector<float>>(tensor.values) != counter);
  }
  CHECK(written == expected);
  CHECK(file.values<std::int64_t>("mid_block.1.num_batches_tracked", {}).front() == 3);
  CHECK(file.metadata.empty());
}

TEST_CASE("The sample axes of an Mlp are C x H x W in the file", "[nn]") {
  const TemporaryFolder folder;
  const ImageShape shape{2, 3, 2};
  nn::Network network(TestedMlp<double>(12, 2), shape);
  // Every value says which element of the image it belongs to, and the unit of the layer beside it.
  network.for_each_parameter([&](const auto& p) {
    const bool first = p.name == "encoder.0.weight";
    if (!first && !p.name.starts_with("decoder.")) return;
    std::vector<double> values(p.values.size());
    for (Index i = 0; i < 12; ++i)
      for (Index k = 0; k < (p.rank == 1 ? 1 : 2); ++k)
        values[static_cast<std::size_t>(first ? k * 12 + i : i * (p.rank == 1 ? 1 : 2) + k)] = test::real(100 * k + i);
    test::set_values(p.values, values);
  });
  save_weights(folder / "mlp.safetensors", network);
  const SafetensorsFile file = read_safetensors(folder / "mlp.safetensors");
  const auto first = file.values<double>("encoder.0.weight", {2, 12});
  const auto last = file.values<double>("decoder.0.weight", {12, 2});
  const auto bias = file.values<double>("decoder.0.bias", {12});
  std::size_t at = 0;
  for (Index channel = 0; channel < 2; ++channel)
    for (Index row = 0; row < 2; ++row)
      for (Index column = 0; column < 3; ++column, ++at) {
        const double element = test::real(shape.index(row, column, channel));
        CHECK(first[at] == element);
        CHECK(first[12 + at] == 100.0 + element);
        CHECK(last[2 * at] == element);
        CHECK(last[2 * at + 1] == 100.0 + element);
        CHECK(bias[at] == element);
      }
}

TEST_CASE("Weights of another floating-point type are converted", "[nn]") {
  const TemporaryFolder folder;
  auto network = trained_network(TestedTwoDMlp<float>(2), {1, 1, 2}, 1);
  nn::Network wide(TestedTwoDMlp<double>(2), {1, 1, 2});
  save_weights(folder / "f32.safetensors", network);
  load_weights(folder / "f32.safetensors", wide);
  save_weights(folder / "f64.safetensors", wide);
  auto back = trained_network(TestedTwoDMlp<float>(2), {1, 1, 2}, 90);
  load_weights(folder / "f64.safetensors", back);
  CHECK(bits_of(back) == bits_of(network));
}

TEST_CASE("A file that does not fit changes nothing and is refused with what was expected", "[nn]") {
  const TemporaryFolder folder;
  const auto path = folder / "weights.safetensors";
  auto network = trained_network(TestedUNet<1>({.channels = 2}), {4, 4, 3}, 1);
  auto other = trained_network(TestedUNet<1>({.channels = 2}), {4, 4, 3}, 90);
  save_weights(path, other);
  const SafetensorsFile whole = read_safetensors(path);
  const std::string before = bits_of(network);

  const auto refusal_of_file = [&] {
    const std::string message = message_of<FileError>([&] { load_weights(path, network); });
    CHECK(bits_of(network) == before);
    CHECK(message.starts_with(path.string() + ": "));
    CHECK(message.find('\n') == std::string::npos);
    return message;
  };
  const auto refusal = [&](const std::function<void(Tensors&)>& change) {
    Tensors tensors = whole.tensors;
    change(tensors);
    write_safetensors(path, tensors);
    return refusal_of_file();
  };
  CHECK_THAT(refusal([](Tensors& t) { t.erase("mid_block.4.running_var"); }),
             ContainsSubstring("\"mid_block.4.running_var\" is missing, expected shape (4,)"));
  CHECK_THAT(refusal([](Tensors& t) {
               t["upsample.0.weight"].shape = {2, 4, 2, 2};
             }),
             ContainsSubstring("\"upsample.0.weight\" has shape (2, 4, 2, 2), expected (4, 2, 2, 2)"));
  CHECK_THAT(refusal([](Tensors& t) {
               t["encoder.1.0.weight"] = {{1}, std::vector<float>{1.0F}};
             }),
             ContainsSubstring("\"encoder.1.0.weight\" of shape (1,) is not a tensor of the network"));
  CHECK_THAT(refusal([](Tensors& t) { t["decoder.0.3.weight"].values = std::vector<std::int64_t>(54, 3); }),
             ContainsSubstring("\"decoder.0.3.weight\" holds integers, expected F32, F64, F16 or BF16"));
  CHECK_THAT(refusal([](Tensors& t) {
               t["decoder.0.3.weight"].values = std::vector<double>(54, std::numeric_limits<double>::max());
             }),
             ContainsSubstring("\"decoder.0.3.weight\", data: value 0"));
  const std::string all = refusal([](Tensors& t) {
    t.erase("encoder.0.0.weight");
    t["upsample.0.weight"].shape = {32};
    t["extra"] = {{}, std::vector<std::int64_t>{1}};
  });
  CHECK_THAT(all, ContainsSubstring("\"encoder.0.0.weight\" is missing"));
  CHECK_THAT(all, ContainsSubstring("\"upsample.0.weight\" has shape (32,)"));
  CHECK_THAT(all, ContainsSubstring("\"extra\" of shape () is not a tensor"));
  CHECK_THAT(refusal([](Tensors& t) { t.clear(); }), ContainsSubstring("does not fit the network of 27 tensors") &&
                                                         ContainsSubstring("; and 15 more differences"));

  auto deeper = trained_network(TestedUNet<2>({.channels = 2}), {4, 4, 3}, 1);
  save_weights(path, deeper);
  CHECK_THAT(refusal_of_file(),
             ContainsSubstring("\"mid_block.0.weight\" has shape (8, 4, 3, 3), expected (4, 2, 3, 3)"));
  test::put_file(path, file_content(path).substr(0, 3000));
  CHECK_THAT(refusal_of_file(), ContainsSubstring("truncated"));
  std::filesystem::remove(path);
  CHECK_THAT(refusal_of_file(), ContainsSubstring("does not exist"));
}

namespace {

/// The bytes of a safetensors file of these tensors, names and types changed; F32 may become F16 or BF16, I64 F16.
std::string rewritten(const Tensors& tensors, const std::function<std::string(const std::string&)>& name,
                      const std::string& floats, const std::string& counters) {
  std::string header = "{";
  std::string data;
  const auto add = [&](const std::string& key, const Tensor& tensor, const std::string& dtype,
                       const std::string& bytes) {
    header += (header.size() > 1 ? "," : "") + ("\"" + name(key) + "\":{\"dtype\":\"") + dtype + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i)
      header += (i > 0 ? "," : "") + std::to_string(tensor.shape[i]);
    header +=
        "],\"data_offsets\":[" + std::to_string(data.size()) + "," + std::to_string(data.size() + bytes.size()) + "]}";
    data += bytes;
  };
  const auto little_endian = [](std::uint64_t bits, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(bits >> (8 * i) & 255U);
    return text;
  };
  for (const auto& [key, tensor] : tensors) {
    std::string bytes;
    if (const auto* values = std::get_if<std::vector<float>>(&tensor.values)) {
      for (const float value : *values) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        if (floats == "F32") bytes += little_endian(bits, 4);
        if (floats == "BF16") bytes += little_endian(bits >> 16U, 2);
        // Of a normal number with few bits in its mantissa, which the caller has seen to.
        const std::uint32_t exponent = bits >> 23U & 255U;
        const std::uint32_t half = (bits >> 16U & 0x8000U) | (exponent - 112U) << 10U | (bits >> 13U & 1023U);
        if (floats == "F16") bytes += little_endian(exponent == 0 ? 0 : half, 2);
      }
      add(key, tensor, floats, bytes);
    } else if (counters == "F16 inf") {
      add(key, tensor, "F16", std::string("\0\x7c", 2));
    } else if (counters == "F16") {
      add(key, tensor, "F16", std::string("\0\x42", 2));  // 3
    } else if (counters == "I32") {
      add(key, tensor, "I32", little_endian(3, 4));
    } else if (counters == "U64") {
      add(key, tensor, "U64", little_endian(3, 8));
    } else if (counters == "(1,)") {
      add(key, {{1}, {}}, "I64", little_endian(3, 8));
    } else if (counters == "I64") {
      add(key, tensor, "I64", little_endian(3, 8));
    }
  }
  header += "}";
  return little_endian(header.size(), 8) + header + data;
}

const auto same_name = [](const std::string& name) { return name; };

/// A file of a U-Net whose weights F16 and BF16 have exactly, and the network to load it into.
struct ForeignWeights {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "weights.safetensors";
  nn::Network<TestedUNet<1>> network = trained_network(TestedUNet<1>({.channels = 2}), {4, 4, 3}, 1);
  nn::Network<TestedUNet<1>> other = trained_network(TestedUNet<1>({.channels = 2}), {4, 4, 3}, 90);
  Tensors tensors;

  ForeignWeights() {
    network.for_each_parameter([](const auto& p) {
      std::vector<float> values = test::values_of(p.values);
      for (float& value : values) {
        int exponent = 0;
        const float mantissa = std::round(std::ldexp(std::frexp(value, &exponent), 7));
        value = std::abs(value) < 1e-3F ? 0.0F : std::ldexp(mantissa, exponent - 7);
      }
      if (!values.empty()) test::set_values(p.values, values);
    });
    save_weights(path, network);
    tensors = read_safetensors(path).tensors;
  }

  /// Whether the file with these names and types gives the network's tensors; counters: 0 where none can be read.
  [[nodiscard]] bool loads(const std::string& content, bool counts = true) {
    test::put_file(path, content);
    load_weights(path, other);
    bool same = true;
    std::vector<std::vector<float>> right;
    network.for_each_parameter([&](const auto& p) { right.push_back(test::values_of(p.values)); });
    std::size_t at = 0;
    other.for_each_parameter([&](const auto& p) {
      same = same && test::values_of(p.values) == right[at++];
      if (p.counter != nullptr) same = same && *p.counter == (counts ? 3 : 0);
    });
    return same;
  }
};

}  // namespace

TEST_CASE("Weights in half precision are converted exactly", "[nn]") {
  ForeignWeights weights;
  for (const char* type : {"F32", "F16", "BF16"}) {
    CAPTURE(type);
    CHECK(weights.loads(rewritten(weights.tensors, same_name, type, "I64")));
  }
}

TEST_CASE("Counters of batches may be missing or of any type", "[nn]") {
  ForeignWeights weights;
  for (const char* counters : {"I64", "I32", "F16", "(1,)"}) {
    CAPTURE(counters);
    CHECK(weights.loads(rewritten(weights.tensors, same_name, "F32", counters)));
  }
  for (const char* counters : {"none", "U64", "F16 inf"}) {
    CAPTURE(counters);
    CHECK(weights.loads(rewritten(weights.tensors, same_name, "F32", counters), false));
  }
}

TEST_CASE("Prefixes and wrappers of names are taken off when all names fit then", "[nn]") {
  ForeignWeights weights;
  const auto loads_with = [&](const std::function<std::string(const std::string&)>& name) {
    return weights.loads(rewritten(weights.tensors, name, "F32", "I64"));
  };
  for (const char* prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module.", "model.",
                             "ema.model._orig_mod.", "_fsdp_wrapped_module."}) {
    CAPTURE(prefix);
    CHECK(loads_with([&](const std::string& name) { return prefix + name; }));
  }
  // A part of the network that was compiled, and another that was checkpointed.
  CHECK(loads_with([](const std::string& name) {
    if (name.starts_with("encoder.0.")) return "encoder.0._orig_mod." + name.substr(10);
    return name.starts_with("mid_block.") ? "mid_block._checkpoint_wrapped_module." + name.substr(10) : name;
  }));

  const auto refusal = [&](const std::function<std::string(const std::string&)>& name) {
    return message_of<FileError>([&] { static_cast<void>(loads_with(name)); });
  };
  // One name that does not fit: both sides are listed, and no more.
  CHECK_THAT(refusal([](const std::string& name) {
               return name == "decoder.0.0.weight" ? "module.decoder.9.0.weight" : "module." + name;
             }),
             ContainsSubstring("\"decoder.0.0.weight\" is missing, expected shape (2, 4, 3, 3); "
                               "\"module.decoder.9.0.weight\" of shape (2, 4, 3, 3) is not a tensor of the network"));
  // Two networks in one file: none is chosen.
  Tensors twice = weights.tensors;
  for (const auto& [name, tensor] : weights.tensors) twice["ema." + name] = tensor;
  test::put_file(weights.path,
                 rewritten(
                     twice, [](const std::string& name) { return name.starts_with("ema.") ? name : "model." + name; },
                     "F32", "I64"));
  CHECK_THAT(message_of<FileError>([&] { load_weights(weights.path, weights.other); }),
             ContainsSubstring("\"ema.decoder.0.0.weight\" of shape"));
}

TEST_CASE("Integers beside the weights do not keep a file from being loaded", "[nn]") {
  ForeignWeights weights;
  Tensors with_mask = weights.tensors;
  with_mask["module.n_averaged"] = {{}, std::vector<std::int64_t>{3}};
  with_mask["mask"] = {{1}, std::vector<std::int64_t>{3}};
  CHECK(weights.loads(rewritten(with_mask, same_name, "F32", "I64")));
}

TEST_CASE("Weights that are not finite are not saved", "[nn]") {
  const TemporaryFolder folder;
  const auto path = folder / "weights.safetensors";
  auto network = trained_network(TestedTwoDMlp<double>(1), {1, 1, 2}, 1);
  save_weights(path, network);
  const std::string before = file_content(path);
  network.for_each_parameter([](const auto& p) {
    if (p.name == "decoder.2.bias") test::set_values(p.values, {0.0, std::numeric_limits<double>::quiet_NaN()});
  });
  CHECK_THAT(message_of<NumericalError>([&] { save_weights(path, network); }),
             ContainsSubstring("\"decoder.2.bias\": value 1 is nan"));
  CHECK(file_content(path) == before);
  CHECK(folder.entries() == 1);
}
