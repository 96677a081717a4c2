#!/bin/sh
# Installs the Debian or Ubuntu packages that drp, its tests and its demo need; with `test` those that the suites alone
# need too, with `bench` those that it is measured against, with `bare` what makes bare machines. Nothing is done when
# all are there. As root, or through sudo; where neither can be, the packages are named and the exit status is 10.
# usage: tests/setup/system.sh [test|bench|bare]
set -eu

packages='
  python3-venv        the virtual environment
  bubblewrap          sandboxes
  uidmap              ranges of user ids for an unprivileged drp
  util-linux          setpriv, unshare, prlimit
  mount               volumes under quota
  iproute2            network namespaces of the test hosts
  e2fsprogs           quota volumes on disk
  fuse2fs             the same, for an unprivileged drp
  restic              backups
  sqlite3             dumps of small databases in the tests
  postgresql          the application of the demo, and the journal on a server
  b3sum               the reference of the hash core
  btrfs-progs         reflinks under the hash core
  xfsprogs            the same on another file system
  mtree-netbsd        checks what manifests are exported to
  ca-certificates     TLS to repositories
  systemd             checks the units that drp prints
  openssh-client      signatures of sign-offs
  openssl             authorities and certificates of the tests
  gcc                 the optional compiled core of the hashing, and the yardstick it is measured against
  libc6-dev           the same
  libssl-dev          the same
  python3-dev         the same
'
test='
  chromium            what report pages look like: widths, and printed sheets
  rclone              an append-only server of restic repositories
'
bench='
  hashdeep            a peer
  fio                 what the disk gives
'
bare='
  mmdebstrap          minimal roots of other releases
  git                 clean clones
'
case "${1:-}" in
test) packages="$packages$test" ;;
bench) packages="$packages$test$bench" ;;
bare) packages=$bare ;;
esac
missing=''
for package in $(printf '%s' "$packages" | awk 'NF { print $1 }'); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo'
    { command -v sudo >/dev/null && sudo env true; } || {
        echo "cannot install:$missing" >&2
        echo "HINT: run as root: apt-get update && apt-get install --no-install-recommends$missing" >&2
        exit 10
    }
fi
echo "installing:$missing" >&2
# sudo drops what leads to the archive through a proxy
set -- DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"}
$as_root env "$@" apt-get -qq update >/dev/null
# shellcheck disable=SC2086
$as_root env "$@" apt-get -qq install --no-install-recommends -y $missing >/dev/null
