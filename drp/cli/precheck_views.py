"""What a look for room says on a terminal and in a document."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.codec import to_data
from drp.domain.precheck import Precheck
from drp.domain.precheck_words import sentence


def precheck_document(found: Precheck) -> dict[str, Any]:
    """Return it as plain data, with its state and every sentence."""
    said = [{**to_data(reason), "weight": reason.weight, "says": sentence(reason)} for reason in found.reasons]
    return {**to_data(found), "state": found.state, "reasons": said}


def precheck_lines(found: Precheck) -> list[str]:
    """Return it in lines: what it comes to, then each reason."""
    needs = found.needs
    takes = f"takes {render.size(needs.memory_least_bytes)} to {render.size(needs.memory_most_bytes)} of memory"
    there = (
        "nobody tells how much there is" if found.memory_bytes is None else f"{render.size(found.memory_bytes)} free"
    )
    disk = f", {render.size(needs.disk_bytes)} of disk" if needs.disk_bytes else ""
    others = f"; {found.drills_at_work} drills at work on this host" if found.drills_at_work else ""
    return [
        f"room: {found.state}; {takes} ({there}){disk}{others}",
        *(f"  {reason.weight}: {sentence(reason)}" for reason in found.reasons),
    ]
