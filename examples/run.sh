#!/usr/bin/env bash
# Builds the example programs and runs the main job: figure 5 on Fashion-MNIST, or on your own images. With --all every
# program, into one page, report.html; what an earlier run has completed is not run again.
#
#   examples/run.sh [--data DIR] [--quick] [any other option of fig5_linear_bottleneck; --help lists them]
#   examples/run.sh --all [--data DIR] [--range LOW:HIGH] [--layout L] [--channels C] [--quick] [--out DIR]
#
# Installs the packages it needs when it may (Debian 12, Ubuntu), otherwise prints the command that does.
set -euo pipefail
invoked_from=$PWD
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
. cmake/setup.sh

packages=(g++ cmake make libeigen3-dev libstb-dev zlib1g-dev libcli11-dev nlohmann-json3-dev gnuplot-nox)
case " $* " in *" --data "* | *" --data="*) ;; *) packages+=(dataset-fashion-mnist) ;; esac

all=false
others=()
for option in "$@"; do
  if [ "$option" = --all ]; then all=true; else others+=("$option"); fi
done
if $all; then
  packages+=(python3 --wanted "${onednn_packages[@]}")
  need_packages "${packages[@]}"
  run_all=(python3 "$PWD/examples/run_all.py" --programs "$PWD/build/examples/examples" "${others[@]}")
  case " ${others[*]} " in *" --help "* | *" -h "*) exec "${run_all[@]}" ;; esac
  (cd "$invoked_from" && "${run_all[@]}" --check) # before building takes its time
  configure_once build/examples --preset examples
  cmake --build --preset examples --parallel "$(build_jobs)"
  cd "$invoked_from"
  exec "${run_all[@]}"
fi

need_packages "${packages[@]}"
configure_once build/examples --preset examples
cmake --build --preset examples --target fig5_linear_bottleneck

# Relative folders given by the user, and the results, are relative to where the user is.
program=$PWD/build/examples/examples/fig5_linear_bottleneck
cd "$invoked_from"
"$program" "$@"
