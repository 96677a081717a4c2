"""Keeps foreign exceptions inside the driver: what leaves it is one of the errors its port names."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from drp.domain.phrase import Phrase, own_words, say
from drp.errors import CommandFailed, SandboxError, StorageFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
MORE_DESCRIPTORS = say(
    "raise the limit of open files (LimitNOFILE=, ulimit -n), or say a lower `parallel` in the drill's file"
)
"""What to do where this process may not open what it needs."""


@contextmanager
def sandbox_errors(failed: Phrase) -> Iterator[None]:
    """Turn OSError and CommandFailed into SandboxError, or StorageFull where there is no room; let others through."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        message = say("{failed}: {why}", failed=failed, why=reason)
        if error.errno in _NO_ROOM:
            raise StorageFull(message) from error
        raise SandboxError(message, hint=MORE_DESCRIPTORS if error.errno in _TOO_MANY else None) from error
    except CommandFailed as error:
        message = say("{failed}: {why}", failed=failed, why=own_words(error.message))
        raise SandboxError(message, hint=error.hint) from error
