"""Where in a snapshot's tree an application's sub-path is, and what is there.

A tree begins where a backed-up path has lost its first names, see `source_root`; a sub-path at, below or above one of
the backed-up paths has lost the same ones.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from drp.domain.manifest import show_path
from drp.domain.phrase import NOTHING, Phrase, fact, several
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import absent, empty_folder, no_folder
from drp.domain.strict_json import Malformed, parse
from drp.repositories.restic.answers import PRINTED
from drp.repositories.restic.source_root import TreeListing, folders_to_list, tails


def related(sub_path: str, path: str) -> bool:
    """Return whether one of two absolute paths is the other, or lies in it."""
    return _inside(sub_path, path) or _inside(path, sub_path)


def may_hold(point: RecoveryPoint) -> bool:
    """Return whether a point was made of anything that could hold its sub-path, by what it says itself."""
    return any(not path.startswith("/") or related(point.sub_path, _plain(path)) for path in point.paths)


def folders_on_the_way(sub_path: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the folders whose direct children tell where the sub-path is, and whether anything is in it."""
    return tuple(sorted({*folders_to_list([*paths, sub_path]), *tails(sub_path)}))


class SubPathListing(TreeListing):
    """Takes the lines of ``restic ls --json``, and knows what is at a sub-path."""

    def __init__(self, sub_path: str, paths: Sequence[str]) -> None:
        """Take the sub-path, and the paths that the snapshot names."""
        super().__init__(paths, also=[on_the_way for tail in tails(sub_path) for on_the_way in _ways(tail)])
        self._sub_path = sub_path
        self._parents: set[str] = set()

    def seen(self, place: str) -> None:
        """Take the place of a node."""
        self._parents.add(posixpath.dirname(place))

    def place(self) -> str | None:
        """Return where the sub-path is in the tree, if it is there; None: the tree is of nothing that holds it."""
        names = self._sub_path.split("/")[1:]
        lost = {self._lost(path) for path in map(_plain, self.paths) if _inside(self._sub_path, path)}
        lost = lost or {self._lost(path) for path in map(_plain, self.paths) if _inside(path, self._sub_path)}
        if len(lost) != 1 or (count := lost.pop()) > len(names):
            return None
        return "/" + "/".join(names[count:])

    def lacking(self) -> Phrase:
        """Return why there is nothing to restore; nothing: there is."""
        place = self.place()
        if place is None:
            return fact("sub-path-elsewhere", "it was made of {paths}", paths=several(map(_shown, self.paths)))
        for at in _ways(place):
            kind = self.kinds.get(at)
            if kind is None:
                return absent(_shown(at))
            if kind != "dir":
                return no_folder(_shown(at), kind)
        return NOTHING if place in self._parents else empty_folder(_shown(place))

    def _lost(self, path: str) -> int:
        """Return how many of its first names a backed-up path has lost in the tree; all, where it is not there."""
        names = [name for name in path.split("/") if name]
        kept = next((tail for tail in tails(path) if tail in self.kinds), "/")
        return len(names) - len([name for name in kept.split("/") if name])


class Contents:
    """Adds up the lines of ``restic ls --json --recursive``."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.files = self.size = 0

    def take(self, line: str) -> None:
        """Read one line; what is no file is passed over."""
        try:
            node = parse(line, PRINTED)
        except Malformed:
            return
        if isinstance(node, dict) and node.get("type") == "file":
            size = node.get("size", 0)
            self.files += 1
            self.size += size if isinstance(size, int) and size > 0 else 0


def _inside(path: str, above: str) -> bool:
    return above in {"/", path} or path.startswith(above + "/")


def _ways(place: str) -> list[str]:
    """Return every place on the way to one, itself the last: /a, /a/b, /a/b/c."""
    names = [name for name in place.split("/") if name]
    return ["/" + "/".join(names[:count]) for count in range(1, len(names) + 1)]


def _plain(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _shown(path: str) -> str:
    return show_path(path.encode("utf-8", "surrogateescape"))
