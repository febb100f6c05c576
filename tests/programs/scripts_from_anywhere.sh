#!/usr/bin/env bash
# scripts_from_anywhere.sh SOURCE WORK: every script of the tree finds the tree, whatever CDPATH is exported, by symbolic
# links, from other folders, and in a folder whose name has a blank. In a copy, whose cmake/setup.sh only says where it is.
set -euo pipefail
unset CDPATH
source=$1
work=$2
rm -rf "$work"
tree="$work/a tree"
mkdir -p "$tree/cmake" "$work/links" "$work/elsewhere"
# What `cd` finds first with the CDPATH below.
mkdir -p "$work/decoy/examples" "$work/decoy/tests" "$work/decoy/benchmarks" "$work/decoy/cmake" "$work/decoy/.ci"
scripts=$(cd -- "$source" && grep -lE '^cd .*BASH_SOURCE' .ci/run ./*/*.sh)
count=0
for script in $scripts; do
  mkdir -p "$tree/$(dirname "$script")"
  cp "$source/$script" "$tree/$script"
done
printf 'echo "tree=$PWD"\nexit 0\n' >"$tree/cmake/setup.sh"
expected="tree=$(readlink -f "$tree")"

# check HOW FOLDER COMMAND...: the command, run in the folder, is in the tree.
check() {
  local how=$1 folder=$2 got
  shift 2
  got=$(cd -- "$folder" && CDPATH="$work/decoy" "$@" 2>&1) || true
  if [ "$got" != "$expected" ]; then
    echo "$how: got '$got', expected '$expected'" >&2
    exit 1
  fi
  count=$((count + 1))
}
for script in $scripts; do
  check "$script with CDPATH" "$tree" "$script"
  check "bash $script" "$tree" bash "$script"
  check "$script from its folder" "$tree/$(dirname "$script")" "./$(basename "$script")"
  check "$script from elsewhere" "$work/elsewhere" "$tree/$script"
  ln -sf "$tree/$script" "$work/links/absolute"
  check "a link to $script" "$work/links" ./absolute
  check "the same from elsewhere" "$work/elsewhere" ../links/absolute
  ln -sf "../a tree/$script" "$work/links/relative"
  check "a relative link to $script" "$work/elsewhere" "$work/links/relative"
  ln -sf relative "$work/links/twice"
  check "a link to a link to $script" "$work/links" ./twice
done
[ "$count" -ge 40 ] || { echo "expected at least five scripts, found: $scripts" >&2; exit 1; }
echo "$count ways"
