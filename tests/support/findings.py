"""Which findings a journal tells, wherever they stand: in a phase's output, or by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drp.domain.events import Event, FindingRaised, PhaseCompleted
from drp.domain.findings.finding import Finding


def by_recovery(events: Iterable[Event]) -> Iterator[tuple[str, Finding]]:
    """Yield recovery and finding, in the order in which they were journalled."""
    for event in events:
        if isinstance(event, FindingRaised):
            yield event.recovery, event.finding
        elif isinstance(event, PhaseCompleted):
            yield from ((event.recovery, finding) for finding in event.output.findings)


def told(events: Iterable[Event]) -> list[Finding]:
    """Return the findings, in the order in which they were journalled."""
    return [finding for _, finding in by_recovery(events)]


def of_lines(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return recovery and finding of events as ``--json`` prints them."""
    found = []
    for event in events:
        told = [event["finding"]] if event["type"] == "finding-raised" else (event.get("output") or {}).get("findings")
        found += [(event["recovery"], finding) for finding in told or ()]
    return found
