#!/usr/bin/env bash
# Builds and runs all tests. Installs the packages it needs when it may (Debian 12, Ubuntu), otherwise prints the command.
#
#   tests/run.sh [PRESET]        PRESET: release (default), debug or sanitize
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. cmake/setup.sh
preset=${1:-release}

need_packages g++ cmake make libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev gnuplot-nox catch2 \
  dataset-fashion-mnist python3 python3-numpy libopenmpi-dev openmpi-bin clang libclang-rt-dev doxygen libjs-mathjax

configure_once "build/$preset" --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" -j2
