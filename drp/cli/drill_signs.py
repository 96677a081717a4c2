"""What `drp drill run` says before a drill and after it."""

from __future__ import annotations

from drp.cli.render import note
from drp.domain.phrase import say


def first_sign(*, quiet: bool) -> None:
    """Say that drp is at work, before all that a drill needs is loaded: that alone takes a while."""
    if not quiet:
        note("drp: reading the site, and looking for room …")


def afterwards(drill: str, *, sealed: bool, kept: bool) -> None:
    """Say what can be done next."""
    if not sealed:
        note(
            say(
                "cut off:  drp drill resume {drill}    (with --conclude: restore nothing more, only record)",
                drill=drill,
            )
        )
        return
    note(say("report:   drp report {drill} --format html -o report.html", drill=drill))
    if kept:
        note(say("inside:   drp drill exec {drill} -- COMMAND", drill=drill))
        note("when done: drp drill clean")
