"""Drills that another process holds: they are followed from the journal, and whoever holds them is asked to stop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from drp.cli import render
from drp.cli.holding import exit_status
from drp.cli.progress import JsonLinesReporter, QuietReporter, TextReporter
from drp.domain.events import ApprovalAsked, DrillConcluded, Entry, Sign
from drp.domain.fold import DrillState, fold
from drp.domain.phrase import say
from drp.drill.declare import find
from drp.errors import UsageError
from drp.service.lock import is_held
from drp.service.orders import ask_order_to_stop, drill_of
from drp.service.stopping import ask_to_stop
from drp.service.supervisor import Outcome
from drp.service.wiring import Wiring

_LOOK_SECONDS = 0.5
_Shown = JsonLinesReporter | QuietReporter | TextReporter


def ask_to_abort(wiring: Wiring, reference: str, *, by: str, machine: bool) -> int:
    """Ask whoever holds a drill, or has its order, to stop it. Raises ``NotFound``, ``UsageError`` when nobody does."""
    drill, order = _named(wiring, reference)
    asked = bool(order) and ask_order_to_stop(wiring, order, by)
    if not asked and drill and is_held(wiring.site.state_directory):
        ask_to_stop(wiring.site.state_directory, drill, by)
        asked = True
    if not asked:
        message = (
            say("nobody holds drill {drill}: it was cut off", drill=drill)
            if drill
            else say("order {order} is over", order=order)
        )
        raise UsageError(
            message,
            hint=say("record what is known: `drp drill resume {drill} --conclude`", drill=drill) if drill else "",
        )
    if machine:
        render.document("drp/abort/1", {"drill": drill, "order": order, "asked_by": by})
    else:
        render.note(
            say("asked: drill {drill} ends destroyed and sealed; see it with `drp drill watch {drill}`", drill=drill)
        )
    return 0


def _named(wiring: Wiring, reference: str) -> tuple[str, str]:
    """Return drill and order that a reference means, each empty where there is none."""
    if "@" in reference:
        return drill_of(wiring, reference), reference
    journal = wiring.journal_to_read()
    drill = find(reference, journal)
    state = fold(journal.entries(drill))
    if state.sealed is not None:
        verdict = state.concluded.verdict if state.concluded is not None else "sealed"
        raise UsageError(
            say("drill {drill} has ended: {verdict}", drill=drill, verdict=verdict), hint="see it with `drp drill show`"
        )
    return drill, _order(state)


def _order(state: DrillState) -> str:
    occasion = state.declared.occasion if state.declared is not None else None
    return occasion.order if occasion is not None else ""


def watch(wiring: Wiring, reference: str, shown: _Shown) -> int:
    """Show a drill from here on, to its end; that it ended before, or waits for somebody, is shown at once."""
    journal = wiring.journal_to_read()
    drill = find(drill_of(wiring, reference), journal)
    outcome, last, told = Outcome(), -1, 0
    known: Sequence[Entry] = tuple(journal.entries(drill))
    if not isinstance(shown, JsonLinesReporter):
        waits = fold(known).approval.awaited
        said = (DrillConcluded, ApprovalAsked) if waits else (DrillConcluded,)
        before = [entry for entry in known if not isinstance(entry.event, said)]
        shown.catch_up(before)
        known = [entry for entry in known if isinstance(entry.event, said)]
        for entry in before:
            outcome.take(entry)
            last = max(last, entry.sequence)
    while True:
        for entry in known:
            outcome.take(entry)
            last = max(last, entry.sequence)
            _show(shown, entry)
        if outcome.sealed:
            return exit_status(outcome)
        held = journal.holder(drill) is not None or is_held(wiring.site.state_directory)
        signs = journal.signs(drill)
        for sign in signs[-1:] if len(signs) != told else ():
            _show(shown, sign)
        told = len(signs)
        known = tuple(journal.entries(drill, last))
        if not known and not held:
            render.note(
                say("drp: nobody holds drill {drill} any more; go on with `drp drill resume {drill}`", drill=drill)
            )
            return exit_status(outcome)
        if not known:
            wiring.clock.sleep(_LOOK_SECONDS)


def _show(shown: _Shown, happening: Entry | Sign) -> None:
    with suppress(OSError):  # nobody reads how it goes
        shown.emit(happening)
