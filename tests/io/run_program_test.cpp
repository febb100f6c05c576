#include "diffarch/io/run_program.hpp"

#include <algorithm>
#include <cstdlib>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using detail::ProgramEnd;

TEST_CASE("A program succeeds, fails or is missing, without a shell", "[io]") {
  const test::TemporaryFolder folder;
  const auto log = folder / "log";
  const auto run = [&log](std::vector<std::string> arguments) {
    return detail::run_program(std::move(arguments), detail::neutral_environment({}), log);
  };
  REQUIRE(run({"true"}) == ProgramEnd::success);
  REQUIRE(run({"false"}) == ProgramEnd::failure);
  REQUIRE(run({"diffarch-no-such-program"}) == ProgramEnd::missing);
  REQUIRE(run({"test", "$(echo a)", "=", "a"}) == ProgramEnd::failure);
  REQUIRE(run({"ls", (folder / "nowhere").string()}) == ProgramEnd::failure);
  REQUIRE_THAT(test::file_content(log), ContainsSubstring("nowhere"));
  REQUIRE(detail::program_exists("true"));
  REQUIRE(detail::program_exists("/bin/sh"));
  REQUIRE_FALSE(detail::program_exists("diffarch-no-such-program"));
  REQUIRE_FALSE(detail::program_exists("/bin/diffarch-no-such-program"));
}

TEST_CASE("The environment of another program does not depend on the user's settings", "[io]") {
  const test::TemporaryFolder folder;
  REQUIRE(setenv("GNUTERM", "qt", 1) == 0);
  REQUIRE(setenv("GNUPLOT_LIB", "/nowhere", 1) == 0);
  REQUIRE(setenv("DIFFARCH_TEST_KEPT", "a b", 1) == 0);
  const auto environment = detail::neutral_environment({"GNUTERM=unknown"});
  const auto has = [&](const char* text) {
    return std::find(environment.begin(), environment.end(), text) != environment.end();
  };
  CHECK(has("GNUTERM=unknown"));
  CHECK(has("LC_ALL=C.UTF-8"));
  CHECK(has("DIFFARCH_TEST_KEPT=a b"));
  CHECK_FALSE(has("GNUTERM=qt"));
  CHECK_FALSE(has("GNUPLOT_LIB=/nowhere"));
  const std::string is_ours =
      "test \"$GNUTERM\" = unknown && test -z \"$GNUPLOT_LIB$LANG\" && test \"$LC_ALL\" = C.UTF-8";
  CHECK(detail::run_program({"sh", "-c", is_ours}, environment, folder / "log") == ProgramEnd::success);
  unsetenv("GNUTERM");
  unsetenv("GNUPLOT_LIB");
  unsetenv("DIFFARCH_TEST_KEPT");
}
