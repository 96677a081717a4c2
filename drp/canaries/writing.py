"""Writes a heartbeat within one deadline: a process of its own speaks to the server, and is ended with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from drp.canaries.authentications import authentications
from drp.canaries.command import write_through_command
from drp.canaries.heartbeat import Heartbeat, Written
from drp.canaries.order import ERRORS, Answer, Order
from drp.codec import canonical, from_json, to_data
from drp.command import Output, failure, run
from drp.config.canaries import CanarySettings, CommandCanary, FileCanary
from drp.domain.phrase import say
from drp.domain.restore import SecretReference
from drp.errors import Tampered, Unreachable

Resolve = Callable[[SecretReference], str]

_STARTING_SECONDS = 60.0
"""The writer counts its time from when it can begin; on a busy machine that takes its while."""
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def write(settings: CanarySettings, heartbeat: Heartbeat, resolve: Resolve) -> Written:
    """Write the heartbeat and return where it is.

    Raises ``AccessDenied`` (wrong password, missing privilege, a password asked for in the clear), ``Unreachable``,
    ``NotFound`` (no such database, study or directory), ``StorageFull``, and ``ConfigError`` when a secret or the
    certificates cannot be read.
    """
    if isinstance(settings, CommandCanary):
        return write_through_command(settings, heartbeat)
    begun = time.monotonic()
    reference = None if isinstance(settings, FileCanary) else settings.password
    password = resolve(reference) if reference is not None else ""
    with authentications(settings) as plugins:
        left = settings.timeout_seconds - (time.monotonic() - begun)
        order = Order(settings=settings, heartbeat=heartbeat, password=password, plugins=plugins, seconds=left)
        output = run(
            (sys.executable, "-m", "drp.canaries.writer"),
            stdin=canonical(to_data(order)),
            environment={name: os.environ[name] for name in _AUTHORITIES if name in os.environ},
            timeout_seconds=settings.timeout_seconds + _STARTING_SECONDS,
            grace_seconds=0.0,
            check=False,
        )
    return _read(output, settings)


def _read(output: Output, settings: CanarySettings) -> Written:
    what = f"canary's {settings.kind}" + ("" if isinstance(settings, FileCanary) else " server")
    if output.ended_by != "itself" or output.exit_code == -signal.SIGALRM:
        message = say(
            "the {what} gave no whole answer within {timeout_seconds} s",
            what=what,
            timeout_seconds=f"{settings.timeout_seconds:g}",
        )
        raise Unreachable(message, hint="look whether production is well; nothing waits there any more")
    if output.exit_code < 0:
        raise Unreachable(
            say(
                "what answers in place of the {what} ended its writer: signal {exit_code}",
                what=what,
                exit_code=str(-output.exit_code),
            )
        )
    try:
        answer = from_json(Answer, output.stdout)
    except Tampered as error:
        raise failure("the heartbeat's writer", output) from error
    if answer.refusal is not None:
        raise ERRORS[answer.refusal.kind](answer.refusal.message, hint=answer.refusal.hint)
    if answer.written is None:
        raise failure("the heartbeat's writer", output)
    return answer.written


__all__ = ["Heartbeat", "Written", "write"]
