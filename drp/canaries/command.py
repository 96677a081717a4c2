"""A heartbeat by a program of the site: its standard input is the instant, its exit status the answer."""

from __future__ import annotations

from drp.canaries.heartbeat import Heartbeat, Written
from drp.command import run
from drp.config.canaries import CommandCanary
from drp.domain.phrase import own_words, say
from drp.errors import AccessDenied, CommandFailed, NotFound, StorageFull, Unreachable

_SAYS = {12: AccessDenied, 15: StorageFull}
"""The program may end as drp itself would; everything else means that the application took no heartbeat."""


def write_through_command(settings: CommandCanary, heartbeat: Heartbeat) -> Written:
    """Run the program with the instant on its standard input, until its deadline. Raises as its exit status says."""
    program = settings.argv[0]
    try:
        run(
            settings.argv,
            stdin=f"{heartbeat.text}\n".encode(),
            timeout_seconds=settings.timeout_seconds,
            grace_seconds=0.0,
            capture=False,
        )
    except CommandFailed as error:
        if error.exit_code == 127:
            raise NotFound(
                say("{program} is not there", program=program), hint="fix `canary.argv` of the application"
            ) from error
        kind = _SAYS.get(error.exit_code, Unreachable)
        raise kind(say("the application took no heartbeat: {words}", words=own_words(error.message))) from error
    return Written(place=f"command {program}")
