# cmake -DSOURCE_DIR=<repository> -DVERSION=0.1.0 -P check_versions.cmake
# The version of include/diffarch/version.hpp, which CMake reads, is that of every other file that has to name it.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "." "\\." pattern "${VERSION}")
string(REGEX REPLACE "^([0-9]+\\.[0-9]+).*" "\\1" minor "${VERSION}")
set(problems "")
foreach(rule IN ITEMS "CITATION.cff@\nversion: ${pattern}\n" "CHANGELOG.md@\n## \\[${pattern}\\]"
                      "cmake/packaging/vcpkg/diffarch/vcpkg.json@\"version\": \"${pattern}\""
                      "cmake/packaging/conan/conanfile.py@ version = \"${pattern}\""
                      "README.md@find_package\\(diffarch ${minor} ")
  string(REGEX REPLACE "@.*" "" file "${rule}")
  string(REGEX REPLACE "^[^@]*@" "" expected "${rule}")
  file(READ "${SOURCE_DIR}/${file}" text)
  if(NOT text MATCHES "${expected}")
    list(APPEND problems "${file} does not name version ${VERSION}: expected a match of '${expected}'")
  endif()
endforeach()
include("${CMAKE_CURRENT_LIST_DIR}/report_problems.cmake")
