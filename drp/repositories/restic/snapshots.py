"""Reads ``restic snapshots --json``: untrusted, every field is looked at before it is believed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drp.domain.application import Application, PointFilter
from drp.domain.phrase import Phrase, quoted, say, several
from drp.domain.recovery_point import PointListing, RecoveryPoint
from drp.domain.strict_json import Limits, parse
from drp.domain.visible import one_line
from drp.repositories.restic.sub_path import may_hold

MANIFEST_TAG = "drp-manifest="
CONSISTENT_TAG = "consistent_at="
"""What is in a dump or a copy is older than the snapshot that keeps it; the backup job knows of which instant it is."""

_ID = re.compile(r"[0-9a-f]{64}")
_MANIFEST_MEANT = re.compile(r"drpman|drp\w*[0-9a-f]{60}")
_INSTANT_MEANT = re.compile(r"consistentat")
"""Tags that are meant to name a manifest or to state an instant, however they were mistyped: see `_bare`."""
_MOST_TAGS, _LONGEST_TAG = 4, 100
_LONGEST_REASON = 200
_LIST = Limits(size=256 << 20, largest=0, half_pairs=True)
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


def read_snapshots(text: str) -> tuple[Mapping[str, Any], ...]:
    """Return the snapshots of the last JSON list in the output. Raises ``ValueError`` when there is none."""
    for line in reversed(text.splitlines()):
        if line.startswith(("[", "null")):
            found = parse(line, _LIST)
            return tuple(entry for entry in (found or []) if isinstance(entry, dict))
    message = say("the backup tool printed no list of snapshots")
    raise ValueError(message)


def is_id(text: str) -> bool:
    """Return whether the text is a whole snapshot id."""
    return _ID.fullmatch(text) is not None


def points_of(snapshots: Iterable[Mapping[str, Any]], application: Application, repository: str) -> PointListing:
    """Return the application's points, newest first, and a line for each snapshot that makes no sense.

    One that is certainly another application's is told apart: its backup job is wrong, and nothing of ours is hidden.
    """
    points: list[RecoveryPoint] = []
    unreadable: list[Phrase] = []
    foreign: list[Phrase] = []
    for snapshot in snapshots:
        try:
            point = _point(snapshot, application.name, repository)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            said = error.args[0] if error.args else type(error).__name__
            why = said if isinstance(said, Phrase) else quoted(one_line(str(error), _LONGEST_REASON))
            name = f"snapshots/{str(snapshot.get('id'))[:64]}"
            line = say("{snapshot}: makes no sense ({why})", snapshot=name, why=why)
            (foreign if _is_foreign(snapshot, application.points) else unreadable).append(line)
            continue
        if application.points.admits(point) and (owned := _owned(point, application)) is not None:
            points.append(owned)
    points.sort(key=lambda point: (point.consistent_at, point.id), reverse=True)
    return PointListing(points=tuple(points), unreadable=tuple(unreadable), foreign=tuple(foreign))


def _owned(point: RecoveryPoint, application: Application) -> RecoveryPoint | None:
    """Return a point with the application's sub-path, whose size nobody knows yet; None: it cannot hold it."""
    sub_path = application.backup_job.sub_path
    if not sub_path:
        return point
    owned = replace(point, sub_path=sub_path, size_bytes=None)
    return owned if may_hold(owned) else None


def _is_foreign(snapshot: Mapping[str, Any], wanted: PointFilter) -> bool:
    """Return whether a snapshot that makes no sense certainly lacks something that all of the application's have.

    Whatever cannot be read of it may be what was asked for. A tag counts that only looks like one of the wanted.
    """
    try:
        tags, paths = _texts(snapshot.get("tags")), _texts(snapshot.get("paths"))
    except (TypeError, ValueError):
        return False
    if not is_id(str(snapshot.get("id"))):
        return False
    bare = {_bare(tag) for tag in tags}
    host = snapshot.get("hostname")
    return (
        any(_bare(tag) not in bare for tag in wanted.tags)
        or (wanted.host is not None and isinstance(host, str) and host not in {"", wanted.host})
        or (wanted.path is not None and bool(paths) and wanted.path not in paths)
    )


def _point(snapshot: Mapping[str, Any], application: str, repository: str) -> RecoveryPoint:
    identifier = str(snapshot["id"])
    if not is_id(identifier):
        message = say("not a snapshot id")
        raise ValueError(message)
    tags = _texts(snapshot.get("tags"))
    said = snapshot.get("summary")
    summary = said if isinstance(said, dict) else {}
    size = summary.get("total_bytes_processed")
    stated_at = read_time(str(snapshot["time"]))
    began, ended = (
        read_time(str(summary[name])) if name in summary else None for name in ("backup_start", "backup_end")
    )
    if ended is not None and stated_at > ended:
        message = say("dated after it was read")
        raise ValueError(message)
    consistent_at = _consistent_at(tags, stated_at)
    manifest, trouble = _manifest(tags)
    return RecoveryPoint(
        id=identifier,
        repository=repository,
        application=application,
        consistent_at=consistent_at,
        taken_at=_began(stated_at, began, ended),
        duration=_duration(began, ended) if consistent_at == stated_at else None,
        size_bytes=size if isinstance(size, int) and size >= 0 else None,
        tags=tags,
        host=str(snapshot.get("hostname") or ""),
        paths=_texts(snapshot.get("paths")),
        manifest_id=manifest,
        manifest_trouble=trouble,
    )


def _began(stated: datetime, began: datetime | None, ended: datetime | None) -> datetime:
    """Return when the tool began to read; the earliest instant of all, where its clock ran backwards meanwhile."""
    if began is not None and ended is not None and began <= ended:
        return began
    return min(instant for instant in (stated, began, ended) if instant is not None)


def _duration(began: datetime | None, ended: datetime | None) -> timedelta | None:
    """Return how long the tool read (restic 0.17 and newer say so); None too when its clock ran backwards."""
    return ended - began if began is not None and ended is not None and ended >= began else None


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        message = say("not a list of texts")
        raise TypeError(message)
    texts = tuple(str(entry) for entry in value)
    if any("\0" in text for text in texts):
        message = say("a text that no path and no argument can hold")
        raise ValueError(message)
    return texts


def _consistent_at(tags: Iterable[str], taken_at: datetime) -> datetime:
    """Return the instant that the tags state, else that of the snapshot. Raises ``ValueError`` for nonsense."""
    meant = [tag for tag in tags if _INSTANT_MEANT.match(_bare(tag))]
    shown = several(repr(tag[:_LONGEST_TAG]) for tag in meant[:_MOST_TAGS])
    if not all(tag.startswith(CONSISTENT_TAG) for tag in meant):
        message = say("a tag that is meant to state an instant and does not: {tags}", tags=shown)
        raise ValueError(message)
    try:
        stated = {read_time(tag.removeprefix(CONSISTENT_TAG)) for tag in meant}
    except ValueError:
        message = say("a tag that states no instant with its offset from UTC: {tags}", tags=shown)
        raise ValueError(message) from None
    if len(stated) > 1 or any(instant > taken_at for instant in stated):
        message = say("tags that state two instants, or one after the snapshot: {tags}", tags=shown)
        raise ValueError(message)
    return stated.pop() if stated else taken_at


def _bare(tag: str) -> str:
    """Return a tag without case, widths, marks that nobody sees, and whatever separates words."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", tag).casefold() if letter.isalnum())


def _manifest(tags: Iterable[str]) -> tuple[str | None, str]:
    """Return the digest that the tags name, and what they say where that is not exactly one digest.

    A tag that was meant to name a manifest and does not is never taken for none: whatever looks like it counts.
    """
    named = sorted({tag for tag in tags if _MANIFEST_MEANT.match(_bare(tag))})
    if not named:
        return None, ""
    digest = named[0].removeprefix(MANIFEST_TAG) if len(named) == 1 else ""
    if named[0].startswith(MANIFEST_TAG) and _ID.fullmatch(digest):
        return digest, ""
    return None, ", ".join(repr(tag[:_LONGEST_TAG]) for tag in named[:_MOST_TAGS])


def read_time(text: str) -> datetime:
    """Return an RFC 3339 instant in UTC; nanoseconds are cut to microseconds."""
    instant = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text))
    if instant.tzinfo is None:
        message = say("an instant without its offset")
        raise ValueError(message)
    return instant.astimezone(UTC)
