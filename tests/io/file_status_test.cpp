#include "diffarch/io/file_status.hpp"

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

TEST_CASE("What the file system cannot answer is a FileError", "[io]") {
  const TemporaryFolder folder;
  put_file(folder / "file", "");
  CHECK(detail::path_exists(folder / "file"));
  CHECK_FALSE(detail::path_exists(folder / "nothing"));
  CHECK_FALSE(detail::path_exists(folder / "file/below"));
  CHECK(detail::is_folder(folder.path()));
  CHECK_FALSE(detail::is_folder(folder / "file"));
  CHECK(detail::folder_entries(folder.path()) == std::vector{folder / "file"});
  CHECK_THROWS_AS(detail::folder_entries(folder / "nothing"), FileError);

  const auto too_long = folder / std::string(300, 'n');
  CHECK_THROWS_AS(detail::path_exists(too_long), FileError);
  CHECK_THROWS_AS(detail::create_folders(too_long), FileError);
  CHECK_THROWS_AS(detail::create_folders(folder / "file/below"), FileError);
  detail::create_folders(folder / "a/b");
  CHECK(detail::is_folder(folder / "a/b"));
  CHECK_THROWS_AS(detail::remove_file(folder / "a"), FileError);  // holds b
  detail::remove_file(folder / "file");
  detail::remove_file(folder / "file");
  CHECK_FALSE(detail::path_exists(folder / "file"));
  CHECK(detail::absolute_path("a").is_absolute());
}
