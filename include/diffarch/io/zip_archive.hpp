#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/io/little_endian.hpp"

// Zip archives, stored or deflated, with the 64-bit sizes of zip64. Source: PKWARE, APPNOTE.TXT 6.3.

namespace diffarch::detail {

/// One file in an archive, as the central directory describes it.
struct ZipEntry {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

/// An open archive whose directory has been read.
class ZipArchive {
 public:
  explicit ZipArchive(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem)) throw FileError(path_, "does not exist; expected a zip file");
    if (!std::filesystem::is_regular_file(path, problem)) throw FileError(path_, "is not a file; expected a zip file");
    size_ = std::filesystem::file_size(path, problem);
    file_.open(path, std::ios::binary);
    if (problem || !file_) throw FileError(path_, "cannot be opened for reading");
    read_directory();
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<ZipEntry>& entries() const noexcept { return entries_; }

  /// The bytes of one file, whose length and CRC are checked.
  [[nodiscard]] std::string content(const ZipEntry& entry) {
    if ((entry.flags & 1U) != 0) fail(entry.name, "is encrypted");
    constexpr std::size_t fixed = 30;
    const std::string local = bytes(entry.offset, fixed, "local header");
    if (!local.starts_with("PK\3\4")) fail(entry.name, "has no local header where the directory says");
    const std::uint64_t begin =
        entry.offset + fixed + number<std::uint16_t>(local, 26) + number<std::uint16_t>(local, 28);
    if (begin > size_ || entry.compressed_size > size_ - begin)
      fail(entry.name, concat("claims ", entry.compressed_size, " bytes, more than follow; the archive is truncated"));
    constexpr std::uint16_t stored = 0;
    constexpr std::uint16_t deflated = 8;
    std::string content;
    if (entry.method == stored) {
      if (entry.size != entry.compressed_size) fail(entry.name, "is stored, but with two lengths; it is damaged");
      content = bytes(begin, entry.size, entry.name);
    } else if (entry.method == deflated) {
      content = inflated(entry, begin);
    } else {
      fail(entry.name, concat("is compressed by method ", entry.method, "; expected 0 (stored) or 8 (deflated)"));
    }
    if (crc_of(content) != entry.crc) fail(entry.name, "does not match its CRC; it is damaged");
    return content;
  }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& problem) const {
    throw FileError(path_, concat("zip: '", name, "' ", problem));
  }

  [[nodiscard]] static std::uint32_t crc_of(const std::string& content) {
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const unsigned char*>(content.data()), content.size()));
  }

  template <class T>
  [[nodiscard]] T number(std::string_view bytes, std::size_t at) const {
    if (bytes.size() < sizeof(T) || at > bytes.size() - sizeof(T))
      throw FileError(path_, "zip: a field of the directory is cut short; the archive is damaged");
    return from_little_endian<T>(reinterpret_cast<const unsigned char*>(bytes.data()) + at);
  }

  /// `size` bytes from `begin`. Both come from the file, so they are compared with its length first.
  [[nodiscard]] std::string bytes(std::uint64_t begin, std::uint64_t size, const std::string& what) {
    if (begin > size_ || size > size_ - begin)
      throw FileError(path_, concat("zip: ", what, " is expected at byte ", begin, ", beyond the end of the file"));
    std::string content(static_cast<std::size_t>(size), '\0');
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(begin));
    file_.read(content.data(), static_cast<std::streamsize>(size));
    if (static_cast<std::uint64_t>(file_.gcount()) != size) throw FileError(path_, "cannot be read to its end");
    return content;
  }

  /// Inflates in blocks: memory grows with what the file delivers, and a damaged length cannot claim more.
  [[nodiscard]] std::string inflated(const ZipEntry& entry, std::uint64_t begin) {
    const std::string compressed = bytes(begin, entry.compressed_size, entry.name);
    z_stream stream{};
    constexpr int raw_deflate = -MAX_WBITS;
    if (inflateInit2(&stream, raw_deflate) != Z_OK) throw OutOfMemory(path_ + ": no memory to inflate");
    constexpr std::size_t block = std::size_t{1} << 20U;
    std::string content;
    int code = Z_OK;
    std::size_t given = 0;
    while (code == Z_OK && content.size() <= entry.size) {
      if (stream.avail_in == 0) {
        const std::size_t next = std::min(block, compressed.size() - given);
        stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(compressed.data())) + given;
        stream.avail_in = static_cast<unsigned>(next);
        given += next;
      }
      const std::size_t before = content.size();
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block, entry.size - before + 1));
      content.resize(before + wanted);
      stream.next_out = reinterpret_cast<unsigned char*>(content.data()) + before;
      stream.avail_out = static_cast<unsigned>(wanted);
      code = inflate(&stream, Z_NO_FLUSH);
      content.resize(before + wanted - std::min<std::size_t>(stream.avail_out, wanted));
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END || content.size() != entry.size)
      fail(entry.name, concat("does not inflate to its ", entry.size, " bytes; the archive is damaged"));
    return content;
  }

  /// Finds and reads the directory by the record at the end of the file. A comment of up to 65535 bytes may follow that
  /// record.
  void read_directory() {
    constexpr std::uint64_t fixed = 22;
    const std::uint64_t tail_size = std::min<std::uint64_t>(size_, fixed + 65535);
    const std::string tail = bytes(size_ - tail_size, tail_size, "end record");
    const std::size_t at = tail.rfind("PK\5\6");
    if (at == std::string::npos || tail.size() - at < fixed)
      throw FileError(path_, "zip: has no directory at its end; the archive is truncated, or no zip file");
    std::uint64_t count = number<std::uint16_t>(tail, at + 10);
    std::uint64_t directory_size = number<std::uint32_t>(tail, at + 12);
    std::uint64_t begin = number<std::uint32_t>(tail, at + 16);
    const std::uint64_t end_record = size_ - tail_size + at;
    constexpr std::uint64_t locator_size = 20;
    if (end_record >= locator_size) {
      const std::string locator = bytes(end_record - locator_size, locator_size, "zip64 locator");
      if (locator.starts_with("PK\6\7")) {
        const std::string record = bytes(number<std::uint64_t>(locator, 8), 56, "zip64 end record");
        if (!record.starts_with("PK\6\6")) throw FileError(path_, "zip: has no zip64 end record where it says");
        count = number<std::uint64_t>(record, 32);
        directory_size = number<std::uint64_t>(record, 40);
        begin = number<std::uint64_t>(record, 48);
      }
    }
    const std::string directory = bytes(begin, directory_size, "the directory");
    std::size_t position = 0;
    for (std::uint64_t i = 0; i < count; ++i) position = read_entry(directory, position);
  }

  /// Reads the entry at `position`; returns where the next one is.
  std::size_t read_entry(const std::string& directory, std::size_t position) {
    constexpr std::size_t fixed = 46;
    if (directory.compare(position, 4, "PK\1\2") != 0)
      throw FileError(path_, concat("zip: entry ", entries_.size(), " of the directory is damaged"));
    ZipEntry entry;
    entry.flags = number<std::uint16_t>(directory, position + 8);
    entry.method = number<std::uint16_t>(directory, position + 10);
    entry.crc = number<std::uint32_t>(directory, position + 16);
    entry.compressed_size = number<std::uint32_t>(directory, position + 20);
    entry.size = number<std::uint32_t>(directory, position + 24);
    entry.offset = number<std::uint32_t>(directory, position + 42);
    const std::size_t name_size = number<std::uint16_t>(directory, position + 28);
    const std::size_t extra_size = number<std::uint16_t>(directory, position + 30);
    const std::size_t comment_size = number<std::uint16_t>(directory, position + 32);
    if (directory.size() - position < fixed + name_size + extra_size + comment_size)
      throw FileError(path_, concat("zip: entry ", entries_.size(), " of the directory is cut short"));
    entry.name = directory.substr(position + fixed, name_size);
    read_zip64(std::string_view(directory).substr(position + fixed + name_size, extra_size), entry);
    entries_.push_back(std::move(entry));
    return position + fixed + name_size + extra_size + comment_size;
  }

  /// Replaces the numbers that did not fit 32 bits by those of the extra field 1, which has only these.
  void read_zip64(std::string_view extra, ZipEntry& entry) const {
    constexpr std::uint64_t elsewhere = 0xFFFFFFFF;
    while (extra.size() >= 4) {
      const auto kind = number<std::uint16_t>(extra, 0);
      const std::size_t size = number<std::uint16_t>(extra, 2);
      if (size > extra.size() - 4) return;  // what other programs put there is theirs
      const std::string_view field = extra.substr(4, size);
      extra = extra.substr(4 + size);
      if (kind != 1) continue;
      std::size_t at = 0;
      for (std::uint64_t* value : {&entry.size, &entry.compressed_size, &entry.offset})
        if (*value == elsewhere) {
          *value = number<std::uint64_t>(field, at);
          at += sizeof(std::uint64_t);
        }
      return;
    }
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace diffarch::detail
