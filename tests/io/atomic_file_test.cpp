#include "diffarch/io/atomic_file.hpp"

#include <array>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

TEST_CASE("write_file_atomically creates parent folders and leaves only the file", "[io]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a/b/text.txt", std::string_view("two\nlines\n"));
  REQUIRE(file_content(folder / "a/b/text.txt") == "two\nlines\n");
  REQUIRE(folder.entries() == 3);  // a, a/b and the file

  constexpr std::array bytes{std::byte{0}, std::byte{255}, std::byte{10}, std::byte{13}};
  write_file_atomically(folder / "a/b/text.txt", bytes);
  REQUIRE(file_content(folder / "a/b/text.txt") == std::string("\x00\xff\n\r", 4));
  REQUIRE(folder.entries() == 3);
}

TEST_CASE("write_file_atomically can write an empty file", "[io]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "empty", std::string_view());
  REQUIRE(std::filesystem::file_size(folder / "empty") == 0);
}

TEST_CASE("AtomicFile shows nothing under the final name before commit", "[io]") {
  const TemporaryFolder folder;
  put_file(folder / "file", "old");
  AtomicFile file(folder / "file");
  file.write("new");
  file.close();
  REQUIRE(file_content(folder / "file") == "old");
  REQUIRE(file_content(file.temporary()) == "new");
  REQUIRE(file.temporary().parent_path() == folder.path());
  file.commit();
  REQUIRE(file_content(folder / "file") == "new");
  REQUIRE(folder.entries() == 1);
}

TEST_CASE("AtomicFile destroyed without commit leaves the old file and no other", "[io]") {
  const TemporaryFolder folder;
  put_file(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write("half of the ne");
  }
  REQUIRE(file_content(folder / "file") == "old");
  REQUIRE(folder.entries() == 1);
}

TEST_CASE("write_file_atomically refuses paths that cannot be files", "[io]") {
  const TemporaryFolder folder;
  REQUIRE_THROWS_AS(write_file_atomically("", std::string_view("x")), FileError);
  REQUIRE_THROWS_WITH(write_file_atomically(folder.path() / "", std::string_view("x")),
                      ContainsSubstring("expected the name of a file"));
  REQUIRE_THROWS_WITH(write_file_atomically(folder.path(), std::string_view("x")), ContainsSubstring("is a folder"));
  put_file(folder / "file", "old");
  REQUIRE_THROWS_WITH(write_file_atomically(folder / "file/below", std::string_view("x")),
                      ContainsSubstring("cannot create the folder") && ContainsSubstring("file/below"));
  REQUIRE(file_content(folder / "file") == "old");
  REQUIRE(folder.entries() == 1);
}

TEST_CASE("write_file_atomically reports the system's reason when a write fails", "[io]") {
  const TemporaryFolder folder;
  const std::string too_long(400, 'n');  // file systems allow 255 bytes or fewer
  REQUIRE_THROWS_AS(write_file_atomically(folder / too_long, std::string_view("x")), FileError);
  REQUIRE_THROWS_WITH(write_file_atomically(folder / too_long, std::string_view("x")),
                      ContainsSubstring("cannot create a file in its folder: "));
  REQUIRE(folder.entries() == 0);
}
