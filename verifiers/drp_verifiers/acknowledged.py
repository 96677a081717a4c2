"""Reads a log of acknowledged writes: JSON Lines, kept by the hospital outside of its applications.

One write a line::

    {"at": "2026-11-20T09:14:03.120Z", "application": "ehr", "kind": "lab-order", "id": "1042"}

``at`` is the instant of the acknowledgement, with its zone; ``application`` may be left out. It is read on the machine
that drills, never out of the backup, and strictly: a log of which a part is skipped would hide losses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drp.domain.strict_json import Limits, Malformed, parse

MOST_LINES = 2_000_000
_LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write that an application acknowledged."""

    at: datetime
    kind: str
    id: str


def read_log(path: str, application: str, until: datetime) -> list[Write]:
    """Return the writes of an application in order, up to an instant; of one that is repeated, the first.

    Raises ValueError, which says why nothing can be judged: no log, an unreadable one, no write in it.
    """
    if not path:
        raise ValueError("the application names no ground_truth")
    writes: dict[tuple[str, str], Write] = {}
    try:
        for owner, write in _lines(Path(path)):
            if (not application or owner in {"", application}) and write.at <= until:
                known = writes.get((write.kind, write.id))
                if known is None or write.at < known.at:
                    writes[write.kind, write.id] = write
    except OSError as error:
        raise ValueError(f"{Path(path).name}: {error.strerror}") from error
    if not writes:
        raise ValueError(f"{Path(path).name} names no write before the disaster")
    return sorted(writes.values(), key=lambda write: write.at)


def _lines(path: Path) -> Iterator[tuple[str, Write]]:
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE + 1), b""), start=1):
            if number > MOST_LINES:
                raise ValueError(f"{path.name} has more than {MOST_LINES} lines")
            if line.strip():
                yield _write(line, f"{path.name}, line {number}")


def _write(line: bytes, where: str) -> tuple[str, Write]:
    try:
        said = parse(line, Limits(size=_LONGEST_LINE))
    except Malformed:
        said = None
    if not isinstance(said, dict):
        raise ValueError(f"{where}: is no JSON object of at most {_LONGEST_LINE} bytes")  # noqa: TRY004 - content, not a type of ours
    texts = {name: said.get(name, "") for name in ("at", "application", "kind", "id")}
    if not all(isinstance(text, str) for text in texts.values()) or not (texts["kind"] and texts["id"]):
        raise ValueError(f"{where}: at, kind and id must be texts")
    try:
        at = datetime.fromisoformat(texts["at"])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{where}: at must be an instant with its zone")
    return texts["application"], Write(at=at, kind=texts["kind"], id=texts["id"])
