"""Reads what restic prints, of every version: JSON lines, plain lines between them, stack traces.

All of it is untrusted text: names of files in it were chosen by whoever filled the backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from drp.domain.strict_json import Limits, Malformed, parse

PRINTED = Limits(size=4 << 20, largest=0, half_pairs=True)
"""A line of a backup tool's JSON: names of files in it may be long, and no UTF-8."""
AnswerKind = Literal["item", "final", "text"]
"""item: one thing could not be restored · final: why the program ended · text: anything else."""

_ITEM_PREFIX = "ignoring error for "
_NOISE = re.compile(
    r"\t|(?:github\.com|golang\.org)/|(?:main|runtime|os|io|syscall)\.|goroutine \d|created by "  # Go's stack
    r"|\[?\d+:\d\d(?::\d\d)?\]? |repository [0-9a-f]+ opened|restoring <|created new cache|found \d+ old cache"
    r"|Summary: "
    r"|loading (?:all )?(?:indexes|snapshots)|enter password|using parent|no parent snapshot"
)
"""How lines begin that are no reason: stack traces, progress, and what restic says before it begins."""
_CUT_OFF = re.compile(
    r'\{"message_type":"(?P<type>error|exit_error)".{0,40}?"message":"(?P<message>(?:[^"\\]|\\.)*)', re.DOTALL
)
_MESSAGE_LIMIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line, understood."""

    kind: AnswerKind
    message: str
    item: str = ""

    @property
    def words(self) -> str:
        """Return item and message, short enough for a finding."""
        return (f"{self.item}: {self.message}" if self.item else self.message)[:_MESSAGE_LIMIT]


def read(lines: Iterable[str]) -> tuple[Answer, ...]:
    """Return what the lines say, in order; progress, blanks and stack traces are left out."""
    return tuple(answer for line in lines if (answer := _read_line(line.rstrip())) is not None)


def _read_line(line: str) -> Answer | None:
    if not line.strip() or _NOISE.match(line):
        return None
    if line.startswith("{"):
        return _read_json(line)
    if line.startswith(_ITEM_PREFIX):
        return _split_item(line.removeprefix(_ITEM_PREFIX))
    return Answer(kind="final" if line.startswith("Fatal: ") else "text", message=line.removeprefix("Fatal: "))


def _split_item(text: str) -> Answer:
    """Take ``<path>: <message>`` apart. The path may hold colons, so the split only serves people."""
    item, _, message = text.partition(": ")
    message = _reason(message)
    return Answer(kind="item", item=item, message=message)


def _reason(message: str) -> str:
    """Return a message without the stack trace that some versions of restic put behind it."""
    lines = [line.strip() for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
    return lines[0] if lines else message.strip()


def _read_json(line: str) -> Answer | None:
    try:
        data = parse(line, PRINTED)
    except Malformed:
        return _cut_off(line)
    match data:
        case {"message_type": "error", "error": {"message": str(message)}}:
            return Answer(kind="item", message=_reason(message), item=str(data.get("item") or ""))
        case {"message_type": "exit_error", "message": str(message)}:
            return Answer(kind="final", message=_reason(message).removeprefix("Fatal: "))
        case _:
            return None


def _cut_off(line: str) -> Answer:
    """Return what a JSON line says that was too long to be kept whole: a stack trace is longer than its message."""
    found = _CUT_OFF.match(line)
    if found is None:
        return Answer(kind="text", message=line)
    message = found["message"].replace("\\n", "\n").replace('\\"', '"')
    final = found["type"] == "exit_error"
    return Answer(kind="final" if final else "text", message=_reason(message).removeprefix("Fatal: "))


def announced_errors(answers: Iterable[Answer]) -> int:
    """Return how many errors restic says there were; more than were seen means that some were not kept."""
    counts = [
        int(found[1])
        for answer in answers
        if answer.kind == "final" and (found := re.search(r"There were (\d{1,9}) errors", answer.message))
    ]
    return max(counts, default=0)
