"""What is known of a repository from before a drill is in its record, and what is grave of it counts."""

from __future__ import annotations

from dataclasses import replace

from drp.domain.findings.locks import NOT_LOCKED
from drp.domain.worm.known import RepositoryKnown
from tests.simulators.world import Script, World
from tests.support.sample_worm import probe, scrub
from tests.unit.test_drill_control_flow import run
from tests.unit.test_findings_stay import recorded


def test_the_newest_probe_and_scrub_are_in_the_record():
    known = RepositoryKnown(head="3:" + "a" * 64, probe=probe(), scrub=scrub())
    world = World(Script(known=known))
    assert run(world).verdict == "passed"
    selected = recorded(world).select
    assert selected is not None
    assert selected.known == known


def test_what_a_probe_found_grave_fails_every_drill_from_that_repository():
    grave = NOT_LOCKED.finding(subject="probe", observed="deleted", expected="refused")
    minor = replace(grave, severity="warning", code="DRP-L005")
    world = World(Script(known=RepositoryKnown(probe=replace(probe(), findings=(minor, grave)))))
    assert run(world).verdict == "failed"
    assert recorded(world).findings == (grave,)
    assert run_healthy().verdict == "passed"


def run_healthy():
    return run(World(Script(known=RepositoryKnown(probe=probe()))))
