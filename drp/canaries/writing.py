"""Chooses how a heartbeat is written, by its kind."""

from __future__ import annotations

from collections.abc import Callable

from drp.canaries.command import write_through_command
from drp.canaries.files import write_file
from drp.canaries.heartbeat import Heartbeat, Written
from drp.canaries.mariadb import write_to_mariadb
from drp.canaries.orthanc import write_to_orthanc
from drp.canaries.postgres import write_to_postgres
from drp.config.canaries import CanarySettings, CommandCanary, DatabaseCanary, FileCanary
from drp.domain.restore import SecretReference

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
    if isinstance(settings, DatabaseCanary):
        writer = write_to_postgres if settings.kind == "postgres" else write_to_mariadb
        return writer(settings, heartbeat, password)
    return write_to_orthanc(settings, heartbeat, password)


__all__ = ["Heartbeat", "Written", "write"]
