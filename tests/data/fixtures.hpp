#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.hpp"

namespace diffarch::test {

/// A file that make_fixtures.py wrote.
[[nodiscard]] inline std::filesystem::path data_fixture(const std::string& name) {
  return std::filesystem::path(DIFFARCH_DATA_FIXTURES) / name;
}

}  // namespace diffarch::test
