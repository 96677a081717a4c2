"""Spans of a drill follow from its journal: in their order, without anything that is nobody's business."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.fold import DrillState
from drp.domain.phase import PHASES
from drp.drill.declare import states
from drp.monitoring.traces import Span, spans_of
from tests.simulators.world import Script
from tests.support.monitored import MonitoredSite, monitored

ATTRIBUTES = {"drp.verdict", "drp.level", "drp.findings", "drp.rta_ms", "drp.rto_ms", "drp.duration_unknown"}


@pytest.fixture
def site(tmp_path: Path) -> MonitoredSite:
    return monitored(tmp_path, {})


def state_of(site: MonitoredSite, drill: str) -> DrillState:
    (state,) = states(site.wiring().journal_to_read(), (drill,))
    return state


def named(spans: tuple[Span, ...]) -> dict[str, Span]:
    return {span["name"]: span for span in spans}


def test_a_passed_drill_is_a_span_with_its_recovery_and_its_phases(site: MonitoredSite) -> None:
    spans = spans_of(state_of(site, site.hold()))
    assert [span["name"] for span in spans] == ["drill", "recovery ehr", *PHASES]
    found = named(spans)
    assert found["drill"]["attributes"] == {"drp.verdict": "passed", "drp.level": "full"}
    assert found["recovery ehr"]["parent"] == found["drill"]["span"]
    assert found["restore"]["parent"] == found["recovery ehr"]["span"]
    assert found["recovery ehr"]["attributes"]["drp.rta_ms"] == 4000
    for span in spans:
        assert span["start_ns"] <= span["end_ns"]
        assert set(span["attributes"]) <= ATTRIBUTES
    assert len({span["span"] for span in spans}) == len(spans)
    assert len({span["trace"] for span in spans}) == 1


def test_a_failed_drill_tells_its_codes_and_nothing_that_was_found(site: MonitoredSite) -> None:
    spans = spans_of(state_of(site, site.hold(Script(checks=("failed",), unrestored=("/srv/Dupont Marie.pdf",)))))
    found = named(spans)
    assert found["drill"]["attributes"] == {"drp.verdict": "failed", "drp.level": "full"}
    assert all(code.startswith("DRP-") for code in found["recovery ehr"]["attributes"]["drp.findings"])
    assert found["recovery ehr"]["attributes"]["drp.findings"]
    assert "Dupont" not in repr(spans)


def test_a_second_sending_is_the_same_trace_and_another_drill_another(site: MonitoredSite) -> None:
    drill = site.hold()
    assert spans_of(state_of(site, drill)) == spans_of(state_of(site, drill))
    one, sealed = state_of(site, drill), state_of(site, drill).sealed
    assert sealed is not None
    other = replace(one, sealed=replace(sealed, record_digest="another"))
    assert spans_of(one)[0]["trace"] != spans_of(other)[0]["trace"]


def test_what_is_not_sealed_has_no_spans(site: MonitoredSite) -> None:
    state = state_of(site, site.hold())
    assert spans_of(replace(state, sealed=None)) == ()
    assert spans_of(DrillState(drill="x")) == ()


def test_a_drill_across_a_restart_says_that_its_length_is_not_known(site: MonitoredSite) -> None:
    state = state_of(site, site.hold())
    assert state.last is not None
    spans = spans_of(replace(state, last=replace(state.last, boot_id="boot-2")))
    assert spans[0]["attributes"] == {"drp.verdict": "passed", "drp.level": "full", "drp.duration_unknown": True}
    assert spans[0]["end_ns"] == spans[0]["start_ns"]
