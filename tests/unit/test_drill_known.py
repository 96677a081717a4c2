"""What is known of a repository from before a drill is in its record, and what is grave of it counts."""

from __future__ import annotations

from dataclasses import replace

from drp.domain.findings.locks import NOT_LOCKED
from drp.domain.findings.probe import SETTING_CHANGED
from drp.domain.worm.facts import LocksProbed, Scrubbed
from drp.domain.worm.known import RepositoryKnown
from drp.service.known import known_of
from tests.simulators.clock import SimClock
from tests.simulators.register import MemoryRegister
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
    settings = SETTING_CHANGED.finding(subject="scratch", observed="changed", expected="refused")
    minor = replace(grave, severity="warning", code="DRP-L005")
    world = World(Script(known=RepositoryKnown(probe=replace(probe(), findings=(minor, settings, grave)))))
    assert run(world).verdict == "failed"
    assert recorded(world).findings == (grave,)
    assert run_healthy().verdict == "passed"


def run_healthy():
    return run(World(Script(known=RepositoryKnown(probe=probe()))))


def test_the_newest_of_each_is_taken_with_the_head_of_the_register():
    register = MemoryRegister(SimClock())
    assert known_of(register, "worm") == RepositoryKnown(head=register.head())
    older, newer = probe(), replace(probe(), subject="drp-probe/newer")
    register.append(*(LocksProbed(repository="worm", host="h", probe=each) for each in (older, newer)))
    register.append(LocksProbed(repository="other", host="h", probe=older))
    register.append(Scrubbed(repository="worm", host="h", scrub=scrub()))
    known = known_of(register, "worm")
    assert known == RepositoryKnown(head=register.head(), probe=newer, scrub=scrub())
    assert known_of(register, "other").scrub is None
