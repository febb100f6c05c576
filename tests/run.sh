#!/usr/bin/env bash
# Builds and runs all tests. Installs the packages it needs when it may (Debian 12, Ubuntu), otherwise prints the command.
# Its last lines say what was not tested here and why, and how many tests passed.
#
#   tests/run.sh [PRESET]        PRESET: tests (default), clang, sanitize, thread_sanitize, debug, release or cuda
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
. cmake/setup.sh
preset=${1:-tests}

packages=()
if [ "$preset" = clang ]; then packages=(clang libomp-dev); fi
need_packages g++ cmake make libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev gnuplot-nox catch2 "${packages[@]}" \
  dataset-fashion-mnist python3 --wanted "${onednn_packages[@]}" python3-numpy libopenmpi-dev openmpi-bin \
  clang libclang-rt-dev doxygen libjs-mathjax

jobs=$(build_jobs)
configure_once "build/$preset" --preset "$preset"
cmake --build --preset "$preset" --parallel "$jobs"
status=0
ctest --preset "$preset" -j "$jobs" --output-junit "$PWD/build/$preset/tests.xml" | tee "build/$preset/tests.log" || status=$?
echo
awk -f tests/not_tested.awk "build/$preset/tests.xml"
grep 'tests passed, ' "build/$preset/tests.log" || true
exit "$status"
