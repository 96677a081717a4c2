"""Parts of recovery points: files by their names, which all stand on one command line, and an application's folder."""

from __future__ import annotations

from collections.abc import Sequence

from drp.domain.phrase import Phrase, say
from drp.domain.recovery_point import RecoveryPoint
from drp.errors import RepositoryError, UsageError

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


def nothing_there(point: RecoveryPoint, lacking: Phrase) -> RepositoryError:
    """Return the error for a restore of a sub-path at which a point has nothing."""
    return RepositoryError(
        say(
            "recovery point {short_id} of {repository} has nothing at {sub_path}: {lacking}",
            short_id=point.short_id,
            repository=point.repository,
            sub_path=point.sub_path,
            lacking=lacking,
        ),
        hint=say("correct `backup.sub_path` in the application's file, or the backup job"),
    )
