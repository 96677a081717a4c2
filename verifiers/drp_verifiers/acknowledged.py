"""Reads a log of acknowledged writes: JSON Lines, kept by the hospital outside of its applications.

One write a line::

    {"at": "2026-11-20T09:14:03.120Z", "application": "ehr", "kind": "lab-order", "id": "1042"}
    {"at": "2026-11-20T09:20:41Z", "application": "ehr", "kind": "lab-order", "id": "1042", "operation": "delete"}

``at`` is the instant of the acknowledgement, with its zone; ``application`` may be left out, and so may ``operation``,
which is ``write`` then: what was deleted on purpose is said so, or its absence would be a loss. It is read on the
machine that drills, never out of the backup, and strictly: a log of which a part is skipped would hide losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from drp.domain.phrase import Phrase, Size, say
from drp.domain.reconciliation.normal_form import Notations
from drp.domain.strict_json import Limits, Malformed, parse

MOST_LINES = 2_000_000
_LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write, or one deletion, that an application acknowledged."""

    at: datetime
    kind: str
    id: str
    deletes: bool = False


def read_log(
    path: str, application: str, until: datetime, form: Callable[[str, str], str] = lambda _, name: name
) -> list[Write]:
    """Return what an application acknowledged, in order, up to an instant; of what is repeated, the first.

    ``form`` brings the id of a kind into the form in which it is compared. Raises ValueError, which says why nothing
    can be judged: no log, an unreadable one, no write in it, or a form in which ids cannot be told apart.
    """
    if not path:
        raise ValueError(say("the application names no ground_truth"))
    told: list[Write] = []
    given: dict[str, Notations] = {}
    try:
        for owner, write in _lines(Path(path)):
            if (not application or owner in {"", application}) and write.at <= until:
                formed = replace(write, id=form(write.kind, write.id))
                told.append(formed)
                given.setdefault(write.kind, Notations()).note(write.id.strip(), formed.id)
    except OSError as error:
        raise ValueError(say("{file}: {why}", file=Path(path).name, why=error.strerror or "")) from error
    for kind, notations in given.items():
        if notations.left_nothing or notations.merged:
            which = notations.merged or say("some")
            raise ValueError(
                say(
                    "ids of {kind} cannot be told apart in their form: it leaves nothing of {which}, or one",
                    kind=kind,
                    which=which,
                )
            )
    told.sort(key=lambda write: write.at)  # of one instant, the order of the log counts
    last: dict[tuple[str, str], bool] = {}
    kept: list[Write] = []
    for write in told:
        if last.get((write.kind, write.id)) is not write.deletes:
            last[write.kind, write.id] = write.deletes
            kept.append(write)
    if not any(not write.deletes for write in kept):
        raise ValueError(say("{file} names no write before the disaster", file=Path(path).name))
    return kept


def _lines(path: Path) -> Iterator[tuple[str, Write]]:
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE + 1), b""), start=1):
            if number > MOST_LINES:
                raise ValueError(say("{file} has more than {most} lines", file=path.name, most=MOST_LINES))
            if line.strip():
                yield _write(line, say("{file}, line {number}", file=path.name, number=str(number)))


def _write(line: bytes, where: Phrase) -> tuple[str, Write]:
    try:
        said = parse(line, Limits(size=_LONGEST_LINE))
    except Malformed:
        said = None
    if not isinstance(said, dict):
        raise ValueError(  # noqa: TRY004 - a line that is malformed
            say("{where}: is no JSON object of at most {limit}", where=where, limit=Size(_LONGEST_LINE))
        )
    texts = {name: said.get(name, "") for name in ("at", "application", "kind", "id")}
    operation = said.get("operation", "write")
    if operation not in ("write", "delete"):
        raise ValueError(say("{where}: operation is write or delete", where=where))
    if not all(isinstance(text, str) for text in texts.values()) or not (texts["kind"] and texts["id"]):
        raise ValueError(say("{where}: at, kind and id must be texts", where=where))
    try:
        at = datetime.fromisoformat(texts["at"])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(say("{where}: at must be an instant with its zone", where=where))
    return texts["application"], Write(at=at, kind=texts["kind"], id=texts["id"], deletes=operation == "delete")
