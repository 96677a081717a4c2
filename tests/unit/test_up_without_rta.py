"""An application that is up and did not pass its checks: when it was up is told everywhere, and never as its RTA."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drp.cli.conclusion_lines import conclusion_lines
from drp.domain.events import DrillConcluded
from drp.domain.measure import Measurement
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


def shown(measurement: Measurement) -> list[str]:
    event = DrillConcluded(verdict="inconclusive", reasons=(), measurements=(measurement,))
    return list(conclusion_lines(event, "full"))


@pytest.mark.parametrize("checks", CHECKED)
def test_the_terminal_tells_it_below_the_times_and_not_as_one_of_them(checks):
    _, event = ended(checks)
    (measurement,) = event.measurements
    measured = replace(measurement, clock=replace(measurement.clock, t9_application_up=12_345))
    _, times, up, *_ = shown(measured)
    assert "RTA - of" in times
    assert "12" not in times.partition("RPA")[0]
    assert up.strip().startswith("up after 12")
    assert up.endswith("(t9), which is no recovery time")


@pytest.mark.parametrize("script", [{}, {"start_ok": False}])
def test_the_terminal_says_nothing_of_it_where_there_is_a_recovery_time_or_no_application(script):
    _, event = ended(**script)
    assert not [line for line in shown(event.measurements[0]) if "up after" in line]


def test_a_start_that_failed_in_a_journal_of_before_is_not_told_as_up():
    """It has the instant at which it failed."""
    world, event = ended(start_ok=False)
    (measurement,) = event.measurements
    before = replace(measurement, clock=replace(measurement.clock, t9_application_up=12_345))
    assert not [line for line in shown(before) if "up after" in line]
    record = record_of(world)
    (recovery,) = record.recoveries
    record = replace(record, recoveries=(replace(recovery, measurement=before),))
    assert b"up after" not in render_markdown(record, "en")
