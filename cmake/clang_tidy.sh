#!/usr/bin/env bash
# Runs clang-tidy over every header of the library with the checks of .clang-tidy: each header by itself, then the
# templates as the figure programs instantiate them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=(-std=c++20 -fopenmp -Iinclude -Iexamples -isystem /usr/include/eigen3 -isystem /usr/include/stb -DDIFFARCH_HAS_STB
       -DDIFFARCH_HAS_ZLIB)
find include -name '*.hpp' | sort | xargs -P 2 -I{} clang-tidy --quiet {} -- -x c++ "${flags[@]}"
find examples -maxdepth 1 -name '*.cpp' | sort | xargs -P 2 -I{} clang-tidy --quiet {} -- "${flags[@]}"
echo "clang-tidy: clean"
