#include "diffarch/io/zip_archive.hpp"

#include "data/fixtures.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace diffarch {
namespace {

using detail::ZipArchive;
using test::data_fixture;
using test::file_content;
using test::put_file;

TEST_CASE("Archives of Python's zipfile are read, stored, deflated and in zip64", "[io]") {
  for (const char* name : {"stored.npz", "deflated.npz", "zip64.npz"}) {
    CAPTURE(name);
    ZipArchive archive(data_fixture(name));
    REQUIRE(archive.entries().size() == (std::string(name) == "deflated.npz" ? 3U : 1U));
    for (const auto& entry : archive.entries()) REQUIRE(archive.content(entry).starts_with("\x93NUMPY"));
  }
}

TEST_CASE("An archive that is cut anywhere is refused, and one with a comment is read", "[io]") {
  const test::TemporaryFolder folder;
  const std::string whole = file_content(data_fixture("zip64.npz"));
  const auto read = [&](const std::string& bytes) {
    ZipArchive archive(put_file(folder / "a.npz", bytes));
    for (const auto& entry : archive.entries()) static_cast<void>(archive.content(entry));
    return archive.entries().size();
  };
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    REQUIRE_THROWS_AS(read(whole.substr(0, size)), FileError);
  }
  REQUIRE(read(whole + "any comment") == 1);
}

TEST_CASE("A flipped byte of the content is found by the CRC", "[io]") {
  const test::TemporaryFolder folder;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    std::string damaged = file_content(data_fixture(name));
    damaged[200] = static_cast<char>(damaged[200] ^ 0x10);
    ZipArchive archive(put_file(folder / "a.npz", damaged));
    REQUIRE_THROWS_AS(archive.content(archive.entries().front()), FileError);
  }
}

TEST_CASE("What cannot be read is named", "[io]") {
  const test::TemporaryFolder folder;
  const std::string whole = file_content(data_fixture("stored.npz"));
  const std::size_t directory = whole.rfind("PK\1\2");
  const auto refusal = [&](std::size_t offset, char value) {
    std::string changed = whole;
    changed[directory + offset] = value;
    return test::message_of<FileError>([&] {
      ZipArchive archive(put_file(folder / "a.npz", changed));
      static_cast<void>(archive.content(archive.entries().front()));
    });
  };
  REQUIRE_THAT(refusal(8, 1), ContainsSubstring("zip: 'arr_0.npy' is encrypted"));
  REQUIRE_THAT(refusal(10, 14), ContainsSubstring("is compressed by method 14; expected 0 (stored) or 8 (deflated)"));
  REQUIRE_THAT(refusal(16, 0), ContainsSubstring("does not match its CRC"));
  REQUIRE_THAT(refusal(42, 1), ContainsSubstring("has no local header"));
  REQUIRE_THROWS_WITH(ZipArchive(folder / "none.npz"), ContainsSubstring("does not exist"));
  REQUIRE_THROWS_WITH(ZipArchive(folder.path()), ContainsSubstring("is not a file"));
  REQUIRE_THROWS_WITH(ZipArchive(put_file(folder / "b.npz", "text")), ContainsSubstring("no directory at its end"));
}

}  // namespace
}  // namespace diffarch
