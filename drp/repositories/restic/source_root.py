"""Finds where a restored tree begins.

restic stores an absolute path whole, and a relative one from where the backup was started, while the snapshot's
``paths`` are absolute either way. So the tree itself is asked: the longest tail of the path that is in it, wins.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from drp.domain.strict_json import Malformed, parse
from drp.repositories.restic.answers import PRINTED


def tails(path: str) -> tuple[str, ...]:
    """Return the places in the tree where a backed-up path may be, longest first: /a/b/c, /b/c, /c."""
    parts = [part for part in _absolute(path).split("/") if part]
    return tuple("/" + "/".join(parts[start:]) for start in range(len(parts)))


def _absolute(path: str) -> str:
    """Return the path without ``..``: a hostile one must not lead out of the restored tree."""
    return posixpath.normpath("/" + path.lstrip("/"))


def folders_to_list(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the folders whose direct children tell which tails are in the tree."""
    folders = {posixpath.dirname(tail) for path in paths for tail in tails(path)}
    # restic lists the children of each folder named; the parents of a tail's parents lead the walk there
    folders |= {parent for folder in tuple(folders) for parent in _parents(folder)}
    return tuple(sorted(folders))


def _parents(path: str) -> Iterable[str]:
    while path != "/":
        path = posixpath.dirname(path)
        yield path


class TreeListing:
    """Takes the lines of ``restic ls --json`` and remembers only the places asked for."""

    def __init__(self, paths: Sequence[str], also: Iterable[str] = ()) -> None:
        """Take the paths that the snapshot names, and other places to look for."""
        self.paths = paths
        self._wanted = {*also, *(tail for path in paths for tail in tails(path))}
        self.kinds: dict[str, str] = {}
        """Place → what is there, as restic calls it: ``dir``, ``file``, ``symlink`` …"""

    def take(self, line: str) -> None:
        """Read one line; what is no node is passed over."""
        try:
            node = parse(line, PRINTED)
        except Malformed:
            return
        place = node.get("path") if isinstance(node, dict) else None
        if not isinstance(place, str):
            return
        self.seen(place)
        if place in self._wanted:
            self.kinds[place] = str(node.get("type"))

    def seen(self, place: str) -> None:
        """Take the place of a node."""

    def root(self) -> str:
        """Return the root of the backed-up tree; of several paths, their nearest common folder.

        A tree has a folder for a root: of a single file (``restic backup --stdin``), it is the one that the file is in.
        """
        roots = [next((tail for tail in tails(path) if tail in self.kinds), "/") for path in self.paths]
        common = posixpath.commonpath(roots) if roots else "/"
        return common if self.kinds.get(common, "dir") == "dir" else posixpath.dirname(common)


def declared_root(paths: Sequence[str]) -> str:
    """Return the root as the snapshot declares it, for a tree that cannot be read."""
    absolute = [_absolute(path) for path in paths if path.startswith("/")]
    return posixpath.commonpath(absolute) if absolute else "/"


class FoldersBelow:
    """Takes the lines of ``restic ls --json`` and remembers the folders directly below one."""

    def __init__(self, folder: str) -> None:
        """Take the folder."""
        self._folder = _absolute(folder)
        self.found: list[str] = []

    def take(self, line: str) -> None:
        """Read one line; what is no node is passed over."""
        try:
            node = parse(line, PRINTED)
        except Malformed:
            return
        place = node.get("path") if isinstance(node, dict) and node.get("type") == "dir" else None
        if isinstance(place, str) and place != "/" and posixpath.dirname(place) == self._folder:
            self.found.append(place)
