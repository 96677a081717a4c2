"""Whether what drills say of patients and machines is closed to those who are nobody to it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from drp.cli.need import Need
from drp.cli.words import first
from drp.config.site import Site
from drp.domain.phrase import say, several

_MOST = 20_000
_SHOWN = 3
_OTHERS_READ, _OTHERS_PASS = stat.S_IROTH, stat.S_IXOTH


def closed_to_others(site: Site) -> Need:
    """Say which folders and files of evidence, manifests, journal and state everybody may read, and what closes them.

    What an administrator has opened stays open, since he may have had a reason: it stops no drill.
    """
    found = sorted({place for root in _roots(site) for place in _open_below(root)})
    if not found:
        detail = say("evidence, manifests, journal and state are readable by their owner and group alone")
        return Need(name="closed to others", met=True, detail=detail)
    shown = [shlex.quote(str(place)) for place in found[:_SHOWN]]
    detail = say(
        "everybody may read {folders}; unless that is meant: chmod -R o-rwx {shown}",
        folders=first(list(map(str, found)), _SHOWN),
        shown=several(map(str, shown), " "),
    )
    return Need(name="closed to others", met=True, detail=detail)


def _roots(site: Site) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield each place that is to be closed, with the names below it that are open for a reason."""
    yield from ((each, frozenset()) for each in (*site.evidence_directories, site.manifests_directory))
    yield site.state_directory, frozenset({"run"})  # which the users of sandboxes have to walk through
    if isinstance(site.journal, Path):
        tails = ("", "-wal", "-shm")
        yield from ((site.journal.with_name(site.journal.name + tail), frozenset()) for tail in tails)


def _open_below(root: tuple[Path, frozenset[str]]) -> Iterator[Path]:
    """Yield the topmost of a place that others may read, if they can come to it from the place itself."""
    waiting, seen = [root[0]], 0
    while waiting and seen < _MOST:
        place = waiting.pop()
        seen += 1
        try:
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                continue
            if mode & _OTHERS_READ:
                yield place
            elif stat.S_ISDIR(mode) and mode & _OTHERS_PASS:  # its names are hidden, and can be guessed
                waiting += [Path(each.path) for each in os.scandir(place) if each.name not in root[1]]
        except OSError:
            continue  # not there, or of another user, which other needs say
