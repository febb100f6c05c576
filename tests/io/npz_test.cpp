#include "diffarch/io/npz.hpp"

#include "data/fixtures.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace diffarch {
namespace {

using test::data_fixture;

TEST_CASE("Every type of both byte orders and both orders of the axes is what NumPy reads", "[io]") {
  const auto path = data_fixture("types.npz");
  Index tried = 0;
  for (const std::string& name : npz_names(path)) {
    if (!name.ends_with("_right")) continue;
    const std::string type = name.substr(0, name.size() - 6);
    CAPTURE(type);
    const auto right = read_npz<double>(path, name);
    for (const std::string& stored : {type, type + "_fortran"}) {
      const auto array = read_npz<double>(path, stored);
      REQUIRE(array.shape == std::vector<Index>{2, 3});
      REQUIRE(array.values == right.values);
    }
    ++tried;
  }
  REQUIRE(tried == 24);
}

TEST_CASE("Images of a .npz file are those of NumPy, stored, deflated and in zip64", "[io]") {
  Batch<float> expected(36, 2);
  for (Index i = 0; i < 72; ++i) expected.data()[i] = static_cast<float>(-1.0 + 2.0 * static_cast<double>(i) / 71.0);
  const auto require_images = [&](const Dataset<float>& images) {
    REQUIRE(images.shape() == ImageShape{3, 4, 3});
    REQUIRE((images.samples() - expected).cwiseAbs().maxCoeff() < 1e-6F);
  };
  require_images(load_npz_images<float>(data_fixture("stored.npz")));
  require_images(load_npz_images<float>(data_fixture("stored.npz"), "arr_0"));
  require_images(load_npz_images<float>(data_fixture("deflated.npz"), "x_train"));
  require_images(load_npz_images<float>(data_fixture("deflated.npz"), "x_train.npy"));
  require_images(load_npz_images<float>(data_fixture("zip64.npz")));
  REQUIRE(load_npz_images<float>(data_fixture("stored.npz")).name() == "stored");
  REQUIRE(read_npz_batch<float>(data_fixture("stored.npz"), "", ImageShape{3, 4, 3}).cols() == 2);
  REQUIRE_THROWS_AS(read_npz_batch<float>(data_fixture("stored.npz"), "", ImageShape{4, 3, 3}), DimensionMismatch);
}

TEST_CASE("Which array is named, or the only one", "[io]") {
  REQUIRE(npz_names(data_fixture("deflated.npz")) == std::vector<std::string>{"x_train", "y_train", "x_test"});
  const auto refusal = [](const std::string& file, const std::string& name) {
    return test::message_of<FileError>([&] { static_cast<void>(load_npz_images<float>(data_fixture(file), name)); });
  };
  REQUIRE_THAT(refusal("deflated.npz", ""), ContainsSubstring("holds 3 arrays, x_train, y_train, x_test") &&
                                                ContainsSubstring("deflated.npz:x_train"));
  REQUIRE_THAT(refusal("deflated.npz", "faces"),
               ContainsSubstring("has no array 'faces'; expected one of x_train, y_train, x_test"));
  REQUIRE_THAT(refusal("deflated.npz", "y_train"), ContainsSubstring("deflated.npz:y_train: npy shape: is (2,)"));
  REQUIRE_THAT(refusal("nowhere.npz", ""), ContainsSubstring("does not exist"));
  const test::TemporaryFolder folder;
  std::string renamed = test::file_content(data_fixture("stored.npz"));
  for (std::size_t at = renamed.find("arr_0.npy"); at != std::string::npos; at = renamed.find("arr_0.npy"))
    renamed.replace(at, 9, "arr_0.txt");
  const auto path = test::put_file(folder / "a.npz", renamed);
  REQUIRE_THROWS_WITH(read_npz<float>(path), ContainsSubstring("holds no array"));
}

}  // namespace
}  // namespace diffarch
