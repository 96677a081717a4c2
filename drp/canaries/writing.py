"""Chooses how a heartbeat is written, by its kind."""

from __future__ import annotations

import struct
from collections.abc import Callable

from drp.canaries.command import write_through_command
from drp.canaries.deadline import within
from drp.canaries.files import write_file
from drp.canaries.heartbeat import Heartbeat, Written
from drp.canaries.mariadb import write_to_mariadb
from drp.canaries.orthanc import write_to_orthanc
from drp.canaries.postgres import write_to_postgres
from drp.config.canaries import CanarySettings, CommandCanary, DatabaseCanary, FileCanary
from drp.domain.restore import SecretReference
from drp.errors import Unreachable

_NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What libraries raise over an answer that no such server gives."""

Resolve = Callable[[SecretReference], str]


def write(settings: CanarySettings, heartbeat: Heartbeat, resolve: Resolve) -> Written:
    """Write the heartbeat and return where it is.

    Raises ``AccessDenied`` (wrong password, missing privilege), ``Unreachable``, ``NotFound`` (no such database, study
    or directory), ``StorageFull``, and ``ConfigError`` when a secret cannot be read.
    """
    if isinstance(settings, FileCanary):
        return write_file(settings, heartbeat)
    if isinstance(settings, CommandCanary):
        return write_through_command(settings, heartbeat)
    password = resolve(settings.password) if settings.password is not None else ""
    try:
        if isinstance(settings, DatabaseCanary) and settings.kind != "postgres":
            return write_to_mariadb(settings, heartbeat, password)  # by a program, which has its own limit
        with within(settings.timeout_seconds):
            if isinstance(settings, DatabaseCanary):
                return write_to_postgres(settings, heartbeat, password)
            return write_to_orthanc(settings, heartbeat, password)
    except TimeoutError as error:
        raise Unreachable(f"the {settings.kind} server of the canary does not answer: {error}") from error
    except _NONSENSE as error:
        raise Unreachable(f"what answers in place of the canary's {settings.kind} server is none") from error


__all__ = ["Heartbeat", "Written", "write"]
