"""What `drp repo worm NAME --probe` does and shows: each attempt, what came of it, and the store's own words."""

from __future__ import annotations

from drp.cli import render
from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.worm.probe import Probe, Tried
from drp.domain.worm.probe_findings import named
from drp.service.wiring import Wiring
from drp.service.worm.probing import probed

CAME = {
    "refused": say("refused"),
    "succeeded": say("SUCCEEDED"),
    "ignored": say("said yes, did nothing"),
    "undecided": say("undecided"),
    "not-probed": say("not probed"),
}
GROUNDS = {
    "lock": say("by the lock"),
    "rights": say("for want of rights"),
    "": NOTHING,
}


def show_attempts(wiring: Wiring, name: str, *, again: bool, machine: bool) -> None:
    """Probe a repository, and print what came of each attempt, where no document is asked for. Raises as `probed`."""
    probe = probed(wiring, name, again=again)
    if not machine:
        _show(probe)
        render.line()


def _show(probe: Probe) -> None:
    """Print what was tried."""
    if probe.subject:
        render.line(say("tried on {subject}", subject=probe.subject))
    if probe.retained_until is not None:
        render.line(
            say("it stays until {until}, and is removed afterwards", until=render.instant(probe.retained_until))
        )
    rows = [(named(each), _came(each), each.answer or "-") for each in probe.tried]
    if rows:
        render.table(("attempt", "came", "answer"), rows)
    for why in dict.fromkeys(each.why for each in probe.tried if each.why and each.came != "refused"):
        number = sum(each.why == why for each in probe.tried)
        render.note(count("{n} attempt: {why}", "{n} attempts: {why}", number, why=why))
    render.line(say("the lock was probed, and held") if probe.proven else say("the lock was not shown to hold"))


def _came(tried: Tried) -> Phrase:
    return joined((CAME[tried.came], GROUNDS[tried.ground]), " ")
