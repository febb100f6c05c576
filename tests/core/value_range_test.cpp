#include "diffarch/core/value_range.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

/// Smooth pictures with values from `low` to `high`, darker in the mean than in the middle when `power` > 1.
Batch<float> pictures(double low, double high, double power = 1.0) {
  Batch<float> values(48, 20);
  for (Index i = 0; i < values.size(); ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(values.size() - 1);
    values.data()[i] = static_cast<float>(low + (high - low) * std::pow(place, power));
  }
  return values;
}

std::optional<RangeProblem> problem_of(const Batch<float>& values) {
  return image_range_problem(summarise_values(values));
}

TEST_CASE("A summary has the extremes, the mean and the deviation", "[core]") {
  Batch<double> values(2, 2);
  values << 1, 2, 3, 6;
  const ValueSummary summary = summarise_values(values);
  REQUIRE(summary.lowest == 1.0);
  REQUIRE(summary.highest == 6.0);
  REQUIRE(summary.mean == 3.0);
  REQUIRE(std::abs(summary.deviation - std::sqrt(3.5)) < 1e-15);
  REQUIRE(summarise_values(Batch<double>(0, 3)).deviation == 0.0);
}

TEST_CASE("Ranges that images have elsewhere are told by their numbers", "[core]") {
  const auto range_of = [](const Batch<float>& values) {
    const auto problem = problem_of(values);
    REQUIRE(problem);
    return problem->range;
  };
  for (const double high : {1.0, 255.0, 1023.0, 4095.0, 65535.0})
    for (const double power : {1.0, 0.4, 4.0}) {  // even, bright and dark pictures
      CAPTURE(high, power);
      REQUIRE(range_of(pictures(0, high, power)) == ValueRange{0.0, high});
      // A cubic or Lanczos filter goes beyond the range at edges.
      REQUIRE(range_of(pictures(-0.05 * high, 1.05 * high, power)) == ValueRange{0.0, high});
      // Not every set has black and white in it.
      REQUIRE(range_of(pictures(0.1 * high, 0.8 * high, power)) == ValueRange{0.0, high});
    }
  REQUIRE(range_of(pictures(0, 16)) == ValueRange{0.0, 16.0});                 // the digits of scikit-learn
  REQUIRE(range_of(pictures(-1024, 3071, 8)) == ValueRange{-1024.0, 3071.0});  // X-ray attenuation
  REQUIRE_THAT(problem_of(pictures(0, 255))->text,
               ContainsSubstring("values lie between 0 and 255, mean 127.5") && ContainsSubstring("[-1, 1]"));
}

TEST_CASE("Images in [-1, 1] and standardised data have no other range", "[core]") {
  for (const double power : {1.0, 0.4, 4.0}) {
    CAPTURE(power);
    REQUIRE_FALSE(problem_of(pictures(-1, 1, power)));
    REQUIRE_FALSE(problem_of(pictures(-1.15, 1.15, power)));  // resized
    REQUIRE_FALSE(problem_of(pictures(-0.8, 0.9, power)));
  }
  // Mean 0 and deviation 1, also of data as lopsided as handwritten digits: most are -0.42, and the rest up to 2.8.
  const Batch<float> normal = test::random_matrix<float>(48, 20, 1);
  REQUIRE_FALSE(problem_of(normal));
  REQUIRE_FALSE(problem_of(Batch<float>(100.0F * normal)));
  Batch<float> digits = Batch<float>::Constant(100, 10, -0.4242F);
  digits.topRows(13).setConstant(2.8215F);
  REQUIRE_FALSE(problem_of(digits));
  REQUIRE_FALSE(problem_of(Batch<float>(Batch<float>::Constant(4, 4, -1.0F))));
  REQUIRE_FALSE(problem_of(Batch<float>(Batch<float>::Zero(4, 4))));
}

TEST_CASE("Images that use an eighth of the range or less are told", "[core]") {
  const auto narrow = [](double low, double high) {
    return narrow_range_problem(summarise_values(pictures(low, high))).has_value();
  };
  REQUIRE(narrow(-1, 4095 / 32767.5 - 1));
  REQUIRE(narrow(-0.97, -0.841));
  REQUIRE_FALSE(narrow(-1, 1));
  REQUIRE_FALSE(narrow(-1, -0.5));
  REQUIRE_FALSE(narrow(-1, -1));  // constant: nothing to spread
  REQUIRE_FALSE(narrow(3, 3.1));  // not in [-1, 1] in the first place
}

TEST_CASE("A caller can have the numbers of a data set checked", "[core]") {
  const auto message = [](const Batch<float>& values) {
    return test::message_of<InvalidArgument>([&] {
      check_image_range(Dataset<float>(values, ImageShape{4, 4, 3}, "faces"));
    });
  };
  REQUIRE(message(pictures(-1, 1)) == "no exception");
  REQUIRE_THAT(message(pictures(0, 255)),
               ContainsSubstring("'faces': values lie between 0 and 255") && ContainsSubstring("range = {0, 255}"));
  REQUIRE_THAT(message(pictures(-1, -0.9)), ContainsSubstring("an eighth of [-1, 1] or less"));
}

TEST_CASE("Numbers are mapped so that the ends of the range become -1 and 1", "[core]") {
  std::vector<double> values{0, 255, 51};
  detail::map_to_unit_range(values.data(), 3, {0, 255});
  REQUIRE(values == std::vector<double>{-1.0, 1.0, 51 / 127.5 - 1.0});
  std::vector<double> attenuation{-1000, 0, 3000};
  detail::map_to_unit_range(attenuation.data(), 3, {-1000, 3000});
  REQUIRE(attenuation == std::vector<double>{-1.0, -0.5, 1.0});
  for (const ValueRange same : {ValueRange{}, ValueRange{-1, 1}}) {
    std::vector<float> untouched{0.1F, 1e-9F};
    detail::map_to_unit_range(untouched.data(), 2, same);
    REQUIRE(untouched == std::vector<float>{0.1F, 1e-9F});
  }
  REQUIRE_NOTHROW(detail::require_within("file", {0, 255}, -20, 270));
  REQUIRE_THROWS_AS(detail::require_within("file", {0, 1}, 0, 255), FileError);
  REQUIRE_THROWS_AS(detail::require_within("file", {0, 255}, -255, 255), FileError);
}

}  // namespace
}  // namespace diffarch
