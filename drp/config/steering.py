"""What a site's files name outside of themselves that steers drp: programs that it runs, and files that it believes."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from drp.config.schema import Secret

FILES = frozenset({"allowed_signers", "ca_file", "calendar", "ground_truth", "listed_in"})
"""Fields that name a file whose content is believed."""
PROGRAMS = frozenset({"argv", "executable"})
"""Fields that name a program, alone or with its arguments."""


def steering_paths(said: object, site: Path) -> Iterator[Path]:
    """Yield the path of every file and program that a model, and what lies in it, names."""
    if isinstance(said, Secret):
        if said.file is not None:
            yield site / said.file
        yield from _words(said.command or (), site)
    elif isinstance(said, BaseModel):
        for name in type(said).model_fields:
            value = getattr(said, name)
            if name in FILES and value is not None:
                yield site / value
            elif name in PROGRAMS:
                yield from _words([value] if isinstance(value, str) else value, site)
            else:
                yield from steering_paths(value, site)
    elif isinstance(said, dict | list | tuple):
        for value in said.values() if isinstance(said, dict) else said:
            yield from steering_paths(value, site)


def program(word: str, site: Path) -> str:
    """Return a program as it is started: relative paths are the site's, never the caller's; bare names stay."""
    return str(site / word) if "/" in word else word


def _words(argv: Sequence[str], site: Path) -> Iterator[Path]:
    """Yield the program, and each argument that is the whole path of a file: a script, or what it reads."""
    for index, word in enumerate(argv):
        if (index == 0 and "/" in word) or (word.startswith("/") and _may_be_file(Path(word))):
            yield site / word


def _may_be_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:  # what is closed to us may be one
        return error.errno in {errno.EACCES, errno.EPERM}
