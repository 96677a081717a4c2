"""What an application sends after it was verified is told too, each thing once, and calls between neighbours are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.cli.neighbour_views import neighbour_lines
from drp.codec import from_data, to_data
from drp.domain.events import TrafficSeen
from drp.domain.findings.catalogue import EGRESS_ATTEMPTED
from drp.domain.fold import fold
from drp.domain.phase import Verified
from drp.domain.sandbox import EgressAttempt, NeighbourContact
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.drill.traffic import egress_findings
from drp.evidence.record import read_record, record_bytes
from tests.simulators.traffic import Traffic
from tests.simulators.world import EPOCH, World, events_of
from tests.support.findings import told as findings_told

BILLING = EgressAttempt(at=EPOCH, protocol="tcp", destination="10.9.9.9", port=443)
LABELS = replace(BILLING, at=EPOCH + timedelta(minutes=5), protocol="udp", destination="name:labels.example", port=53)
CALL = NeighbourContact(
    source="ehr", destination="lis", address="10.20.0.12", port=5432, protocol="tcp", first_at=EPOCH
)


def drilled(then: Traffic, *, pod: bool = True) -> World:
    """A drill whose application sent something before it was verified, and then ``then`` altogether."""
    world = World()
    world.plan = replace(world.plan, pod=pod)
    world.script.traffic = Traffic((BILLING,), (CALL,) if pod else ())
    asked: list[str] = []

    def on_call(name: str) -> None:
        if name == "egress":
            asked.append(name)
            world.script.traffic = then if len(asked) > 1 else world.script.traffic

    world.script.on_call = on_call
    ports = world.ports()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), ports)
    return world


def told(world: World) -> list[str]:
    raised = findings_told(events_of(world))
    return [finding.subject for finding in raised if finding.code == EGRESS_ATTEMPTED.code]


def test_what_was_sent_after_the_checks_is_told_and_recorded() -> None:
    often = replace(CALL, count=3)
    world = drilled(Traffic((BILLING, LABELS), (often,)))
    assert told(world) == ["tcp 10.9.9.9:443", "look-up of labels.example"]
    (record,) = (read_record(content) for content in world.records.values())  # type: ignore[arg-type]
    assert read_record(record_bytes(record)) == record
    (recovery,) = record.recoveries
    assert recovery.verify is not None
    assert recovery.verify.egress == (BILLING,)
    assert recovery.verify.neighbours == (CALL,)
    assert recovery.egress == (BILLING, LABELS)
    assert recovery.neighbours == (often,)
    (state,) = fold(world.journal.entries(record.drill)).recoveries.values()
    assert list(neighbour_lines(state)) == ["lis was called by ehr: tcp 10.20.0.12:5432, 3 times"]


@pytest.mark.parametrize("pod", [True, False])
def test_nothing_more_sent_is_nothing_more_told(pod: bool) -> None:
    world = drilled(Traffic((BILLING,), (CALL,) if pod else ()), pod=pod)
    assert told(world) == ["tcp 10.9.9.9:443"]
    assert not [event for event in events_of(world) if isinstance(event, TrafficSeen)]


def test_a_destination_is_told_once_though_more_was_sent_there() -> None:
    world = drilled(Traffic((BILLING, replace(BILLING, payload_bytes=7, payload_digest="d" * 64)), (CALL,)))
    assert told(world) == ["tcp 10.9.9.9:443"]
    (event,) = [event for event in events_of(world) if isinstance(event, TrafficSeen)]
    assert [attempt.payload_bytes for attempt in event.egress] == [7]


def test_many_destinations_are_named_up_to_a_limit() -> None:
    many = [replace(BILLING, port=port) for port in range(1000, 1025)]
    subjects = [finding.subject for finding in egress_findings(many)]
    assert len(subjects) == 21
    assert subjects[-1] == "5 more destinations"
    assert [finding.subject for finding in egress_findings(many, many[1:])] == ["tcp 10.9.9.9:1000"]


def test_outputs_from_before_contacts_were_kept_still_read() -> None:
    data = to_data(Verified(checks=(), watermark=None))
    del data["neighbours"]
    read = from_data(Verified, data)
    assert read.neighbours is None, "nobody could tell then"
