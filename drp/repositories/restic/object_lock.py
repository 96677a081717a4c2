"""Observes what protects restic's recovery points in a bucket: the lock of every object they cannot do without.

Looking, not trusting: what the bucket's default says concerns objects to come; what counts is each object's own date.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from drp.clock import utc_now
from drp.domain.findings.finding import Finding
from drp.domain.phrase import NOTHING, Phrase, counted, fact
from drp.domain.repository_port import Needs
from drp.domain.terms import listed
from drp.domain.worm.attestation import Attestation, BucketFacts, LockDemand
from drp.domain.worm.judging import SeenObject, needed_until, weighed
from drp.domain.worm.lock_findings import gone, lock_findings, shortened
from drp.domain.worm.objects import ObjectVersion
from drp.errors import AccessDenied
from drp.repositories.locations.lock_memory import LockMemory
from drp.repositories.locations.locks_known import KnownLocks
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.locations.s3_bucket import bucket_facts
from drp.repositories.locations.s3_heads import LockQuestions
from drp.repositories.restic.backend import AttestationAsked
from drp.repositories.restic.listing import Listed, list_objects

_BULK = ("index/", "data/")
_NAMED = 5
_NO_RETENTION = fact("retention-not-readable", "the key may not read retention: grant s3:GetObjectRetention")
_NO_LOCK_FACT = fact(
    "lock-not-readable", "the key may not read the bucket's lock: grant s3:GetBucketObjectLockConfiguration"
)


@dataclass(slots=True)
class Seen:
    """What was seen a moment ago: a drill asks about one point after the other, of the same objects."""

    at: datetime
    facts: BucketFacts
    locks: KnownLocks
    listed: Listed | None = None
    may_see: bool | None = None
    seed: str = field(default_factory=lambda: secrets.token_hex(8))


class LockWatch:
    """Looks at the locks of one bucket. Raises ``Unreachable``, ``AccessDenied``, ``RepositoryError``."""

    def __init__(self, reader: S3Reader, questions: LockQuestions, memory: LockMemory, *, audited_objects: int) -> None:
        """Take how to list and how to ask, what is remembered, and how many objects are asked for at most."""
        self._reader, self._questions, self._memory = reader, questions, memory
        self._audited = audited_objects
        self._now: Seen | None = None

    def forget(self) -> None:
        """Look anew from here on."""
        self._now = None

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what protects everything that the points need.

        Where something is demanded of them, every object is looked at. Where nothing is, snapshots, configuration and
        keys are, and of index and data files a sample above the number that the site allows. Its seed is fresh, since
        whoever knows it knows which objects nobody looks at, and it is told, so that an auditor can draw again.
        """
        subject, points, demand, needs = asked.subject, asked.points, asked.demand, asked.needs
        seen = self._looked()
        ahead = self._reader.clock_ahead_ms
        blank = Attestation(at=seen.at, needed=0, asked=0, bucket=seen.facts, demanded=asked.mode, clock_ahead_ms=ahead)
        if seen.facts.object_lock is False:
            remark = fact(
                "bucket-no-object-lock", "bucket {bucket} has no object lock", bucket=self._reader.location.bucket
            )
            return _judged(subject, (), replace(blank, remarks=(remark,)), demand)
        if seen.facts.object_lock is None:
            return _judged(subject, (), replace(blank, unknown=_NO_LOCK_FACT), demand)
        found = self._listing(seen, asked.view)
        wanted = _wanted(points, found, needs, demand, seen.at)
        if not self._may_see(seen, found, points):
            return _judged(subject, (), replace(blank, unknown=_NO_RETENTION), demand)
        chosen = self._chosen(seen, found, tuple(wanted), whole=demand.judges)
        enough = {
            key: max((each for each in (until, demand.next_drill) if each), default=None)
            for key, until in wanted.items()
        }
        seen.locks.ask(
            [(key, found.version(key)) for key in chosen if found.is_there(key)], lambda each: enough[each[0]]
        )
        objects = [_object(seen, found, key, wanted[key]) for key in chosen]
        facts = replace(
            blank,
            needed=len(wanted),
            superset=not needs or any(each.superset or each.unknown for each in needs.values()),
            remembered=sum(1 for key in chosen if seen.locks.is_remembered((key, found.version(key)))),
            asked_again=seen.locks.asked_again,
            remarks=(
                *found.remarks,
                *_remarks(seen, found, len(objects), len(wanted)),
                *_exactness(needs),
                *_uncounted(points, found, needs, wanted),
            ),
        )
        return _judged(subject, objects, weighed(objects, facts), demand, _of_memory(subject, seen, found))

    def locks_of(
        self,
        names: Collection[str],
        *,
        enough: datetime | None = None,
        view: Mapping[str, ObjectVersion] | None = None,
    ) -> dict[str, SeenObject]:
        """Return what protects each of these objects, hidden ones too; one that is not there has no lock.

        Dates are lower bounds: exact for those that end first, and for all that end before ``enough``.
        """
        seen = self._looked()
        found = self._listing(seen, view)
        if names and not self._may_see(seen, found, ()):
            raise AccessDenied(_NO_RETENTION)
        seen.locks.ask([(name, found.version(name)) for name in names if found.is_there(name)], lambda _: enough)
        return {name: _object(seen, found, name, None) for name in names}

    def _looked(self) -> Seen:
        if self._now is None:
            facts = bucket_facts(self._reader)
            ahead = timedelta(milliseconds=self._reader.clock_ahead_ms or 0)
            now = utc_now()
            at = max(now, now - ahead)
            self._now = Seen(at=at, facts=facts, locks=KnownLocks(self._questions, self._memory, at))
        return self._now

    def _listing(self, seen: Seen, view: Mapping[str, ObjectVersion] | None) -> Listed:
        if seen.listed is None:
            seen.listed = list_objects(self._reader)
        return seen.listed if view is None else seen.listed.through(view)

    def _may_see(self, seen: Seen, found: Listed, points: Sequence[str]) -> bool:
        """Return whether the key may read retention: services leave out of their answers what it may not see."""
        if seen.may_see is None:
            names = (f"snapshots/{point}" for point in points)
            name = next((each for each in (*names, "config") if each in found.versions), None)
            name = name or next(iter(found.versions), None)
            if name is None:
                return True
            seen.may_see = self._reader.may_see_locks(name, found.version(name))
        return seen.may_see

    def _chosen(self, seen: Seen, found: Listed, wanted: tuple[str, ...], *, whole: bool) -> list[str]:
        """Return which objects are looked at: what is remembered takes no question, and of the rest a sample may do."""
        bulk = [name for name in wanted if name.startswith(_BULK)]
        if whole or len(bulk) <= self._audited:
            return list(wanted)
        asked = [name for name in bulk if not seen.locks.is_remembered((name, found.version(name)))]
        left_out = set(asked)
        if len(asked) > self._audited:
            draw = random.Random(seen.seed)  # noqa: S311 - a reproducible draw, not a secret
            asked = draw.sample(sorted(asked), self._audited)
        left_out.difference_update(asked)
        return [name for name in wanted if name not in left_out]


def _object(seen: Seen, found: Listed, key: str, required: datetime | None) -> SeenObject:
    version = found.version(key)
    return SeenObject(
        key=key,
        version=version or "",
        size=found.size(key),
        lock=seen.locks.lock((key, version)) if found.is_there(key) else None,
        required=required,
        covered=found.covered(key),
    )


def _of_memory(subject: str, seen: Seen, found: Listed) -> tuple[Finding, ...]:
    """Return what the store tells otherwise than it did before."""
    shorter = sorted(set(seen.locks.shorter))
    absent = seen.locks.gone(found.all_versions) if found.all_versions is not None else []
    return (
        *((shortened(subject, shorter, len(shorter)),) if shorter else ()),
        *((gone(subject, absent, len(absent)),) if absent else ()),
    )


def _remarks(seen: Seen, found: Listed, looked_at: int, total: int) -> list[Phrase]:
    remarks: list[Phrase] = []
    if seen.facts.versioning != "Enabled":
        state = seen.facts.versioning or fact("off", "off")
        remarks.append(fact("versioning-state", "bucket versioning is {versioning}", versioning=state))
    if found.rewritten:
        names = listed(sorted(found.rewritten)[:_NAMED], len(found.rewritten))
        remarks.append(fact("overwritten", "overwritten since it was first written: {names}", names=names))
    if looked_at < total:
        sampled = fact(
            "locks-sampled",
            "a sample of {looked_at} of {total} objects was looked at, drawn with the seed {seed}",
            looked_at=looked_at,
            total=total,
            seed=seen.seed,
        )
        remarks.append(sampled)
    return remarks


def _judged(
    subject: str,
    objects: Sequence[SeenObject],
    attestation: Attestation,
    demand: LockDemand,
    more: tuple[Finding, ...] = (),
) -> Attestation:
    return replace(attestation, findings=(*more, *lock_findings(subject, objects, attestation, demand)))


def _wanted(
    points: Sequence[str], found: Listed, needs: Mapping[str, Needs] | None, demand: LockDemand, at: datetime
) -> dict[str, datetime | None]:
    """Return every object that the points need, in order, and until when each must be locked."""
    wanted: dict[str, datetime | None] = {}

    def add(names: Collection[str], until: datetime | None) -> None:
        for name in names:
            before = wanted.get(name)
            wanted[name] = until if before is None else before if until is None else max(before, until)

    everything = [name for name in found.versions if name == "config" or name.startswith(("keys/", "index/", "data/"))]
    for point in points:
        own = (needs or {}).get(point)
        exact = own is not None and not own.unknown
        until = needed_until(demand, (point,), at)
        add((f"snapshots/{point}",), until)
        add(own.names if own is not None and exact else everything, until)
        add([name for name in (own.missing if own is not None else ()) if found.is_there(name)], until)
    if not points:
        snapshots = [name for name in found.versions if name.startswith("snapshots/")]
        add([*everything, *snapshots], needed_until(demand, (), at))
    return dict(sorted(wanted.items()))


def _uncounted(
    points: Sequence[str], found: Listed, needs: Mapping[str, Needs] | None, wanted: Collection[str]
) -> tuple[Phrase, ...]:
    """Return what markers hide and nobody counted: by name it is not read, and whether it is needed nobody could tell.

    Retention leaves such objects behind, so they are no sign of harm.
    """
    if points and all((own := (needs or {}).get(point)) is not None and not own.unknown for point in points):
        return ()
    hidden = [name for name in found.covered_by_marker if name.startswith(_BULK) and name not in wanted]
    if not hidden:
        return ()
    return (
        counted(
            "hidden-uncounted",
            "{n} object behind a delete marker was not counted: nobody could tell whether it is needed",
            "{n} objects behind delete markers were not counted: nobody could tell whether they are needed",
            len(hidden),
        ),
    )


def _exactness(needs: Mapping[str, Needs] | None) -> tuple[Phrase, ...]:
    """Return why more counts as needed than is, where somebody looked."""
    return tuple(dict.fromkeys(each.unknown for each in (needs or {}).values() if each.unknown != NOTHING))
