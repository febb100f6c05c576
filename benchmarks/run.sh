#!/usr/bin/env bash
# Builds the benchmarks and measures this library against PyTorch, NumPy / SciPy and scikit-learn on this machine.
#
#   benchmarks/run.sh [--quick] [any other option of benchmarks/peers; --help lists them]
#
# Installs the packages it needs when it may (Debian 12, Ubuntu), otherwise prints the command that does.
# Results: results/peers (the table as peers.md, all numbers in peers.json, plots). Wants a quiet machine.
set -euo pipefail
invoked_from=$PWD
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
. cmake/setup.sh

need_packages g++ cmake make libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev libbenchmark-dev \
  "${onednn_packages[@]}" gnuplot-nox dataset-fashion-mnist python3-numpy python3-scipy \
  python3-sklearn python3-torch libopenblas0-openmp

configure_once build/benchmarks --preset benchmarks
cmake --build --preset benchmarks --parallel "$(build_jobs)"
# Files given by the user, and the results, are relative to where the user is. Debian's packages belong to its Python.
root=$PWD
cd "$invoked_from"
/usr/bin/python3 "$root/benchmarks/peers" "$root/build/benchmarks" "$@"
