"""Text on a terminal of so many columns: a line that is too long goes on below, set in; in a pipe nothing is cut."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

_LEAST = 40
"""Columns: what is narrower than that wraps by itself."""
_LABEL = re.compile(r" *\S+(?: \S+){0,3} {2,}|(?: *[✔✗?!·…-])? +")
"""What stands before the text proper, so that the next line begins below it: a label and two blanks, or a mark."""
_UNIT = re.compile(r" (?=(?:ms|s|min|h|d|j|byte|octets?|[kMGT]?[Bo]|UTC)\b)(?<=\d )")
_KEPT = "\0"
"""Stands for a blank that does not break; no text that may be shown has it."""
_DEEPEST = 26
_GAP = "  "
_FEWEST = 2


def room_of(stream: TextIO) -> int | None:
    """Return how many columns there are; None: it is no terminal, or so narrow that nothing helps."""
    try:
        if not stream.isatty():
            return None
        said = os.environ.get("COLUMNS", "")
        columns = (
            int(said) if said.isascii() and said.isdigit() and said != "0" else os.get_terminal_size(stream.fileno())[0]
        )
    except (OSError, ValueError, AttributeError):
        return None
    return columns if columns >= _LEAST else None


def fitted(text: str, columns: int | None) -> str:
    """Return lines that fit: each that is too long goes on below its text, set in; a long word stays whole."""
    if columns is None:
        return text
    return "\n".join(
        part for line in text.split("\n") for part in (_folded(line, columns) if len(line) > columns else [line])
    )


def _folded(line: str, columns: int) -> list[str]:
    label = _LABEL.match(line)
    begin = min(label.end() if label is not None else 0, _DEEPEST)
    set_in = begin if begin > len(line) - len(line.lstrip()) else begin + 2
    return _lines(line, columns, " " * set_in) or [line]


def _lines(text: str, columns: int, set_in: str = "") -> list[str]:
    """Return a text in lines; a figure keeps its unit, and a long word stays whole."""
    together = _UNIT.sub(_KEPT, text)
    lines = textwrap.wrap(together, columns, subsequent_indent=set_in, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_KEPT, " ") for line in lines]


def laid_out(rows: Sequence[Sequence[str]], columns: int | None) -> Iterator[str]:
    """Yield the lines of a table of aligned columns; the widest give way until all fit, and go on below.

    Where words are too long for that, what stands last, most often a path, has a line of its own.
    """
    widths = _widths(rows, columns)
    if columns is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > columns and len(widths) > _FEWEST:
        inner = [row[:-1] for row in rows]
        narrow = _widths(inner, columns)
        for row, whole in zip(inner, rows, strict=True):
            yield from _row_lines(row, narrow)
            if whole[-1]:
                yield f"{' ' * 4}{whole[-1]}"
        return
    for row in rows:
        yield from _row_lines(row, widths)


def _widths(rows: Sequence[Sequence[str]], columns: int | None) -> list[int]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    if columns is None:
        return widths
    return _narrowed(widths, [_longest_word(cells) for cells in zip(*rows, strict=True)], columns)


def _row_lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [_lines(cell, width) if len(cell) > width else [cell] for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        parts = (cell[number] if number < len(cell) else "" for cell in cells)
        yield _GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()


def _longest_word(cells: Sequence[str]) -> int:
    return max((len(word) for cell in cells for word in cell.split(" ")), default=0)


def _narrowed(widths: list[int], least: list[int], columns: int) -> list[int]:
    """Return widths that fit where words let them: the widest gives way first."""
    widths, over = list(widths), sum(widths) + len(_GAP) * (len(widths) - 1) - columns
    while over > 0:
        can = [at for at, width in enumerate(widths) if width > least[at]]
        if not can:
            break
        widths[max(can, key=lambda at: widths[at])] -= 1
        over -= 1
    return widths


def beside(begin: str, text: str, end: str, columns: int | None) -> str:
    """Return a line with a text that may be long and an end that stays on its first line, at the right.

    Where it does not fit, the text goes on below itself.
    """
    if columns is None:
        return f"{begin}{text:<78} {end:>8}".rstrip()
    room = columns - len(begin) - len(end) - len(_GAP)
    first, *more = _lines(text, max(room, _LEAST // 2)) or [""]
    line = f"{begin}{first:<{room}}{_GAP}{end}".rstrip()
    return "\n".join([line, *(f"{' ' * len(begin)}{each}" for each in more)])
