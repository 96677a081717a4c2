"""How the command line speaks: durations and sizes for people, tables on a terminal, documents for machines."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from drp.cli.streams import complain, delivering
from drp.domain.visible import is_visible, printable_lines
from drp.domain.visible import printable as printable  # noqa: PLC0414 - what views say it with

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def duration(milliseconds: int | None) -> str:
    """Return a duration as people say it: 0.4s, 38s, 6m 20s, 1h 05m, 669d 14h."""
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
    if hours >= 48:
        return f"{hours // 24}d {hours % 24:02d}h"
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
    write(json_text({"schema": schema, **body}, indent=2))


def json_text(data: Any, indent: int | None = None) -> str:
    r"""Return JSON that is valid wherever it goes: what a terminal would obey, or could not show, stands as ``\u…``."""
    return json_shown(json.dumps(data, ensure_ascii=not encodes_all(sys.stdout), indent=indent, default=str))


def json_shown(text: str) -> str:
    """Return a JSON text with everything escaped that does not show itself: the same data, and nothing that acts."""
    if text.isascii():
        return text
    return "".join(each if is_visible(each) or each == "\n" else json.dumps(each)[1:-1] for each in text)


def encodes_all(stream: TextIO) -> bool:
    """Return whether every character can be written to a stream."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")


def line(text: str = "") -> None:
    """Print one result on standard output."""
    write(printable_lines(text))


def write(text: str) -> None:
    """Write lines that are printable already on standard output. Raises Undeliverable."""
    with delivering():
        sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print one thing for the reader on standard error, if anybody is there to read it."""
    complain(printable_lines(text) + "\n")


def output(parts: Iterable[bytes], stream: TextIO | None = None) -> None:
    """Print bytes from inside, or of a document: as they are, unless somebody looks at them on a terminal."""
    stream = stream if stream is not None else sys.stdout
    with delivering():
        if not stream.isatty():
            stream.flush()
            stream.buffer.writelines(parts)
        else:
            decoder = codecs.getincrementaldecoder("utf-8")("drp-show-bytes")
            for part in parts:
                stream.write(printable_lines(decoder.decode(part)))
            stream.write(printable_lines(decoder.decode(b"", final=True)))
        stream.flush()


def _show_bytes(error: UnicodeError) -> tuple[str, int]:
    r"""Show what is no UTF-8 byte by byte, as ``\xff``."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(f"\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("drp-show-bytes", _show_bytes)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: aligned columns, no borders, so that it reads the same on a terminal and in a pipe."""
    body = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(headings), *body]) for column in range(len(headings))]
    for row in [[heading.upper() for heading in headings], *body]:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
