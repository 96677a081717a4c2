"""An application that is up and did not pass its checks: when it was up is told everywhere, and never as its RTA."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drp.domain.events import DrillConcluded
from drp.errors import Unreachable
from drp.evidence.record import record_bytes
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from tests.simulators.world import Script, World
from tests.unit.test_drill_control_flow import concluded, run
from tests.unit.test_drill_levels import record_of

CHECKED = [("undetermined",), ("failed",), ("passed", "undetermined"), ("passed", "failed")]
"""What checks came to."""


def ended(checks: tuple[str, ...] = ("passed",), **script: object) -> tuple[World, DrillConcluded]:
    world = World(Script(checks=checks, **script))
    run(world)
    return world, concluded(world)


@pytest.mark.parametrize("checks", CHECKED)
def test_it_is_measured_and_is_no_recovery_time(checks):
    _, event = ended(checks)
    (measurement,) = event.measurements
    assert measurement.clock.t9_application_up is not None
    assert measurement.up_ms == measurement.clock.t9_application_up
    assert (measurement.rta_ms, measurement.clock.t10_checks_passed) == (None, None)
    assert measurement.rto_attainment == "not-measured"


def test_with_every_check_passed_the_recovery_time_is_all_that_counts():
    _, event = ended()
    (measurement,) = event.measurements
    assert measurement.up_ms is None
    assert measurement.rta_ms is not None


@pytest.mark.parametrize(
    "script", [{"start_ok": False}, {"restore_ok": False}, {"unrestored": ("pack",)}, {"proof_allowed": 1}]
)
def test_what_did_not_start_is_never_up(script):
    _, event = ended(**script)
    (measurement,) = event.measurements
    assert measurement.clock.t9_application_up is None
    assert measurement.up_ms is None


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("checks", CHECKED)
def test_reports_tell_when_it_was_up_beside_that_no_time_was_measured(checks, language):
    world, event = ended(checks)
    record = record_of(world)
    measured = replace(event.measurements[0], clock=replace(event.measurements[0].clock, t9_application_up=12_345))
    (recovery,) = record.recoveries
    record = replace(record, recoveries=(replace(recovery, measurement=measured),))
    when, none = {"en": ("12.3\u202fs", "Not measured"), "fr": ("12,3\u202fs", "Non mesuré")}[language]
    markdown = render_markdown(record, language).decode()
    assert "t9" in markdown
    for text in (markdown, render_html(record, language).decode()):
        assert when in text.replace("\u00a0", "\u202f").replace(" s", "\u202fs"), text
        assert none in text
    told = json.loads(record_bytes(record))["recoveries"][0]["measurement"]
    assert (told["clock"]["t9_application_up"], told["rta_ms"]) == (12_345, None)


def test_a_check_that_could_not_be_asked_leaves_what_was_up_up():
    world = World(Script(faults={"check": Unreachable("no cell")}))
    run(world)
    record = record_of(world)
    (recovery,) = record.recoveries
    assert recovery.measurement.up_ms is not None
    assert b"was up after" in render_markdown(record, "en")
