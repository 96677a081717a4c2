"""Standard streams that cannot bring drp down: closed, full, broken off, or without a way to write a character."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from drp.domain.phrase import say

_BROKEN_PIPE = 141
"""128 + SIGPIPE, as shells say it."""


class Undeliverable(Exception):
    """Standard output took no more; ``status`` is what drp ends with, ``reason`` what is said, if anything is."""

    def __init__(self, status: int, reason: str = "") -> None:
        """Keep both."""
        super().__init__(reason)
        self.status, self.reason = status, reason


def prepare() -> None:
    """Make the three standard streams usable whatever the caller left of them; call before anything is opened.

    A closed one leads nowhere from then on: a file that is opened later would take its number, and be written to.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # a test's own stream takes everything
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@contextmanager
def delivering() -> Iterator[None]:
    """Turn what the system has against writing to standard output into Undeliverable."""
    try:
        yield
    except OSError as error:
        raise undelivered(error) from error


def deliver() -> None:
    """Write out what standard output still holds. Raises Undeliverable."""
    with delivering():
        sys.stdout.flush()


def undelivered(error: OSError) -> Undeliverable:
    """Return how drp ends when its output is not taken, which leads nowhere from then on."""
    _give_up(sys.stdout)
    _give_up(sys.stderr)
    if isinstance(error, BrokenPipeError):
        return Undeliverable(_BROKEN_PIPE)
    return Undeliverable(15, say("standard output cannot be written: {why}", why=error.strerror or str(error)))


def complain(text: str) -> None:
    """Write to standard error, if anybody is there to read it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Let a stream lead nowhere if it takes nothing: what it holds would fail once more when Python ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
