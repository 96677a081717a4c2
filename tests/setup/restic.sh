#!/bin/sh
# Puts two restic versions side by side below a cache directory: the reduced mode (older than 0.17.1, as in Debian 12)
# and the current one (0.17.1 or newer, as in Debian 13). Nothing is installed: packages are fetched through apt with
# a private configuration whose mirror is the one this machine already uses, and unpacked.
#
# usage: tests/setup/restic.sh [CACHE_DIRECTORY]        (default: .cache beside the project's pyproject.toml)
# result: CACHE_DIRECTORY/restic/<version>/restic
# Idempotent: with both versions there it ends at once. Ends with 1, and says which, when one cannot be had here.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${1:-$here/.cache}
mkdir -p "$cache/restic"
store=$(CDPATH='' cd -- "$cache/restic" && pwd)
architecture=$(dpkg --print-architecture)
work=''
trap '[ -z "$work" ] || rm -rf "$work"' EXIT INT TERM

version_of() { "$1" version 2>/dev/null | sed -n 's/^restic \([0-9][0-9.]*\).*/\1/p'; }

kind_of() { # reduced: before 0.17.1, the first with an exit code for every kind of refusal
    if dpkg --compare-versions "$1" ge 0.17.1; then echo current; else echo reduced; fi
}

have() { # have KIND: is a version of that kind in the store?
    for found in "$store"/*/restic; do
        [ -x "$found" ] || continue
        version=$(version_of "$found")
        [ -n "$version" ] && [ "$(kind_of "$version")" = "$1" ] && return 0
    done
    return 1
}

keep() { # keep EXECUTABLE: copy it into the store under its version, whole or not at all
    version=$(version_of "$1")
    [ -n "$version" ] || return 1
    mkdir -p "$store/$version"
    cp "$1" "$store/$version/.restic.$$"
    chmod 0755 "$store/$version/.restic.$$"
    mv "$store/$version/.restic.$$" "$store/$version/restic"
}

suites_for() { # the releases of this distribution that carry the wanted kind, best first
    case "$1:$2" in
    debian:reduced) echo 'bookworm' ;;
    debian:current) echo 'trixie forky sid' ;;
    ubuntu:reduced) echo 'noble jammy' ;;
    ubuntu:current) echo 'questing resolute plucky' ;;
    *) echo '' ;;
    esac
}

own_source() { # address of the archive that this machine takes packages of that component from
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI)|$(COMPONENT)|$(CODENAME)' 'Created-By: Packages' |
        grep -v -e '-security$' -e '-security/' | awk -F'|' -v want="$1" '$2 == want { print $1; exit }'
}

fetch() { # fetch SUITE COMPONENT: unpack that suite's restic into $work/SUITE, with apt's own verification
    uri=$(own_source "$2")
    keyring=/usr/share/keyrings/$distribution-archive-keyring.gpg
    [ -n "$uri" ] && [ -r "$keyring" ] || return 1
    private=$work/$1
    mkdir -p "$private/lists/partial" "$private/archives/partial" "$private/state" "$private/etc/preferences.d"
    : >"$private/state/status"
    printf 'deb [signed-by=%s] %s %s %s\n' "$keyring" "$uri" "$1" "$2" >"$private/etc/sources.list"
    set -- "$1" -o "Dir::Etc::SourceList=$private/etc/sources.list" -o Dir::Etc::SourceParts=- \
        -o "Dir::Etc::PreferencesParts=$private/etc/preferences.d" -o Dir::Etc::Preferences=/dev/null \
        -o "Dir::State=$private/state" -o "Dir::State::Lists=$private/lists" -o "Dir::State::status=$private/state/status" \
        -o "Dir::Cache=$private" -o "Dir::Cache::Archives=$private/archives" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::Check-Valid-Until=false -o Acquire::Retries=2 -o "APT::Architecture=$architecture"
    suite=$1
    shift
    apt-get -qq "$@" update >"$private/log" 2>&1 || { tail -n 3 "$private/log" >&2; return 1; }
    (cd "$private" && apt-get -qq "$@" download restic) >>"$private/log" 2>&1 || { tail -n 3 "$private/log" >&2; return 1; }
    dpkg -x "$private"/restic_*.deb "$private/unpacked" || return 1
    echo "restic from $suite: $(version_of "$private/unpacked/usr/bin/restic")" >&2
}

provide() { # provide KIND: from this machine, else from a neighbouring release of its distribution
    have "$1" && return 0
    own=$(command -v restic 2>/dev/null || true)
    if [ -n "$own" ]; then
        version=$(version_of "$own")
        if [ -n "$version" ] && [ "$(kind_of "$version")" = "$1" ]; then keep "$own" && return 0; fi
    fi
    [ -n "$work" ] || work=$(mktemp -d)
    # shellcheck disable=SC1091
    distribution=$(. /etc/os-release && echo "$ID")
    component=main
    [ "$distribution" = ubuntu ] && component=universe
    for suite in $(suites_for "$distribution" "$1"); do
        fetch "$suite" "$component" || continue
        version=$(version_of "$work/$suite/unpacked/usr/bin/restic")
        if [ -n "$version" ] && [ "$(kind_of "$version")" = "$1" ]; then
            keep "$work/$suite/unpacked/usr/bin/restic" && return 0
        fi
    done
    echo "restic: no $1 version can be had on this machine (tried: $(suites_for "$distribution" "$1"))" >&2
    return 1
}

status=0
for kind in reduced current; do provide "$kind" || status=1; done
for found in "$store"/*/restic; do [ -x "$found" ] && echo "$found"; done
exit $status
