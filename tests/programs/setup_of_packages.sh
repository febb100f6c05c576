#!/usr/bin/env bash
# setup_of_packages.sh SOURCE WORK: need_packages of cmake/setup.sh, with stand-ins for dpkg-query, apt-get, id and sudo.
# What is installed is listed in WORK/installed, what the package lists hold in WORK/known, and what was done in WORK/done.
set -euo pipefail
source=$1
work=$2
rm -rf "$work"
mkdir -p "$work/bin"
export work
cat >"$work/bin/dpkg-query" <<'STUB'
#!/usr/bin/env bash
grep -qx "${@: -1}" "$work/installed" && echo installed
STUB
cat >"$work/bin/apt-get" <<'STUB'
#!/usr/bin/env bash
echo "apt-get $*" | tee -a "$work/done"
if [ "$1" = update ]; then cp "$work/online" "$work/known"; exit 0; fi
shift
for package in "$@"; do
  case $package in -*) continue ;; esac
  grep -qx "$package" "$work/known" || { echo "E: Unable to locate package $package" >&2; exit 100; }
done
for package in "$@"; do echo "$package" >>"$work/installed"; done
STUB
printf '#!/usr/bin/env bash\ncat "$work/user"\n' >"$work/bin/id"
printf '#!/usr/bin/env bash\nexit 1\n' >"$work/bin/sudo"
chmod +x "$work/bin/"*

# check STATUS USER INSTALLED KNOWN ONLINE NEEDED [--wanted WANTED]: lists are words in one argument. Sets `said`.
check() {
  local expected=$1 status=0
  echo "$2" >"$work/user"
  printf '%s\n' $3 >"$work/installed"
  printf '%s\n' $4 >"$work/known"
  printf '%s\n' $5 >"$work/online"
  : >"$work/done"
  shift 5
  said=$(PATH="$work/bin:$PATH" bash -c '. "$0/cmake/setup.sh"; need_packages "$@"; echo "went on"' "$source" "$@" 2>&1) ||
    status=$?
  [ "$status" -eq "$expected" ] || fail "ended with $status, expected $expected"
}
fail() { echo "need_packages: $1; it said: $said; it did: $(cat "$work/done")" >&2; exit 1; }
says() { case $said in *"$1"*) ;; *) fail "expected it to say '$1'" ;; esac; }
did() { [ "$(cat "$work/done")" = "$1" ] || fail "expected it to do '$1'"; }
has() { grep -qx "$1" "$work/installed" || fail "expected $1 to be installed"; }
install='apt-get install -y --no-install-recommends'

check 0 0 "a b" "" "" a b --wanted a
[ "$said" = "went on" ] || fail "expected silence where nothing is missing"
did ""

# Says what it installs, and the command, before anything is done; needed and wanted ones together.
check 0 0 "a" "a b c" "" a b --wanted c
says $'Installing Debian packages: b c\n  apt-get install -y --no-install-recommends b c\nwent on'
did "$install b c"
has c

# A machine without lists of packages.
check 0 0 "" "" "a b" a --wanted b
says "Refreshing the lists of packages first: apt-get update"
did "$install a b"$'\napt-get update -q\n'"$install a b"
has b

# A system that has no such wanted package goes on without it, and with the others.
check 0 0 "" "" "a c" a --wanted b c
says "Could not be installed, so done without: b"
has a
has c

# One that has not what is needed does not.
check 1 0 "" "" "c" a --wanted c
says "Installing failed. Please run, then start again:"
says "sudo apt-get update && sudo apt-get install a"

# A user who may not install.
check 1 1000 "" "a b" "" a --wanted b
says "Packages are missing and this user may not install them. Please run, then start again:"
says "  sudo $install a b"
did ""
check 0 1000 "a" "a b" "" a --wanted b
says "Not installed, so done without: b. To have them, run"
says "  sudo $install b"
did ""
echo "need_packages does what it says"
