"""Looks at a directory that nobody has described yet, and says how its dated folders are named."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from drp.repositories.copies.pattern import FolderPattern

_DAY = r"(?P<Y>(?:19|20)[0-9]{2})(?P<a>[-_.]?)(?P<m>[01][0-9])(?P<b>[-_.]?)(?P<d>[0-3][0-9])"
_TIME = r"(?:(?P<t>[-_T .]?)(?P<H>[0-2][0-9])(?P<c>[-_:.h]?)(?P<M>[0-5][0-9])(?:(?P<e>[-_:.]?)(?P<S>[0-5][0-9]))?)?"
_DATED = re.compile(_DAY + _TIME + r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})?")
_MARKS = (".done", ".complete", ".ok", ".finished")
_MOST_NAMES, _MOST_FOLDERS, _MOST_PATTERNS = 20_000, 500, 4


def guessed(folder: Path) -> Mapping[str, Any]:
    """Return `folders`, and `at` and `complete` where they apply; nothing when no folder has a date. Raises OSError."""
    names = _folders(folder)
    top = Counter(filter(None, map(_pattern, names)))
    deeper: Counter[str] = Counter()
    marks = _marks(folder, names)
    for name in [name for name in names if _pattern(name) is None][:_MOST_FOLDERS]:
        try:
            inside = _folders(folder / name)
        except OSError:
            continue  # closed to us: `repo points` says so
        deeper.update(f"{{tag}}/{pattern}" for pattern in map(_pattern, inside) if pattern is not None)
        marks.update(_marks(folder / name, inside))
    patterns = [pattern for pattern, _ in (top + deeper).most_common(_MOST_PATTERNS)]
    if not patterns:
        return {}
    found: dict[str, Any] = {"folders": patterns}
    if not all(FolderPattern(pattern).is_timed for pattern in patterns):
        found["at"] = "00:00"
    mark, often = next(iter(marks.most_common(1)), ("", 0))
    if often * 2 > (top + deeper).total():
        found["complete"] = f"{{folder}}{mark}"
    return found


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in islice(entries, _MOST_NAMES) if entry.is_dir(follow_symlinks=False))


def _marks(folder: Path, names: list[str]) -> Counter[str]:
    return Counter(mark for name in names if _pattern(name) for mark in _MARKS if (folder / f"{name}{mark}").is_file())


def _pattern(name: str) -> str | None:
    """Return the pattern of a dated name; None for one without a date, or that no pattern can say."""
    match = _DATED.search(name)
    if match is None:
        return None
    text = _literal(name[: match.start()]) + "".join(_directives(match)) + _literal(name[match.end() :])
    try:
        return text if FolderPattern(text).levels[0].fullmatch(name) else None
    except ValueError:
        return None


def _directives(match: re.Match[str]) -> Iterator[str]:
    yield from ("%Y", match["a"], "%m", match["b"], "%d")
    if match["H"]:
        yield from (match["t"], "%H", match["c"], "%M")
    if match["S"]:
        yield from (match["e"], "%S")
    if match["z"]:
        yield "Z" if match["z"] == "Z" else "%z"


def _literal(text: str) -> str:
    return text.replace("%", "%%")
