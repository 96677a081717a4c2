#!/bin/sh
# Prints where BLAKE3's C sources are, for the optional compiled core of the hashing: installed, or unpacked from
# Debian's package below the folder that is named, without installing that package and its dependencies. Prints
# nothing where libblake3 is installed as a library. usage: tests/setup/blake3.sh FOLDER
set -eu

mkdir -p "$1/blake3"
folder=$(CDPATH='' cd -- "$1/blake3" && pwd)
for sources in /usr/share/cargo/registry/blake3-*/c "$folder"/usr/share/cargo/registry/blake3-*/c; do
    if [ -e "$sources/blake3.c" ]; then
        echo "$sources"
        exit 0
    fi
done
if command -v pkg-config >/dev/null && pkg-config --exists libblake3; then
    exit 0
fi
(
    cd "$(mktemp -d)"
    chmod 777 .
    apt-get -qq download librust-blake3-dev >&2
    dpkg -x librust-blake3-dev*.deb "$folder"
    rm -- librust-blake3-dev*.deb
)
for sources in "$folder"/usr/share/cargo/registry/blake3-*/c; do
    [ -e "$sources/blake3.c" ] && echo "$sources" && exit 0
done
echo "cannot find BLAKE3's C sources" >&2
echo "HINT: install libblake3-dev or librust-blake3-dev" >&2
exit 1
