"""What the versions and delete markers of a restic repository show to have been done to it. Pure.

restic writes each of its files once: all but ``config`` are named by the SHA-256 of their content. `forget --prune`,
a changed password, an interrupted backup and locks leave markers behind, and a whole repository. What leaves none is
an attack, or an accident that looks like one. Attempts that a lock refused leave no trace in a listing, and what was
deleted version by version is not in it: the ledger of expected points tells that. Nor can anybody without the key tell
a backup or a key from a file that an attacker put under such a name: what he hid before he wrote one is lost to the
last good instant, and not to an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from drp.domain.phrase import Instant, Phrase, fact, joined, several
from drp.domain.worm.objects import ObjectVersion

ESSENTIAL = ("config", "keys/", "snapshots/")
"""What restic cannot do without, and what is cheap to list."""
PARTS = (*ESSENTIAL, "index/", "data/")
NAMED = 20
_SAID = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What was done to a repository, as far as its versions show it."""

    what: Phrase
    certain: bool
    """False: it has innocent explanations too, such as an upload that was sent twice or a repository brought to a newer
    format; the words say "possibly"."""
    since: datetime
    """The first act, by the store's clock. Retention that ran after the last backup may be among the acts."""
    until: datetime
    """The last act."""
    hidden: int
    """Objects that were deleted behind markers since then, of the parts that have nothing left."""
    overwritten: int
    """Objects whose newest version is not what was first written."""
    names: tuple[str, ...]
    """Of both, those that matter most first, no more than `NAMED`."""
    last_good: datetime | None
    """The newest instant before the first act at which the repository was whole: versions of then or before are good.
    None: there is none, as far as what was listed shows."""


@dataclass(slots=True)
class _Sweep:
    """The repository as it was at one instant after the other."""

    complete: bool
    refused: bool
    top: dict[str, ObjectVersion] = field(default_factory=dict)
    good: dict[str, ObjectVersion] = field(default_factory=dict)
    """Key → the version that was written first, or that proved itself."""
    visible: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    wrong: set[str] = field(default_factory=set)
    """Keys whose visible version is certainly another one than the good one."""
    doubtful: set[str] = field(default_factory=set)
    """… and possibly."""
    armed: bool = True
    """Something good came since the last good instant was noted: a backup was finished, a password changed."""
    last_good: datetime | None = None
    since: datetime | None = None
    spoilt: datetime | None = None
    """When something was overwritten in what was whole."""
    acts: dict[str, datetime] = field(default_factory=dict)
    """Key → when it was last hidden or overwritten."""

    def whole(self) -> bool:
        """Return whether everything is there without which nothing can be restored, as it was first written."""
        parts = PARTS if self.complete else ESSENTIAL
        return all(self.visible[part] for part in parts) and not self.wrong and not self.doubtful

    def take(self, at: datetime, together: Iterable[ObjectVersion]) -> None:
        """Take what came at one instant, in which nobody knows what came first."""
        before = self.whole()
        backup, keyed, acted = False, False, False
        for version in together:
            if self._is_act(version):
                acted = True
                self.acts[version.key] = at
            elif not version.marker and version.key not in self.top:
                backup = backup or version.key.startswith("snapshots/")
                keyed = keyed or version.key.startswith("keys/")
            self._put(version)
        if acted and self.armed and before:
            self.last_good, self.since, self.armed = _before(at), at, False
        self.armed = self.armed or backup or keyed
        if backup and not self.refused and "config" in self.doubtful:  # whoever wrote a point could read it
            self.doubtful.discard("config")
            self.good["config"] = self.top["config"]
        if before and (self.wrong or self.doubtful):
            self.spoilt = at

    def _is_act(self, version: ObjectVersion) -> bool:
        good = self.good.get(version.key)
        if good is None:
            return False
        return version.marker or _differs(version, good) is not None

    def _put(self, version: ObjectVersion) -> None:
        part, known = _part(version.key), self.top.get(version.key)
        if known is not None and not known.marker:
            self.visible[part] -= 1
        self.top[version.key] = version
        self.wrong.discard(version.key)
        self.doubtful.discard(version.key)
        if version.marker:
            return
        self.visible[part] += 1
        differs = _differs(version, self.good.setdefault(version.key, version))
        if differs == "certainly":
            self.wrong.add(version.key)
        elif differs == "possibly" and part in {"config", "keys/"}:  # a scrub tells it of the others
            self.doubtful.add(version.key)


def diagnose(versions: Iterable[ObjectVersion], *, complete: bool = True, refused: bool = False) -> Tampering | None:
    """Return what was done to a repository that is not whole any more, None where nothing shows.

    ``complete`` False: only `ESSENTIAL` was listed. ``refused``: restic refuses the password, so that ``config``, or a
    key, written anew, is not what somebody could read. Locks are passed over.
    """
    sweep = _Sweep(complete=complete, refused=refused)
    told = sorted(
        (version for version in versions if _part(version.key)),
        key=lambda version: (version.modified, version.latest, version.marker),
    )
    for at, together in groupby(told, key=lambda version: version.modified):
        sweep.take(at, together)
    if sweep.whole() or not sweep.acts:
        return None
    certain = bool(sweep.wrong) or any(not sweep.visible[part] and _had(sweep, part) for part in _looked_at(sweep))
    if not certain and not sweep.doubtful:
        return None  # a part is missing that nobody hid
    return _told(sweep, certain=certain)


def _told(sweep: _Sweep, *, certain: bool) -> Tampering:
    changed = sorted(sweep.wrong | sweep.doubtful, key=_weight)
    empty = [part for part in _looked_at(sweep) if not sweep.visible[part]]
    gone = [key for key, version in sweep.top.items() if version.marker and key in sweep.good and _part(key) in empty]
    begun, last_good = sweep.since, sweep.last_good
    if not gone and sweep.spoilt is not None:  # what retention hid before it was overwritten is its own affair
        begun, last_good = sweep.spoilt, _before(sweep.spoilt)
    if begun is None:
        begun = min(sweep.acts[key] for key in (*gone, *changed))
    hidden = sorted((key for key in gone if sweep.acts[key] >= begun), key=_weight)
    names = (*changed, *hidden)
    return Tampering(
        what=joined(_words(sweep, hidden, changed, last_good, certain=certain)),
        certain=certain,
        since=begun,
        until=max(sweep.acts[key] for key in names),
        hidden=len(hidden),
        overwritten=len(changed),
        names=names[:NAMED],
        last_good=last_good,
    )


def _words(
    sweep: _Sweep, hidden: list[str], changed: list[str], last_good: datetime | None, *, certain: bool
) -> Iterator[Phrase]:
    if changed:
        names, at = several(changed[:_SAID]), Instant(min(sweep.acts[key] for key in changed))
        yield (
            fact("overwritten-since", "overwritten since {at}: {names}", at=at, names=names)
            if certain or sweep.refused
            else fact("possibly-overwritten-since", "possibly overwritten since {at}: {names}", at=at, names=names)
        )
    if hidden:
        counts = {part: sum(1 for key in hidden if _part(key) == part) for part in PARTS}
        parts = [
            fact("hidden-of-part", "{n} x {part}", n=number, part=part.rstrip("/"))
            for part, number in counts.items()
            if number
        ]
        yield fact(
            "emptied-behind-markers",
            "emptied behind delete markers: {parts} hidden from {first} to {last}",
            parts=several(parts),
            first=Instant(min(sweep.acts[key] for key in hidden)),
            last=Instant(max(sweep.acts[key] for key in hidden)),
        )
    yield (
        fact(
            "whole-until",
            "the versions below are still there: it was whole at {at}",
            at=Instant(last_good),
        )
        if last_good is not None
        else fact("never-seen-whole", "no instant shows at which it was whole")
    )


def _looked_at(sweep: _Sweep) -> tuple[str, ...]:
    return PARTS if sweep.complete else ESSENTIAL


def _had(sweep: _Sweep, part: str) -> bool:
    """Return whether something of a part lies hidden, rather than never having been there."""
    return any(_part(key) == part and version.marker and key in sweep.good for key, version in sweep.top.items())


def _part(key: str) -> str:
    """Return which part of a repository a key belongs to, empty for what is none, and for locks."""
    if key == "config":
        return key
    folder, slash, name = key.partition("/")
    return f"{folder}/" if slash and name and f"{folder}/" in PARTS else ""


def _weight(key: str) -> tuple[int, str]:
    return PARTS.index(_part(key)), key


def _differs(version: ObjectVersion, good: ObjectVersion) -> str | None:
    """Return whether a version has another content: certainly, possibly, or None where it is the same.

    restic never makes ``config`` longer or shorter, not even for a newer format; every other name is a digest.
    """
    if version.size != good.size:
        return "certainly"
    same = version.version == good.version or bool(version.etag and version.etag == good.etag)
    return None if same else "possibly"


def _before(at: datetime) -> datetime:
    """Return the newest instant before another: most stores tell whole seconds."""
    return at - (timedelta(microseconds=1) if at.microsecond else timedelta(seconds=1))
