"""Entry points of installed distributions, read from their files: ``importlib.metadata`` takes longer than most verbs.

The files are those of the packaging specifications: ``NAME-VERSION.dist-info/entry_points.txt`` and ``METADATA`` in a
folder of ``sys.path``. Whatever lies there otherwise (a zip, an egg, a finder of its own) is left to the library.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """One entry point: what a distribution offers under a name."""

    name: str
    value: str
    """``module:attribute``."""
    distribution: str
    """As it calls itself."""
    version: str

    @property
    def module(self) -> str:
        """Return the module that it is in."""
        return self.value.partition(":")[0].strip()

    @property
    def whose(self) -> str:
        """Return the distribution with its version."""
        return f"{self.distribution} {self.version}"

    def load(self) -> Any:
        """Import it. Raises whatever the module raises, ``AttributeError`` where it has no such attribute."""
        module, _, attributes = self.value.partition("[")[0].partition(":")
        found: Any = importlib.import_module(module.strip())
        for attribute in filter(None, attributes.strip().split(".")):
            found = getattr(found, attribute)
        return found


def offers(group: str) -> tuple[Offer, ...]:
    """Return the entry points of a group, by name; nothing is imported. The same one found twice is one."""
    return _offers(group, tuple(sys.path))


@lru_cache(maxsize=64)
def _offers(group: str, path: tuple[str, ...]) -> tuple[Offer, ...]:
    plain = all(each is PathFinder or not hasattr(each, "find_distributions") for each in sys.meta_path)
    try:
        found = set(_in_files(group, path) if plain else _by_library(group))
    except _NotPlain:
        found = set(_by_library(group))
    return tuple(sorted(found))


class _NotPlain(Exception):
    """Something lies on the path that is not a folder of distributions."""


def _in_files(group: str, path: tuple[str, ...]) -> Iterator[Offer]:
    """Yield what distributions in folders offer; of two of one name the first counts, as when it is imported."""
    seen: set[str] = set()
    for folder in dict.fromkeys(each or "." for each in path):
        try:
            entries = sorted(os.listdir(folder))  # noqa: PTH208 - paths of all that is installed take longer than the rest
        except NotADirectoryError:
            raise _NotPlain from None
        except (FileNotFoundError, PermissionError):  # nothing is imported from it either
            continue
        for entry in entries:
            stem, _, kind = entry.rpartition(".")
            if kind in {"egg", "egg-info"}:
                raise _NotPlain
            name = _SEPARATORS.sub("-", stem.rpartition("-")[0] or stem).lower()
            if kind != "dist-info" or name in seen:
                continue
            seen.add(name)
            yield from _of_distribution(Path(folder, entry), group)


def _of_distribution(information: Path, group: str) -> Iterator[Offer]:
    try:
        text = (information / "entry_points.txt").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError, UnicodeDecodeError):
        return
    if f"[{group}]" not in text:
        return
    said = _headers(information)
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield Offer(name.strip(), value.strip(), said.get("name", "unknown"), said.get("version", "unknown"))


def _headers(information: Path) -> dict[str, str]:
    try:
        text = (information / "METADATA").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    lines = text.partition("\n\n")[0].splitlines()
    pairs = [line.partition(":") for line in lines if line[:1].isalpha()]
    return {key.lower(): value.strip() for key, _, value in reversed(pairs)}


def _by_library(group: str) -> Iterator[Offer]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - it takes 60 ms

    for entry in entry_points(group=group):
        said = ("unknown", "unknown") if entry.dist is None else (entry.dist.name, entry.dist.version)
        yield Offer(entry.name, entry.value, *said)
