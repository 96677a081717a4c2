"""What the supervisor makes of a worker's words: a verdict counts once its evidence is sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.cli.holding import exit_status
from drp.domain.events import DrillConcluded, Entry, EvidenceSealed
from drp.service.supervisor import Outcome
from tests.simulators.world import World
from tests.unit.test_drill_control_flow import run


def told() -> list[Entry]:
    world = World()
    run(world)
    return world.shown


def outcome_of(entries: list[Entry]) -> Outcome:
    outcome = Outcome()
    for entry in entries:
        outcome.take(entry)
    return outcome


def test_a_sealed_pass_is_a_pass():
    assert exit_status(outcome_of(told())) == 0


@pytest.mark.parametrize("signals", [[], [2, 2]])
def test_a_worker_that_dies_between_verdict_and_seal_has_not_passed(signals):
    entries = [entry for entry in told() if not isinstance(entry.event, EvidenceSealed)]
    assert isinstance(entries[-1].event, DrillConcluded)
    outcome = outcome_of(entries)
    outcome.stops = signals
    assert outcome.verdict is None
    assert exit_status(outcome) not in {0, 1}


def test_a_failure_stays_a_failure():
    entries = [
        replace(entry, event=replace(entry.event, verdict="failed"))
        if isinstance(entry.event, DrillConcluded)
        else entry
        for entry in told()
    ]
    assert exit_status(outcome_of(entries)) == 1
