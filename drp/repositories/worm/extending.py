"""Retention lengthened, version by version: in the mode that is there, never shortened, never begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.repository import S3Location, WaitLimits, WriteKeys
from drp.domain.worm.attestation import WeakObject
from drp.repositories.locations.s3_connection import Resolve
from drp.repositories.locations.s3_writer import EXTENDING, Answer, Bounds, S3Writer

REQUESTS_EACH = 3
"""What extending one version takes at most: its retention is read, set, and read again."""
_MODES = {"COMPLIANCE", "GOVERNANCE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """What became of one version's retention."""

    key: str
    version: str
    came: Literal["extended", "already", "failed"]
    """already: it lasted as long before; a run that was cut off goes on by that."""
    before: datetime | None = None
    until: datetime | None = None
    """As the store said when it was asked afterwards; None: nothing is known of it."""
    answer: str = ""
    """What the store said to the request itself."""
    why: Phrase = NOTHING
    """Why it failed."""


def extender(
    name: str,
    location: S3Location,
    keys: WriteKeys,
    resolve: Resolve,
    limits: WaitLimits,
) -> S3Writer:
    """Return a writer that can set retention, and change nothing else."""
    return S3Writer(name, location, keys, resolve, limits, bounds=Bounds(verbs=EXTENDING))


def to_extend(versions: Iterable[WeakObject], until: datetime) -> tuple[WeakObject, ...]:
    """Return those that have to be extended for retention until then, as they were observed: what will be done."""
    return tuple(each for each in versions if each.until is None or each.until < until)


def extend(writer: S3Writer, versions: Iterable[WeakObject], until: datetime) -> Iterator[Extended]:
    """Set each version's retention to ``until``, in its own mode; yield what became of each, as it comes.

    Each is asked for its retention first and afterwards, so that nothing is ever shortened, nothing is begun where no
    retention is, and a store that says yes and does nothing is told. Whoever was cut off calls again with the same.
    Raises ``ValueError`` for an instant without its zone.
    """
    if until.tzinfo is None:
        message = "an instant has its zone"
        raise ValueError(message)
    for each in versions:
        yield _extended(writer, each, until.astimezone(UTC))


def retention(writer: S3Writer, key: str, version: str) -> tuple[Answer, str, datetime | None]:
    """Return what the store says of a version: its answer, the mode in capitals or empty, and until when."""
    answer = writer.ask("get_object_retention", Key=key, VersionId=version)
    said = answer.found.get("Retention") or {} if answer.done else {}
    until = said.get("RetainUntilDate")
    return answer, str(said.get("Mode") or ""), until.astimezone(UTC) if isinstance(until, datetime) else None


def _extended(writer: S3Writer, each: WeakObject, until: datetime) -> Extended:
    asked, mode, before = retention(writer, each.key, each.version)

    def failed(why: Phrase, answer: Answer = asked, now: datetime | None = None) -> Extended:
        return Extended(
            key=each.key,
            version=each.version,
            came="failed",
            before=before,
            until=now,
            answer=answer.shown,
            why=why,
        )

    if not asked.done and not (asked.refused and asked.code == "NoSuchObjectLockConfiguration"):
        return failed(fact("extend-unseen", "its retention could not be read: {answer}", answer=shown(asked)))
    if mode not in _MODES or before is None:
        return failed(fact("extend-none", "it has no retention that could be lengthened"))
    if before >= until:
        return Extended(key=each.key, version=each.version, came="already", before=before, until=before)
    wanted = {"Mode": mode, "RetainUntilDate": until}
    answer = writer.ask("put_object_retention", Key=each.key, VersionId=each.version, Retention=wanted)
    again, mode_now, now = retention(writer, each.key, each.version)
    if not again.done:
        return failed(
            fact("extend-unread", "its retention could not be read afterwards: {answer}", answer=shown(again)), answer
        )
    if now is None or now < until or mode_now != mode:
        if answer.done:
            return failed(fact("extend-ignored", "the store said that it did it, and did not"), answer, now)
        return failed(fact("extend-refused", "the store answered {answer}", answer=shown(answer)), answer, now)
    return Extended(key=each.key, version=each.version, came="extended", before=before, until=now, answer=answer.shown)


def shown(answer: Answer) -> str:
    """Return what the store said, or what became of the connection."""
    return answer.shown or answer.code
