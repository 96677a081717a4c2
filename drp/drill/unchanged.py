"""Holds a drill to what its plan declared: with another runbook, tool or site file it does not go on."""

from __future__ import annotations

from drp.domain.findings.catalogue import MATERIALS_CHANGED
from drp.domain.phrase import fact, own_words, say
from drp.domain.ports import Ports
from drp.drill.recorder import Recorder
from drp.errors import MaterialsChanged

_NAMED = 8


def require_unchanged(recorder: Recorder, ports: Ports) -> None:
    """Raise ``MaterialsChanged`` when something that the drill uses is no longer what its plan declared."""
    plan = recorder.state.plan
    if changed := plan.changed(ports.materials(plan)):
        more = fact("more", " and {n} more", n=len(changed) - _NAMED) if len(changed) > _NAMED else ""
        raise MaterialsChanged(
            say("no longer as declared: {changed}{more}", changed=", ".join(changed[:_NAMED]), more=more)
        )


def unchanged(recorder: Recorder, ports: Ports) -> bool:
    """Return whether the drill goes on with what its plan declared; otherwise every recovery has the finding."""
    try:
        require_unchanged(recorder, ports)
    except MaterialsChanged as error:
        for name, progress in recorder.state.recoveries.items():
            finding = MATERIALS_CHANGED.finding(
                subject=name,
                observed=error.message,
                expected=fact("what-plan-declared", "what the plan declared"),
                remedy=own_words(error.hint),
            )
            if finding not in progress.findings:
                recorder.found(name, finding)
        return False
    return True
