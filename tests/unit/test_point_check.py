"""What looks at several repositories come to: wrong before unknown, unknown before well, and absent media nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.application import Application, Objectives
from drp.domain.phrase import say
from drp.domain.point_check import PlaceCheck, Trouble, check_of, exit_status
from drp.manifests.directory import ManifestDirectory
from drp.service.point_look import Look
from tests.simulators.repository import RepositorySimulator, simulated_point

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EHR = Application(
    name="ehr", title="EHR", tier=0, objectives=Objectives(rto=HOUR, rpo=HOUR), repositories=("a", "b"), runbook=None
)
WRONG = Trouble(state="wrong", aspect="manifest", words=say("wrong"), exit_status=1)
SILENT = Trouble(state="unknown", aspect="there", words=say("silent"), exit_status=13)
DENIED = Trouble(state="unknown", aspect="there", words=say("denied"), exit_status=12)
AWAY = Trouble(state="away", aspect="there", words=say("away"), exit_status=13)


def place(*troubles: Trouble, age: timedelta | None = timedelta(minutes=5), **more: object) -> PlaceCheck:
    point = simulated_point("ehr", NOW - age) if age is not None else None
    return replace(PlaceCheck(repository="a", newest=point, taken=point, troubles=troubles), **more)


WELL = place()
OLD = place(age=2 * HOUR)
GONE = place(AWAY, age=None)


@pytest.mark.parametrize(
    ("places", "state", "status"),
    [
        ((WELL,), "ok", 0),
        ((WELL, GONE), "ok", 0),
        ((GONE,), "unknown", 3),
        ((GONE, GONE), "unknown", 3),
        ((WELL, place(SILENT, age=None)), "unknown", 13),
        ((place(DENIED, age=None), place(SILENT, age=None)), "unknown", 13),
        ((place(WRONG), place(SILENT, age=None)), "wrong", 1),
        ((OLD,), "wrong", 1),
        ((OLD, WELL), "ok", 0),
        ((OLD, GONE), "wrong", 1),
        ((OLD, place(SILENT, age=None)), "unknown", 13),
        ((), "none", 0),
    ],
)
def test_places_come_to_a_state(places: tuple[PlaceCheck, ...], state: str, status: int) -> None:
    found = check_of(EHR, places, NOW)
    assert (found.state, found.exit_status) == (state, status)


def test_the_place_with_the_newest_point_is_shown() -> None:
    found = check_of(EHR, (OLD, replace(WELL, repository="b"), GONE), NOW)
    assert found.best is not None
    assert found.best.repository == "b"
    assert check_of(EHR, (GONE,), NOW).best is None


def test_where_a_lock_is_asked_for_the_newest_that_has_one_must_be_young_enough() -> None:
    old = simulated_point("ehr", NOW - 3 * HOUR, number=2)
    locked = place(taken=old, lock_demanded_by=("hospital",))
    (trouble,) = check_of(EHR, (locked,), NOW).troubles
    assert (trouble.state, trouble.aspect) == ("wrong", "age")
    assert "hospital" in trouble.words
    assert check_of(EHR, (place(taken=old),), NOW).troubles == ()


def test_all_applications_come_to_one_status() -> None:
    well, wrong, silent = (check_of(EHR, (each,), NOW) for each in (WELL, place(WRONG), place(SILENT, age=None)))
    none = check_of(EHR, (), NOW)
    assert exit_status([well, none]) == 0
    assert exit_status([well, silent]) == 13
    assert exit_status([well, silent, wrong]) == 1
    assert exit_status([none]) == exit_status([]) == 3


def test_a_kind_that_nobody_can_look_into_is_never_well(tmp_path: Path) -> None:
    """A kind of another package need not know how: that its points can be read is then unknown, and not assumed."""
    now = SystemClock().now().wall
    repository = RepositorySimulator("a", (replace(simulated_point("ehr", now), application="ehr"),))
    ((_, found),) = Look(SystemClock(), repository, ManifestDirectory(tmp_path)).at([EHR])
    assert found.taken is not None
    assert not found.looked_into
    assert [each.state for each in found.troubles if each.aspect == "readable"] == ["unknown"]
