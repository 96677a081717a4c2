"""Dated folders that say what another says: of the same instant nobody knows which is right, nor of a shared mark."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Phrase, say
from drp.domain.visible import one_line
from drp.repositories.copies.found import LONGEST, DatedFolder, Found, Refused


def refuse_doubles(found: Found) -> None:
    """Of folders that state the same instant nobody knows which one is right: a copy may not have its own mark yet.

    Where a rotation counts them, the copy is the one that has the lower number.
    """
    by_key: dict[tuple[object, ...], list[DatedFolder]] = {}
    for folder in found.folders:
        by_key.setdefault((*folder.series, folder.consistent_at), []).append(folder)
    refused: dict[str, Phrase] = {}
    for same in (each for each in by_key.values() if len(each) > 1):
        numbers = [folder.number for folder in same if folder.number is not None]
        rotated = len(numbers) == len(set(numbers)) == len(same)
        kept = max(same, key=lambda folder: folder.number or 0) if rotated else None
        for folder in same:
            if folder is not kept:
                other = kept or next(each for each in same if each is not folder)
                shown = one_line(other.path, LONGEST)
                refused[folder.path] = say("states the same instant as {folder}: an unfinished copy", folder=shown)
    _drop(found, refused)


def refuse_shared_marks(found: Found) -> None:
    """A mark that is a hard link of an older folder's was made with that one, and says nothing of this one."""
    first: dict[tuple[int, int], str] = {}
    refused: dict[str, Phrase] = {}
    for folder in sorted(found.folders, key=lambda each: (each.consistent_at, each.path)):
        for mark in folder.marks.identities:
            older = first.setdefault(mark, folder.path)
            if older != folder.path:
                shown = one_line(older, LONGEST)
                refused[folder.path] = say(
                    "its mark is a hard link of the one in {folder}: not written for this folder", folder=shown
                )
    _drop(found, refused)


def _drop(found: Found, refused: Mapping[str, Phrase]) -> None:
    gone = [folder for folder in found.folders if folder.path in refused]
    found.folders = [folder for folder in found.folders if folder.path not in refused]
    found.refused += [
        Refused(path=each.path, kind="unfinished", reason=refused[each.path], host=each.host, tag=each.tag)
        for each in gone
    ]
