"""What a look for room says on a terminal and in a document."""

from __future__ import annotations

from typing import Any

from drp.cli.words import word
from drp.codec import to_data
from drp.domain.phrase import NOTHING, Size, count, say
from drp.domain.precheck import Precheck
from drp.domain.precheck_words import STATES, sentence, weighed


def precheck_document(found: Precheck) -> dict[str, Any]:
    """Return it as plain data, with its state and every sentence."""
    said = [{**to_data(reason), "weight": reason.weight, "says": sentence(reason)} for reason in found.reasons]
    return {**to_data(found), "state": found.state, "reasons": said}


def precheck_lines(found: Precheck) -> list[str]:
    """Return it in lines: what it comes to, then each reason."""
    needs, free = found.needs, found.memory_bytes
    disk = say(", {size} of disk", size=Size(needs.disk_bytes)) if needs.disk_bytes else NOTHING
    others = (
        count("; {n} drill at work on this host", "; {n} drills at work on this host", found.drills_at_work)
        if found.drills_at_work
        else NOTHING
    )
    takes = say(
        "takes {least} to {most} of memory ({there}){disk}{others}",
        least=Size(needs.memory_least_bytes),
        most=Size(needs.memory_most_bytes),
        there=say("nobody tells how much there is") if free is None else say("{size} free", size=Size(free)),
        disk=disk,
        others=others,
    )
    return [
        say("room: {state}; {takes}", state=word(STATES, found.state), takes=takes),
        *(say("  {reason}", reason=weighed(reason)) for reason in found.reasons),
    ]
