#!/bin/sh
# Puts Debian's Prometheus and promtool below a cache directory, for the tests of dashboards and rules: unpacked from the
# package, which is not installed, for that would start a server on this machine. Nothing is done where it is installed.
#
# usage: tests/setup/prometheus.sh [CACHE_DIRECTORY]        (default: .cache beside the project's pyproject.toml)
# result: CACHE_DIRECTORY/prometheus/usr/bin
# Idempotent.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${1:-$here/.cache}
! command -v prometheus >/dev/null || ! command -v promtool >/dev/null || exit 0
[ ! -x "$cache/prometheus/usr/bin/prometheus" ] || exit 0
mkdir -p "$cache"
folder=$(CDPATH='' cd -- "$cache" && pwd)
work=$(mktemp -d "$folder/.prometheus-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"
(
    cd "$work"
    apt-get -qq -o APT::Sandbox::User=root download prometheus >&2
    dpkg -x prometheus_*.deb "$work/unpacked"
)
"$work/unpacked/usr/bin/prometheus" --version >&2
rm -rf "$folder/prometheus"
mv "$work/unpacked" "$folder/prometheus"
