#include "diffarch/nn/weights_file.hpp"

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
  CHECK_THAT(
      refusal([](Tensors& t) { t["mid_block.1.num_batches_tracked"].values = std::vector<float>{3.0F}; }),
      ContainsSubstring("\"mid_block.1.num_batches_tracked\", dtype: holds floating-point numbers; expected I64"));
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
                                                         ContainsSubstring("and 19 more differences"));

  auto deeper = trained_network(TestedUNet<2>({.channels = 2}), {4, 4, 3}, 1);
  save_weights(path, deeper);
  CHECK_THAT(refusal_of_file(),
             ContainsSubstring("\"mid_block.0.weight\" has shape (8, 4, 3, 3), expected (4, 2, 3, 3)"));
  test::put_file(path, file_content(path).substr(0, 3000));
  CHECK_THAT(refusal_of_file(), ContainsSubstring("truncated"));
  std::filesystem::remove(path);
  CHECK_THAT(refusal_of_file(), ContainsSubstring("does not exist"));
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
