#include "diffarch/core/error.hpp"

#include "comma_locale.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Every exception of the library can be caught as Error and as std::runtime_error", "[core]") {
  REQUIRE_THROWS_AS(throw InvalidArgument("x"), Error);
  REQUIRE_THROWS_AS(throw DimensionMismatch("x"), Error);
  REQUIRE_THROWS_AS(throw NumericalError("x"), Error);
  REQUIRE_THROWS_AS(throw FileError("a.png", "x"), Error);
  REQUIRE_THROWS_AS(throw Error("x"), std::runtime_error);
}

TEST_CASE("A file error starts with the path and keeps it", "[core]") {
  const FileError error("faces/a.png", "truncated");
  REQUIRE(std::string(error.what()) == "faces/a.png: truncated");
  REQUIRE(error.path() == "faces/a.png");
}

TEST_CASE("require throws the given type with all parts in one message, and only when the condition fails", "[core]") {
  REQUIRE_NOTHROW(detail::require(true, "unused"));
  REQUIRE(test::message_of<InvalidArgument>([] { detail::require(false, "K = ", 0, ", not ", 1.5); }) ==
          "K = 0, not 1.5");
  REQUIRE(test::message_of<NumericalError>([] { detail::require<NumericalError>(false, "NaN"); }) == "NaN");
}

TEST_CASE("Messages are the same in every locale", "[core]") {
  const test::CommaLocale comma;
  REQUIRE(detail::concat("n = ", 1234567, ", sigma = ", 0.5) == "n = 1234567, sigma = 0.5");
}

}  // namespace
}  // namespace diffarch
