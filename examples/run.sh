#!/usr/bin/env bash
# Builds the example programs and runs the main job: figure 5 on Fashion-MNIST, or on your own images.
#
#   examples/run.sh [--data DIR] [--quick] [any other option of fig5_linear_bottleneck; --help lists them]
#
# Installs the packages it needs when it may (Debian 12, Ubuntu), otherwise prints the command that does.
set -euo pipefail
invoked_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. cmake/setup.sh

packages=(g++ cmake make libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev gnuplot-nox)
case " $* " in *" --data "* | *" --data="*) ;; *) packages+=(dataset-fashion-mnist) ;; esac
need_packages "${packages[@]}"

configure_once build/examples --preset examples
cmake --build --preset examples --target fig5_linear_bottleneck

# Relative folders given by the user, and the results, are relative to where the user is.
program=$PWD/build/examples/examples/fig5_linear_bottleneck
cd "$invoked_from"
"$program" "$@"
