#include "diffarch/core/dataset.hpp"

#include <string>
#include <type_traits>
#include <utility>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A data set is its batch with a shape and a name", "[core]") {
  const Batch<float> samples = test::random_matrix<float>(12, 5, 1);
  const Dataset<float> data(samples, {.height = 2, .width = 2, .channels = 3}, "noise");
  REQUIRE(data.size() == 5);
  REQUIRE(data.dimension() == 12);
  REQUIRE(data.name() == "noise");
  REQUIRE(data.shape() == ImageShape{2, 2, 3});
  const Batch<float>& batch = data;  // passes wherever a batch is expected, without a copy
  REQUIRE(&batch == &data.samples());
  REQUIRE(test::bitwise_equal(batch, samples));
}

TEST_CASE("A temporary data set gives up its samples and no reference to them", "[core]") {
  const Batch<float> samples = test::random_matrix<float>(4, 3, 1);
  const auto make = [&] { return Dataset<float>(samples, {2, 2, 1}, "four pixels"); };
  const Batch<float>& kept = make().samples();  // lives as long as the reference
  const Batch<float> converted = make();
  const std::string& name = make().name();
  REQUIRE(test::bitwise_equal(kept, samples));
  REQUIRE(test::bitwise_equal(converted, samples));
  REQUIRE(name == "four pixels");
  STATIC_REQUIRE(std::is_convertible_v<const Dataset<float>&, const Batch<float>&>);
  const auto takes_reference = [](auto&& data) {
    return requires(const Batch<float>& (*f)(const Batch<float>&)) { f(std::forward<decltype(data)>(data)); };
  };
  const Dataset<float> images = make();
  REQUIRE(takes_reference(images));
  REQUIRE_FALSE(takes_reference(make()));
}

TEST_CASE("A data set whose rows are not those of an image is refused with both shapes", "[core]") {
  const auto make = [] { return Dataset<float>(Batch<float>::Zero(11, 5), {2, 2, 3}, "noise"); };
  REQUIRE(test::message_of<DimensionMismatch>(make) ==
          "Dataset 'noise': samples are (11, 5) but an image of 2 x 2 x 3 has 12 values");
  const auto transposed = [] { return Dataset<float>(Batch<float>::Zero(5, 12), {2, 2, 3}, "noise"); };
  REQUIRE_THAT(test::message_of<DimensionMismatch>(transposed),
               ContainsSubstring("its transpose would fit: a sample is a column"));
}

}  // namespace
}  // namespace diffarch
