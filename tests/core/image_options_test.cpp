#include "diffarch/core/image_options.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("What is missing is said with the library's field, and programs can say it with their own option", "[core]") {
  const OptionNeeded needed("images.npy", "values lie between 0 and 255", ImageOption::range,
                            "set NpyImageOptions::range = {0, 255}", {0, 255});
  REQUIRE(std::string(needed.what()) ==
          "images.npy: values lie between 0 and 255; set NpyImageOptions::range = {0, 255}");
  REQUIRE(needed.path() == "images.npy");
  REQUIRE(needed.problem() == "values lie between 0 and 255");
  REQUIRE(needed.option() == ImageOption::range);
  REQUIRE(needed.range() == ValueRange{0.0, 255.0});
}

TEST_CASE("A range is given when its ends differ, and is refused when they are in the wrong order", "[core]") {
  STATIC_REQUIRE_FALSE(ValueRange{}.given());
  STATIC_REQUIRE(ValueRange{.low = 0.0, .high = 1.0}.given());
  REQUIRE_NOTHROW(detail::require_range({}, "Options"));
  REQUIRE_NOTHROW(detail::require_range({-1.0, 1.0}, "Options"));
  const double infinity = std::numeric_limits<double>::infinity();
  for (const ValueRange bad : {ValueRange{1, 0}, ValueRange{0, infinity}, ValueRange{-infinity, 0},
                               ValueRange{0, std::numeric_limits<double>::quiet_NaN()}})
    REQUIRE_THROWS_AS(detail::require_range(bad, "Options"), InvalidArgument);
  REQUIRE(test::message_of<InvalidArgument>([] {
            detail::require_range({255, 0}, "ImageOptions");
          }) == "ImageOptions: range = {255, 0}, expected low < high, both finite");
}

}  // namespace
}  // namespace diffarch
