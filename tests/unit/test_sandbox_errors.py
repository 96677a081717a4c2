"""Whatever goes wrong in the driver leaves it as an error that the port names."""

from __future__ import annotations

import errno
import os

import pytest

from drp.errors import CommandFailed, DrpError, NotIsolated, SandboxError, StorageFull
from drp.sandboxes.errors import sandbox_errors


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        (OSError(errno.ENOSPC, "x"), StorageFull, "opening: No space left"),
        (PermissionError(errno.EPERM, "x"), SandboxError, "opening: Operation not permitted"),
        (OSError("odd"), SandboxError, "opening: odd"),
        (TimeoutError("late"), SandboxError, "opening: late"),
        (CommandFailed("mkfs is not installed", exit_code=127, hint="h"), SandboxError, "opening: mkfs"),
        (NotIsolated("leak"), NotIsolated, "leak"),
        (StorageFull("full"), StorageFull, "full"),
    ],
)
def test_foreign_errors_are_wrapped(raised: Exception, expected: type[DrpError], text: str) -> None:
    with pytest.raises(expected, match=text), sandbox_errors("opening"):
        raise raised


def test_bugs_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), sandbox_errors("opening"):
        os.getpid() / 0
