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

TEST_CASE("AtomicFile replaces the file that a symbolic link leads to, and the link stays", "[io]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere/target", folder / "link");
  write_file_atomically(folder / "link", std::string_view("first"));  // the target is made
  REQUIRE(file_content(folder / "elsewhere/target") == "first");
  write_file_atomically(folder / "link", std::string_view("second"));
  REQUIRE(std::filesystem::is_symlink(folder / "link"));
  REQUIRE(file_content(folder / "elsewhere/target") == "second");
  REQUIRE(folder.entries() == 3);
}

TEST_CASE("AtomicFile takes names as long as the system allows", "[io]") {
  const TemporaryFolder folder;
  for (const std::size_t length : {120U, 121U, 240U, 255U}) {
    const std::string name(length, 'n');
    write_file_atomically(folder / name, std::string_view("x"));
    REQUIRE(file_content(folder / name) == "x");
  }
  REQUIRE(folder.entries() == 4);
}

TEST_CASE("AtomicFile does not depend on who else writes the same name", "[io]") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "file");
  AtomicFile second(folder / "file");
  first.write("first");
  second.write("second");
  first.commit();
  REQUIRE(file_content(folder / "file") == "first");
  second.commit();
  REQUIRE(file_content(folder / "file") == "second");
  REQUIRE(folder.entries() == 1);
}

#ifdef DIFFARCH_HAS_POSIX_FILES
TEST_CASE("AtomicFile keeps the permissions, owner and group of what it replaces", "[io]") {
  const TemporaryFolder folder;
  const auto path = put_file(folder / "file", "old");
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  const bool is_root = geteuid() == 0;
  if (is_root) REQUIRE(chown(path.c_str(), 1000, 1001) == 0);
  write_file_atomically(path, std::string_view("new"));
  struct stat status = {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640);
  if (is_root) CHECK((status.st_uid == 1000 && status.st_gid == 1001));
  const mode_t mask = umask(027);
  write_file_atomically(folder / "fresh", std::string_view("new"));
  umask(mask);
  REQUIRE(stat((folder / "fresh").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640);
}

TEST_CASE("AtomicFile writes through a FIFO and a device", "[io]") {
  const TemporaryFolder folder;
  const auto fifo = folder / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  write_file_atomically(fifo, std::string_view("through"));
  char text[16] = {};
  CHECK(read(reader, text, sizeof text) == 7);
  CHECK(std::string_view(text) == "through");
  close(reader);
  CHECK(std::filesystem::is_fifo(fifo));
  CHECK(folder.entries() == 1);

  write_file_atomically("/dev/null", std::string_view("x"));
  CHECK(std::filesystem::is_character_file("/dev/null"));
  if (std::filesystem::exists("/dev/full"))
    CHECK_THROWS_WITH(write_file_atomically("/dev/full", std::string_view("x")),
                      ContainsSubstring("/dev/full: cannot write: No space left on device"));
}

TEST_CASE("AtomicFile writes to an open file at the place where it stands", "[io]") {
  if (!std::filesystem::exists("/proc/self/fd")) return;
  const TemporaryFolder folder;
  const int file = open((folder / "file").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(write(file, "before ", 7) == 7);
  write_file_atomically("/proc/self/fd/" + std::to_string(file), std::string_view("between "));
  write_file_atomically("/dev/fd/" + std::to_string(file), std::string_view("and "));
  REQUIRE(write(file, "after", 5) == 5);
  close(file);
  REQUIRE(file_content(folder / "file") == "before between and after");
  REQUIRE(folder.entries() == 1);
}
#endif
