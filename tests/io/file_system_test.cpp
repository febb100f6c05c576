#include "diffarch/io/file_system.hpp"

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

TEST_CASE("Symbolic links are followed to where bytes go", "[io]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_symlink("sub/second", folder / "first");
  std::filesystem::create_symlink("../file", folder / "sub/second");
  CHECK(detail::write_target(folder / "first").path == folder / "sub/../file");
  CHECK_FALSE(detail::write_target(folder / "first").is_stream);
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THROWS_WITH(detail::write_target(folder / "loop"), ContainsSubstring("too many symbolic links"));
#ifdef DIFFARCH_HAS_POSIX_FILES
  CHECK(detail::write_target("/dev/null").is_stream);
  if (std::filesystem::exists("/proc/self/fd/2")) CHECK(detail::write_target("/dev/stderr").open_file == 2);
#endif
}

TEST_CASE("A new file must be new", "[io]") {
  const TemporaryFolder folder;
  std::FILE* file = detail::create_new_file(folder / "file");
  REQUIRE(file != nullptr);
  REQUIRE(std::fclose(file) == 0);
  CHECK(detail::create_new_file(folder / "file") == nullptr);
  CHECK(errno == EEXIST);
  CHECK(detail::sync_to_disk(folder / "file") == 0);
  CHECK(detail::sync_to_disk(folder.path()) == 0);
}
