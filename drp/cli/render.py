"""How the command line speaks: durations and sizes for people, tables on a terminal, documents for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def duration(milliseconds: int | None) -> str:
    """Return a duration as people say it: 0.4s, 38s, 6m 20s, 1h 05m."""
    if milliseconds is None:
        return "-"
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"


def size(number: int | None) -> str:
    """Return a number of bytes in binary units."""
    if number is None:
        return "-"
    value = float(number)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError(unit)


def instant(moment: datetime | str | None) -> str:
    """Return an instant, given as such or as in documents, in UTC to the second."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).astimezone(UTC)
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%SZ}"


def document(schema: str, content: Any) -> None:
    """Print one JSON document on standard output; fields may be added to it, never renamed."""
    body = content if isinstance(content, dict) else {"items": content}
    sys.stdout.write(json.dumps({"schema": schema, **body}, ensure_ascii=False, indent=2, default=str) + "\n")


def line(text: str = "") -> None:
    """Print one line of a result on standard output."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print one line for the reader on standard error."""
    sys.stderr.write(text + "\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: aligned columns, no borders, so that it reads the same on a terminal and in a pipe."""
    body = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(headings), *body]) for column in range(len(headings))]
    for row in [[heading.upper() for heading in headings], *body]:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """Return text with control and bidirectional characters shown: names from backups are hostile."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
