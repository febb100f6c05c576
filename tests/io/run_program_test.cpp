#include "diffarch/io/run_program.hpp"

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using detail::ProgramEnd;

TEST_CASE("A program succeeds, fails or is missing, without a shell", "[io]") {
  const test::TemporaryFolder folder;
  const auto log = folder / "log";
  REQUIRE(detail::run_program({"true"}, log) == ProgramEnd::success);
  REQUIRE(detail::run_program({"false"}, log) == ProgramEnd::failure);
  REQUIRE(detail::run_program({"diffarch-no-such-program"}, log) == ProgramEnd::missing);
  REQUIRE(detail::run_program({"test", "$(echo a)", "=", "a"}, log) == ProgramEnd::failure);
  REQUIRE(detail::run_program({"ls", (folder / "nowhere").string()}, log) == ProgramEnd::failure);
  REQUIRE_THAT(test::file_content(log), ContainsSubstring("nowhere"));
}
