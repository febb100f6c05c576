# Shell functions that our scripts share. Sourced, not run. A script that sources it begins with
#
#   unset CDPATH
#   cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
#
# so that an exported CDPATH does not lead `cd` elsewhere, and a symbolic link to the script works as the script does.

# What network training needs to run on oneDNN's kernels. Debian 12 builds oneDNN for OpenCL: without OpenCL's headers and
# loader no program links it.
onednn_packages=(libdnnl-dev opencl-headers ocl-icd-opencl-dev)

# is_installed PACKAGE
is_installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# need_packages PACKAGE... [--wanted PACKAGE...]: makes sure that Debian/Ubuntu packages are installed. Prints what it
# installs, and installs it when this user may (root, or sudo without a password). Without the needed packages the
# script stops, with the exact command. Without the wanted ones it goes on, and says so.
need_packages() {
  local needed=() wanted=() kind=needed package
  for package in "$@"; do
    if [ "$package" = --wanted ]; then kind=wanted; continue; fi
    if [ "$kind" = needed ]; then needed+=("$package"); else wanted+=("$package"); fi
  done
  if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian or Ubuntu system: please install the equivalents of: ${needed[*]} ${wanted[*]}" >&2
    return 0
  fi
  local missing=() missing_wanted=()
  for package in "${needed[@]}"; do is_installed "$package" || missing+=("$package"); done
  for package in "${wanted[@]}"; do is_installed "$package" || missing_wanted+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && [ ${#missing_wanted[@]} -eq 0 ] && return 0

  local install=(apt-get install -y --no-install-recommends) become=()
  if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
      become=(sudo -n)
    elif [ ${#missing[@]} -eq 0 ]; then
      echo "Not installed, so done without: ${missing_wanted[*]}. To have them, run" >&2
      echo "  sudo ${install[*]} ${missing_wanted[*]}" >&2
      return 0
    else
      echo "Packages are missing and this user may not install them. Please run, then start again:" >&2
      echo "  sudo ${install[*]} ${missing[*]} ${missing_wanted[*]}" >&2
      exit 1
    fi
  fi
  echo "Installing Debian packages: ${missing[*]} ${missing_wanted[*]}"
  echo "  ${become[*]:+${become[*]} }${install[*]} ${missing[*]} ${missing_wanted[*]}"
  install=("${become[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}")
  # A fresh machine has no package lists, an old one stale lists: refresh them when the first try fails.
  "${install[@]}" "${missing[@]}" "${missing_wanted[@]}" >/dev/null 2>&1 && return 0
  echo "Refreshing the lists of packages first: ${become[*]:+${become[*]} }apt-get update"
  "${become[@]}" apt-get update -q >/dev/null || true
  "${install[@]}" "${missing[@]}" "${missing_wanted[@]}" >/dev/null 2>&1 && return 0
  # One by one what this release of the system has of the wanted packages, after all that is needed.
  if [ ${#missing[@]} -gt 0 ] && ! "${install[@]}" "${missing[@]}" >/dev/null; then
    echo "Installing failed. Please run, then start again:" >&2
    echo "  sudo apt-get update && sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  for package in "${missing_wanted[@]}"; do
    "${install[@]}" "$package" >/dev/null 2>&1 || echo "Could not be installed, so done without: $package" >&2
  done
}

# build_jobs: how many files to compile at a time: one for each core, as far as the memory goes (2 GB each).
build_jobs() {
  local cores memory
  cores=$(nproc 2>/dev/null || echo 2)
  memory=$(awk '/^MemAvailable/ { print int($2 / 2000000) }' /proc/meminfo 2>/dev/null || echo 2)
  [ "${memory:-2}" -lt "$cores" ] && cores=${memory:-2}
  [ "$cores" -ge 1 ] || cores=1
  echo "$cores"
}

# configure_once BUILD_DIR ARGUMENT...: configures a build folder unless it was configured with the same arguments and
# packages. (A later change of a CMakeLists.txt is noticed by the build itself, a library that was installed since is not.)
configure_once() {
  local dir=$1 stamp=$1/.configured_with packages=""
  shift
  if command -v dpkg-query >/dev/null; then
    packages=$(dpkg-query -W -f='${Package} ${Version}\n' 'lib*-dev' 'nlohmann-json3-dev' 'zlib1g-dev' 'catch2' 'doxygen' \
                 'clang*' 'python3-*' 2>/dev/null | cksum)
  fi
  if [ ! -f "$dir/CMakeCache.txt" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$* $packages" ]; then
    cmake "$@"
    printf '%s\n' "$* $packages" >"$stamp"
  fi
}
