#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy over the example programs: they include every header of the library and
# instantiate its templates.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
. cmake/setup.sh
need_packages g++ clang-tidy libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev
flags=(-std=c++20 -fopenmp -Iinclude -Iexamples -isystem /usr/include/eigen3 -isystem /usr/include/stb -DDIFFARCH_HAS_STB
       -DDIFFARCH_HAS_ZLIB)
find examples -name '*.cpp' | sort | xargs -P 2 -I{} clang-tidy --quiet {} -- "${flags[@]}"
echo "clang-tidy: clean"
