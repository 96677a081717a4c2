"""Looks at what lies around a restored tree: the way to its root, and whatever else came back beside that way.

A manifest speaks of the tree below its root only. A link on the way would lead the reader out of the volume, and what
was restored beside it was compared with nothing.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import ManifestError
from drp.hashing.judge import Found
from drp.hashing.reading.descent import FLAGS
from drp.hashing.tally import Tally
from drp.manifests.row import kind_of


@dataclass(slots=True)
class Surroundings:
    """What was found; paths begin with a slash, which stands for the folder that everything was restored below."""

    tally: Tally = field(default_factory=Tally)
    blocked: bool = False
    """No tree begins at the root."""


def surroundings(within: Path, root: Path) -> Surroundings:
    """Return what lies between ``within`` and ``root``, and beside it; folders beside it are not entered.

    Raises ``ManifestError`` when the root is not within, or what is there cannot be looked at.
    """
    found = Surroundings()
    try:
        names = [os.fsencode(name) for name in root.relative_to(within).parts]
        if names:
            _walk(within, names, found)
    except (OSError, ValueError) as error:
        message = say("cannot look at what was restored around {root}: {error}", root=root, error=error)
        raise ManifestError(message, hint="nothing was compared: see whether the restore put anything there") from error
    return found


def _walk(within: Path, names: list[bytes], found: Surroundings) -> None:
    """Descend one component at a time, without following any link."""
    descriptor, way = os.open(within, FLAGS), b""
    try:
        for name in names:
            present = [os.fsencode(entry.name) for entry in os.scandir(descriptor)]
            for entry in sorted(present):
                if entry != name:
                    found.tally.add(Found("unexpected", way + b"/" + entry, ("nothing",), ("beside",)))
            way += b"/" + name
            if name not in present:
                found.tally.add(Found("missing", way, ("kind", "directory"), ("not-restored",)))
                found.blocked = True
                return
            seen = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(seen.st_mode):
                found.tally.add(Found("kind", way, ("kind", "directory"), ("kind", kind_of(seen.st_mode))))
                found.blocked = True
                return
            following = os.open(name, FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
    finally:
        os.close(descriptor)
