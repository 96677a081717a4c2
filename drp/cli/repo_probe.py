"""What `drp repo worm NAME --probe` shows: each attempt, what came of it, and the store's own words."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.codec import to_data
from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.worm.probe import Probe, Tried
from drp.domain.worm.probe_findings import named

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


def document(probe: Probe) -> dict[str, Any]:
    """Return a probe as data, with whether it proves the lock."""
    return {**to_data(probe), "proven": probe.proven}


def exit_of(probe: Probe) -> int:
    """Return 1 where anything critical was found, 3 where the lock was not shown to hold, else 0."""
    if any(each.severity == "critical" for each in probe.findings):
        return 1
    return 0 if probe.proven else 3


def show(probe: Probe) -> None:
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
