"""Follows a running drill on the command line: what it tells is shown, signals stop it, its end is an exit status."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from drp.cli.render import note
from drp.cli.streams import complain
from drp.domain.events import Entry, Sign
from drp.domain.phrase import say
from drp.domain.ports import Reporter
from drp.domain.verdict import Verdict
from drp.errors import SandboxError
from drp.service.supervisor import Outcome, RunningDrill

_EXIT: dict[Verdict, int] = {"passed": 0, "failed": 1, "inconclusive": 3, "aborted": 130}
_TELLING = {12, 13, 15}
"""Access denied, unreachable, no space: more telling than that a drill is inconclusive."""


def follow(running: RunningDrill, reporter: Reporter) -> Outcome:
    """Show a drill to its end, whoever reads it, and return what came of it. Raises what the drill ended with."""
    with running, _forwarded_signals(running):
        for happening in running:
            if isinstance(happening, Entry | Sign):
                with suppress(OSError):  # nobody reads how it goes: that is no reason to end it
                    reporter.emit(happening)
            else:
                note(say("drp: {text}", text=happening.text))
    complain("")
    return running.outcome


def exit_status(outcome: Outcome) -> int:
    """Return the documented status; why a drill is inconclusive may be more telling than that it is."""
    if outcome.stops and outcome.verdict in {None, "aborted"}:
        return 128 + outcome.stops[0]
    if outcome.verdict is None:
        return SandboxError.exit_status
    if outcome.verdict == "aborted" and outcome.withheld:
        return _EXIT["inconclusive"]
    if outcome.verdict == "inconclusive":
        telling = [failure.exit_status for failure in outcome.failures if failure.exit_status in _TELLING]
        return telling[0] if telling else _EXIT["inconclusive"]
    return _EXIT[outcome.verdict]


@contextmanager
def _forwarded_signals(running: RunningDrill) -> Iterator[None]:
    """First SIGINT, SIGTERM or SIGHUP: the drill stops safely; second: it is killed, with all it started."""

    def handle(number: int, _frame: object) -> None:
        if running.stop(number):
            complain("\n")
            note("drp: stopping safely; press Ctrl-C again to stop now")

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
