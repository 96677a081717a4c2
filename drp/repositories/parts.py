"""How many names of files a backup tool can be given: all of them stand on one command line."""

from __future__ import annotations

from collections.abc import Sequence

from drp.domain.phrase import say
from drp.errors import UsageError

_LONGEST = 100 << 10
"""Of one argument, in bytes: Linux takes 128 KiB (MAX_ARG_STRLEN)."""
_ALL = 1 << 20
"""Of all arguments, in bytes: Linux takes a quarter of the stack's limit, 2 MiB as a rule (execve(2)), environment and
pointers included."""
_BESIDE = 24
"""Bytes that an argument costs besides its own: the word before it, two ends, two pointers."""


def must_fit(arguments: Sequence[str], *, files: int) -> tuple[str, ...]:
    """Return the arguments that name so many files. Raises ``UsageError`` for more than a command line takes."""
    sizes = [len(argument.encode("utf-8", "surrogateescape")) + _BESIDE for argument in arguments]
    if not files:
        raise UsageError(say("none of a recovery point's files was asked for"), hint="draw at least one")
    if sum(sizes) > _ALL or max(sizes) > _LONGEST:
        raise UsageError(
            say("the names of {files} files do not fit on the backup tool's command line", files=files),
            hint="draw fewer files: `sample` in the drill's file, or --sample; or hold a drill of level hash",
        )
    return tuple(arguments)
