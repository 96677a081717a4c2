"""What folders say of how they are protected, as an attestation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from drp.domain.findings.finding import Finding
from drp.domain.findings.hardened import ANYBODY_WRITES, NO_DATE, NOT_HARDENED, NOT_LISTED, READER_MAY_WRITE
from drp.domain.phrase import NOTHING, Phrase, counted, fact
from drp.domain.terms import listed
from drp.domain.worm.attestation import Attestation, LockDemand, WeakObject

_NAMED = 5
_WEAKEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFolder:
    """What was seen of one folder, or of several together."""

    asked: int = 0
    """Files and folders that were looked at, itself included."""
    needed: int = 0
    """Files and folders that there are."""
    bare: tuple[str, ...] = ()
    """Of those that were looked at, those that nothing keeps from being changed or deleted; ``.`` is the folder."""
    open_to_all: tuple[str, ...] = ()
    """Of those that were looked at, those that every user of its machine may write to."""
    writable: bool = False
    """Whether the user that runs drp may write to the folder, without being root."""
    unlisted: tuple[str, ...] = ()
    """Folders that could not be listed: nobody knows what is in them."""
    remarks: tuple[Phrase, ...] = ()

    def beside(self, other: SeenFolder) -> SeenFolder:
        """Return what was seen of both."""
        return SeenFolder(
            asked=self.asked + other.asked,
            needed=self.needed + other.needed,
            bare=(*self.bare, *other.bare),
            open_to_all=(*self.open_to_all, *other.open_to_all),
            writable=self.writable or other.writable,
            unlisted=(*self.unlisted, *other.unlisted),
            remarks=tuple(dict.fromkeys((*self.remarks, *other.remarks))),
        )


def attestation_of(
    subject: str, folders: Sequence[SeenFolder], demand: LockDemand, *, at: datetime, mode: str
) -> Attestation:
    """Return what protects the folders of some points together; ``mode``: the weakest that is enough."""
    seen = reduce(SeenFolder.beside, folders, SeenFolder())
    kept = seen.asked - len(seen.bare)
    modes = {name: number for name, number in (("governance", kept), ("none", len(seen.bare))) if number}
    weakest = [WeakObject(key=name, version="", mode="none", until=None) for name in seen.bare if name != "."]
    return Attestation(
        at=at,
        needed=seen.needed,
        asked=seen.asked,
        modes=modes,
        weakest=tuple(weakest[:_WEAKEST]),
        demanded=mode,
        unknown=_unlisted(seen),
        remarks=seen.remarks,
        findings=tuple(_findings(subject, seen, demand, mode)),
    )


def offline(attestation: Attestation, label: str) -> Attestation:
    """Return an attestation of a medium: declared to be away, which no look at it can show."""
    remark = fact("medium-attached", "medium {label}: as changeable as any directory while it is attached", label=label)
    away = tuple(each for each in attestation.findings if each.code not in _OF_DIRECTORIES)
    return replace(attestation, offline=True, remarks=(remark,), findings=away)


_OF_DIRECTORIES = {NOT_HARDENED.code, NO_DATE.code}
"""What is demanded of a directory, and met by a medium that is away."""


def _unlisted(seen: SeenFolder) -> Phrase:
    if not seen.unlisted:
        return NOTHING
    names = listed(map(ascii, seen.unlisted[:_NAMED]), len(seen.unlisted))
    return fact("folders-unlisted", "folders that cannot be listed: {names}", names=names)


def _findings(subject: str, seen: SeenFolder, demand: LockDemand, mode: str) -> Iterator[Finding]:
    if seen.open_to_all:
        yield ANYBODY_WRITES.finding(
            subject=subject, observed=_named(seen.open_to_all), expected=fact("to-its-owner", "to its owner alone")
        )
    if not demand.judges:
        return
    if seen.unlisted:
        yield NOT_LISTED.finding(
            subject=subject, observed=_named(seen.unlisted), expected=fact("all-listed", "all of them listed")
        )
    if seen.bare:
        expected = fact("kept-from-change", "kept from being changed or deleted")
        yield NOT_HARDENED.finding(subject=subject, observed=_named(seen.bare), expected=expected)
    elif seen.asked and mode != "governance":
        observed = fact("attribute-or-snapshot", "an attribute or a snapshot, which root of its machine can take away")
        yield NO_DATE.finding(subject=subject, observed=observed, expected=fact("in-compliance", "in compliance mode"))
    if seen.writable:
        observed = fact("may-write", "may write")
        yield READER_MAY_WRITE.finding(subject=subject, observed=observed, expected=fact("may-read", "may only read"))


def _named(names: Sequence[str]) -> Phrase:
    shown = listed(map(ascii, names[:_NAMED]), len(names))
    return counted(
        "hardened-files-named", "{n} file or folder: {names}", "{n} files and folders: {names}", len(names), names=shown
    )
