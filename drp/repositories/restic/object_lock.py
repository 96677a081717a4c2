"""Observes what protects a restic recovery point in a bucket: the lock of every object it cannot do without.

Looking, not trusting: what the bucket's default says concerns objects to come; what counts is each object's own date.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drp.domain.phrase import Phrase, say
from drp.domain.recovery_point import Immutability, LockMode
from drp.domain.worm.objects import ObjectLock
from drp.errors import AccessDenied
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.naming import and_more

Version = tuple[str, str | None]
"""Name and version of an object."""

_WORKERS = 8
_NAMED = 5
_MODES = ("compliance", "governance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Every object of the repository, as it is seen now."""

    versions: Mapping[str, str | None]
    """Name → the version that is read now; None when the key may not list versions."""
    overwritten: tuple[str, ...]
    """Objects with more than one version: restic writes each of its files once."""
    remarks: tuple[Phrase, ...] = ()


@dataclass(slots=True)
class Memory:
    """What was seen a moment ago: a drill asks about one point after the other, of the same objects."""

    survey: Survey | None = None
    locks: dict[Version, ObjectLock | None] = field(default_factory=dict)


def survey(reader: S3Reader) -> Survey:
    """List the repository, twice: what was changed below the lock may be in one list and not in the other.

    A key that may not list versions sees less, and it is said.
    """
    try:
        versions = list(reader.versions())
    except AccessDenied:
        remark = say("older versions were not looked at: the key lacks s3:ListBucketVersions")
        return Survey(versions=dict.fromkeys(sorted(reader.names())), overwritten=(), remarks=(remark,))
    counts: dict[str, int] = {}
    for version in versions:
        if not version.marker:
            counts[version.key] = counts.get(version.key, 0) + 1
    present = {
        version.key: version.version
        for version in sorted(versions, key=lambda version: version.key)
        if version.latest and not version.marker and not version.key.startswith("locks/")
    }
    strays = [name for name in sorted(reader.names()) if name not in counts and not name.startswith("locks/")]
    remarks = (
        (say("no version of the bucket, although listed: {names}", names=and_more(strays, _NAMED)),) if strays else ()
    )
    return Survey(
        versions={**present, **dict.fromkeys(strays)},
        overwritten=tuple(name for name in present if counts[name] > 1),
        remarks=remarks,
    )


def observe(reader: S3Reader, point_id: str, *, audited_objects: int, memory: Memory) -> Immutability:
    """Return what protects the point now. ``memory`` serves the caller's next question.

    The snapshot, the configuration and the keys are always looked at; of index and data files all up to
    ``audited_objects``, and above it a sample. Its seed is fresh, since whoever knows it knows which objects nobody
    looks at, and it is told, so that an auditor can draw again.
    """
    try:
        if not reader.bucket_lock():
            return _plain("none", say("bucket {bucket} has no object lock", bucket=reader.location.bucket))
        versioning = reader.versioning()
    except AccessDenied:
        remark = say("the key may not read the bucket's lock: grant s3:GetBucketObjectLockConfiguration")
        return _plain("unknown", remark)
    snapshot = f"snapshots/{point_id}"
    found = memory.survey = memory.survey or survey(reader)
    if snapshot not in found.versions:
        return _plain("none", say("{snapshot} is not there", snapshot=snapshot))
    if not reader.may_see_locks(snapshot, found.versions[snapshot]):
        return _plain("unknown", say("the key may not read retention: grant s3:GetObjectRetention"))
    seed = secrets.token_hex(8)
    wanted = _sample(tuple(found.versions), snapshot, seed, audited_objects)
    locks = _ask(reader, {name: found.versions[name] for name in wanted}, memory.locks)
    remarks = list(found.remarks)
    if versioning != "Enabled":
        remarks.append(say("bucket versioning is {versioning}", versioning=versioning or say("off")))
    if found.overwritten:
        remarks.append(_overwritten(found.overwritten))
    total = sum(1 for name in found.versions if _needed(name, snapshot))
    if len(locks) < total:
        sampled = say(
            "a sample of {looked_at} of {total} objects was looked at, drawn with the seed {seed}",
            looked_at=len(locks),
            total=total,
            seed=seed,
        )
        remarks.append(sampled)
    return conclude(locks, total, remarks)


def _plain(mode: LockMode, remark: Phrase) -> Immutability:
    return Immutability(mode=mode, provenance="observed", remarks=(remark,))


def _overwritten(names: Sequence[str]) -> Phrase:
    return say("overwritten since it was first written: {names}", names=and_more(names, _NAMED))


def _needed(name: str, snapshot: str) -> bool:
    return name in {snapshot, "config"} or name.startswith(("keys/", "index/", "data/"))


def _sample(names: Sequence[str], snapshot: str, seed: str, limit: int) -> tuple[str, ...]:
    always = [name for name in names if name in {snapshot, "config"} or name.startswith("keys/")]
    bulk = [name for name in names if name.startswith(("index/", "data/"))]
    if len(bulk) > limit:
        bulk = sorted(random.Random(seed).sample(bulk, limit))  # noqa: S311 - a reproducible draw, not a secret
    return (*always, *bulk)


def _ask(
    reader: S3Reader, wanted: Mapping[str, str | None], seen: dict[Version, ObjectLock | None]
) -> dict[str, ObjectLock | None]:
    """Ask for each lock by version: what a service remembers of an object's newest version may be stale."""
    missing = [version for version in wanted.items() if version not in seen]
    with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="drp-locks") as pool:
        answers = pool.map(lambda version: reader.lock(*version), missing)
        seen.update(zip(missing, answers, strict=True))
    return {version[0]: seen[version] for version in wanted.items()}


def conclude(locks: dict[str, ObjectLock | None], total: int, remarks: list[Phrase]) -> Immutability:
    """The weakest object decides: whoever can delete one of them can make the point unreadable.

    A lock of a mode that nobody knows, or without its date, is none: it is not known to hold.
    """
    held = {name for name, lock in locks.items() if lock is not None and lock.legal_hold}
    dates = {name: lock.until for name, lock in locks.items() if lock is not None and lock.until is not None}
    kinds = {name: lock.mode for name, lock in locks.items() if lock is not None}
    bare = [name for name in locks if name not in held and not (kinds.get(name) in _MODES and name in dates)]
    soft = [name for name in locks if name not in held and name not in bare and kinds[name] == "governance"]
    dated = [until for name, until in dates.items() if name not in held]
    mode: LockMode = "none" if bare else "governance" if soft else "compliance" if dated else "legal-hold"
    odd = sorted({kind for name, kind in kinds.items() if name in bare and kind != "none"})
    if odd:
        remarks.append(say("locks that are unknown or have no date: {kinds}", kinds=and_more(odd, _NAMED)))
    if bare:
        remarks.append(say("not protected: {names}", names=and_more(bare, _NAMED)))
    if soft:
        remarks.append(say("only in governance mode: {names}", names=and_more(soft, _NAMED)))
    return Immutability(
        mode=mode,
        provenance="observed",
        retained_until=_earliest(dated) if not bare else None,
        objects_observed=len(locks),
        objects_total=total,
        remarks=tuple(remarks),
    )


def _earliest(dates: Iterable[datetime]) -> datetime | None:
    earliest = min(dates, default=None)
    return earliest.astimezone(UTC) if earliest is not None else None
