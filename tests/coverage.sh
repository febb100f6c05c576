#!/usr/bin/env bash
# Which lines of include/ the tests of the host reach: builds diffarch_tests with clang++ without optimisation, runs it,
# and prints gcovr's table (all of it in build/coverage/coverage.txt).
#
#   tests/coverage.sh
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
. cmake/setup.sh
need_packages g++ clang cmake make libomp-dev llvm gcovr libeigen3-dev libstb-dev zlib1g-dev libcli11-dev \
  nlohmann-json3-dev gnuplot-nox catch2 dataset-fashion-mnist
configure_once build/coverage --preset coverage
cmake --build --preset coverage --target diffarch_tests
build/coverage/tests/diffarch_tests
gcov=$(command -v llvm-cov || ls /usr/bin/llvm-cov-* | sort -V | tail -n 1)
gcovr --root . --filter include/ --gcov-executable "$gcov gcov" build/coverage -o build/coverage/coverage.txt \
  --print-summary
echo "Files with lines that no test reaches:"
awk '$1 ~ /[.]hpp$/ && NF == 5' build/coverage/coverage.txt
