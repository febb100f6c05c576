# Shell functions that examples/run.sh, tests/run.sh and benchmarks/run.sh share. Sourced, not run.

# need_packages PACKAGE...: makes sure that Debian/Ubuntu packages are installed. Installs the missing ones when this
# user may (root, or sudo without a password), else prints the exact command and stops.
need_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian or Ubuntu system: please install the equivalents of: $*" >&2
    return 0
  fi
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local install=(apt-get install -y --no-install-recommends "${missing[@]}") become=()
  if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
      become=(sudo -n)
    else
      echo "Packages are missing and this user may not install them. Please run, then start again:" >&2
      echo "  sudo ${install[*]}" >&2
      exit 1
    fi
  fi
  echo "Installing: ${missing[*]}"
  # A fresh machine has no package lists, an old one stale lists: refresh them when the first try fails.
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null 2>&1 && return 0
  "${become[@]}" apt-get update -q >/dev/null || true
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null && return 0
  echo "Installing failed. Please run, then start again:" >&2
  echo "  sudo apt-get update && sudo ${install[*]}" >&2
  exit 1
}

# configure_once BUILD_DIR ARGUMENT...: configures a build folder unless it was configured with the same arguments.
# (A later change of a CMakeLists.txt is noticed by the build itself.)
configure_once() {
  local dir=$1 stamp=$1/.configured_with
  shift
  if [ ! -f "$dir/CMakeCache.txt" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
    cmake "$@"
    printf '%s\n' "$*" >"$stamp"
  fi
}
