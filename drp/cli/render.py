"""How the command line speaks: durations and sizes for people, tables on a terminal, documents for machines."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from drp.cli import wording
from drp.cli.streams import complain, delivering
from drp.cli.wrapping import fitted, laid_out, room_of
from drp.domain import visible
from drp.domain.visible import is_visible, printable_lines


def duration(milliseconds: int | None) -> str:
    """Return a duration as people say it, in the language in force."""
    return "-" if milliseconds is None else wording.duration(milliseconds)


def size(number: int | None) -> str:
    """Return a number of bytes in powers of ten, in the language in force."""
    return "-" if number is None else wording.size(number)


def printable(text: str) -> str:
    """Return a text in one line, with everything made visible; a phrase in the language in force."""
    return visible.printable(wording.words(text))


def instant(moment: datetime | str | None) -> str:
    """Return an instant, given as such or as in documents, in UTC to the second."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).astimezone(UTC)
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%SZ}"


def minute(moment: datetime | str | None) -> str:
    """Return an instant to the minute, for tables: as narrow as a terminal is."""
    return instant(moment).removesuffix("Z")[:-3] + "Z" if moment is not None else "-"


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
    """Print one result on standard output, in the language in force; on a terminal in lines that fit."""
    write(fitted(printable_lines(wording.spoken_line(text)), room_of(sys.stdout)))


def verbatim(text: str) -> None:
    """Print what a file or a program is to take, as it is: neither words of ours, nor cut into lines that fit."""
    write(printable_lines(text))


def labelled(label: str, text: str, *, width: int = 12) -> None:
    """Print one result behind its label, set in; the label is a message, the text a phrase or data."""
    line(f"  {wording.spoken_line(label):<{width}} {printable(text)}")


def write(text: str) -> None:
    """Write lines that are printable already on standard output. Raises Undeliverable."""
    with delivering():
        sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print one thing for the reader on standard error, if anybody is there to read it."""
    complain(fitted(printable_lines(wording.spoken_line(text)), room_of(sys.stderr)) + "\n")


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
    """Print a table: aligned columns, no borders, so that it reads the same on a terminal and in a pipe.

    On a terminal that is too narrow, what is long in a cell goes on below it. Headings are messages; cells that are no
    phrases are data.
    """
    body = [[printable(cell) for cell in row] for row in rows]
    for each in laid_out([[wording.spoken_line(each).upper() for each in headings], *body], room_of(sys.stdout)):
        write(each)
