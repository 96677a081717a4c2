"""Repositories of dated folders, made as backup jobs make them: with rsync where it links, by hand where it does not."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from drp.domain.repository import DirectoryLocation, Location
from drp.repositories.copies.pattern import Zone
from drp.repositories.copies.repository import CopiesRepository
from drp.repositories.copies.settings import MANIFEST, CopiesSettings, beside_file

NAMES = ("2026-11-26T020000Z", "2026-11-27T020000Z", "2026-11-28T020000Z")
"""Oldest first."""
PATTERN = "{tag}/%Y-%m-%dT%H%M%SZ"


def copies_settings(folder: Path, *patterns: str, **more: Any) -> CopiesSettings:
    """Return settings of a directory; ``instant``, ``complete`` and ``manifest`` as a site writes them."""
    for name in ("instant", "complete", "manifest"):
        if isinstance(more.get(name), str):
            more[name] = beside_file(more[name])
    location: Location = more.pop("location", DirectoryLocation(path=folder))
    plain = CopiesSettings(
        name="main",
        location=location,
        patterns=tuple(patterns or (PATTERN,)),
        zone=more.pop("zone", Zone()),
        manifest=beside_file(MANIFEST),
    )
    return replace(plain, **more)


def copies(folder: Path, *patterns: str, **more: Any) -> CopiesRepository:
    """Return the repository of a directory."""
    return CopiesRepository(copies_settings(folder, *patterns, **more))


def linked_copies(source: Path, folder: Path, names: tuple[str, ...] = NAMES) -> None:
    """Copy a tree once a name, as hard-linked snapshots are made: what did not change is the same file."""
    before: Path | None = None
    for number, name in enumerate(names):
        (source / "state").write_text(str(number), encoding="ascii")
        into = folder / name
        shutil.copytree(before or source, into, symlinks=True, copy_function=os.link if before else shutil.copy2)
        if before is not None:
            (into / "state").unlink()
            shutil.copy2(source / "state", into / "state")
            shutil.copystat(source, into)
        before = into


def state_of(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that a tree's file system keeps of it, by path; what is hard-linked has the same first name."""
    found: dict[str, tuple[object, ...]] = {}
    first: dict[int, str] = {}
    for place, folders, files in os.walk(root):
        for name in (".", *folders, *files) if place == str(root) else (*folders, *files):
            path = os.path.normpath(os.path.join(place, name))
            facts = os.lstat(path)
            shown = os.path.relpath(path, root)
            linked = first.setdefault(facts.st_ino, shown) if not stat.S_ISDIR(facts.st_mode) else shown
            content: object = None
            if stat.S_ISREG(facts.st_mode):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            elif stat.S_ISLNK(facts.st_mode):
                content = os.readlink(path)
            extended = (
                () if stat.S_ISLNK(facts.st_mode) else sorted((n, os.getxattr(path, n)) for n in os.listxattr(path))
            )
            found[shown] = (
                facts.st_mode,
                facts.st_uid,
                facts.st_gid,
                facts.st_mtime_ns,
                linked,
                content,
                tuple(extended),
            )
    return found
