"""Listings held against the ledger of expected points: what is told, what is accounted for, and what is odd and well."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from drp.domain.application import Application, BackupJob
from drp.domain.findings.bounded import NAMED
from drp.domain.findings.finding import Finding
from drp.domain.phrase import say
from drp.domain.recovery_point import PointListing, RecoveryPoint
from drp.domain.worm.expected import Compared, compare
from drp.domain.worm.facts import PointsAccepted, PointsNoted
from drp.domain.worm.folded import FoldedRepository, fold_fact
from tests.simulators.repository import points_every, simulated_point
from tests.support.fixtures_repositories import application

NOW = datetime(2026, 5, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
EHR = application()


class Ledger:
    """The ledger of one repository, as the register folds it."""

    def __init__(self, of: Application = EHR) -> None:
        self.of, self.now, self.folded = of, NOW, FoldedRepository()

    def look(self, points: tuple[RecoveryPoint, ...], **listing: object) -> Compared:
        found = compare(self.folded.expected, self.of, PointListing(points=points, **listing), self.now)  # type: ignore[arg-type]
        if found.changed:
            noted = PointsNoted(repository="main", host="one", new=found.new, lost=found.lost)
            self.folded = fold_fact(self.folded, noted, self.now)
        self.now += timedelta(hours=1)
        return found

    def accept(self, *points: RecoveryPoint) -> None:
        accepted = PointsAccepted(
            repository="main",
            application=self.of.name,
            points=tuple(each.id for each in points),
            by="ada",
            reason="told so",
        )
        self.folded = fold_fact(self.folded, accepted, self.now)


def codes(found: Compared) -> list[tuple[str, str]]:
    return [(each.code, each.severity) for each in found.findings]


def subjects(findings: tuple[Finding, ...]) -> list[str]:
    return [str(each.subject) for each in findings]


def kept_for(age: timedelta) -> Application:
    return replace(EHR, backup_job=BackupJob(kept_for=age))


POINTS = points_every(DAY, NOW, 6)
"""Newest first."""


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.look(POINTS)
    return ledger


def test_the_first_look_says_that_it_is_the_first_and_the_second_says_nothing() -> None:
    ledger = Ledger()
    first = ledger.look(POINTS)
    assert (first.first, codes(first)) == (True, [("DRP-L064", "note")])
    again = ledger.look(POINTS)
    assert (again.first, again.findings, again.changed) == (False, (), False)


def test_no_points_at_all_are_no_first_look() -> None:
    found = Ledger().look(())
    assert (found.first, found.findings, found.changed) == (False, (), False)


@pytest.mark.parametrize("place", [0, 2], ids=["the newest", "one in between"])
def test_a_point_that_vanished_is_told_at_every_look_until_it_is_accepted(ledger: Ledger, place: int) -> None:
    left = tuple(point for point in POINTS if point is not POINTS[place])
    for _ in range(3):
        found = ledger.look(left)
        assert codes(found) == [("DRP-L060", "critical")]
        assert subjects(found.findings) == [POINTS[place].short_id]
    ledger.accept(POINTS[place])
    assert ledger.look(left).findings == ()
    assert ledger.folded.missing == ()


def test_the_newest_is_lost_even_where_all_of_its_age_may_go() -> None:
    ledger = Ledger(kept_for(timedelta(minutes=1)))
    ledger.look(POINTS)
    found = ledger.look(())
    assert codes(found) == [("DRP-L060", "critical")]
    assert subjects(found.findings) == [POINTS[0].short_id]
    assert "newest" in found.findings[0].observed


def test_the_oldest_may_be_gone_by_retention_where_nothing_is_declared(ledger: Ledger) -> None:
    found = ledger.look(POINTS[:-2])
    assert codes(found) == [("DRP-L062", "warning")] * 2
    assert ledger.look(POINTS[:-2]).findings == ()


def test_retention_that_thins_out_raises_no_alarm_where_nothing_is_declared() -> None:
    """As `restic forget --keep-daily 7 --keep-weekly 5` does, night after night."""
    points = points_every(DAY, NOW, 40)
    ledger = Ledger()
    kept = [*points[:7], *points[7:35:7]]
    ledger.look(tuple(points))
    for night in range(1, 15):
        fresh = simulated_point(EHR.name, NOW + night * DAY, number=1000 + night)
        kept = [fresh, *kept]
        daily, older = kept[:7], kept[7:]
        kept = [*daily, *(each for each in older if each.consistent_at.weekday() == 6 or each in kept[-4:])]
        found = ledger.look(tuple(kept))
        assert {severity for _, severity in codes(found)} <= {"warning"}, night


@pytest.mark.parametrize("place", [1, 2])
def test_one_of_the_youngest_is_not_thinned_out(ledger: Ledger, place: int) -> None:
    found = ledger.look(POINTS[:place] + POINTS[place + 1 :])
    assert codes(found) == [("DRP-L060", "critical")]


def test_what_is_declared_accounts_for_older_points_and_for_no_younger_one() -> None:
    ledger = Ledger(kept_for(3 * DAY))
    ledger.look(POINTS)
    thinned = (*POINTS[:3], POINTS[5])
    assert ledger.look(thinned).findings == ()
    found = ledger.look((POINTS[0], POINTS[2], POINTS[5]))
    assert codes(found) == [("DRP-L060", "critical")]
    assert subjects(found.findings) == [POINTS[1].short_id]


def test_a_point_that_cannot_be_read_any_more_is_altered(ledger: Ledger) -> None:
    hidden = say("{snapshot}: the backup tool cannot read it", snapshot=f"snapshots/{POINTS[-1].id}")
    for _ in range(2):
        found = ledger.look(POINTS[:-1], unreadable=(hidden,))
        assert codes(found) == [("DRP-L061", "critical")]
        assert subjects(found.findings) == [POINTS[-1].short_id]


def test_a_point_that_names_another_manifest_is_altered_until_it_is_accepted() -> None:
    named = tuple(replace(point, manifest_id="a" * 64) for point in POINTS)
    ledger = Ledger()
    ledger.look(named)
    other = (replace(named[0], manifest_id="b" * 64), *named[1:])
    assert codes(ledger.look(other)) == [("DRP-L061", "critical")]
    assert codes(ledger.look(other)) == [("DRP-L061", "critical")]
    assert codes(ledger.look(named)) == [("DRP-L061", "critical")], "that it was another one meanwhile stays told"
    ledger.accept(named[0])
    assert ledger.look(named).findings == ()


def test_a_manifest_that_came_later_is_taken_up(ledger: Ledger) -> None:
    named = tuple(replace(point, manifest_id="a" * 64) for point in POINTS)
    assert ledger.look(named).findings == ()
    assert codes(ledger.look(POINTS)) == [("DRP-L061", "critical")] * len(POINTS)


def test_a_point_that_is_back_is_told_until_it_is_accepted(ledger: Ledger) -> None:
    ledger.look(POINTS[1:])
    for _ in range(2):
        found = ledger.look(POINTS)
        assert codes(found) == [("DRP-L066", "warning")]
    assert codes(ledger.look(POINTS[1:])) == [("DRP-L060", "critical")]
    ledger.look(POINTS)
    ledger.accept(POINTS[0])
    assert ledger.look(POINTS).findings == ()


def test_a_point_dated_in_the_past_is_told_once(ledger: Ledger) -> None:
    planted = simulated_point("ehr", NOW - 3 * DAY + timedelta(hours=5), number=99)
    found = ledger.look((*POINTS, planted))
    assert codes(found) == [("DRP-L063", "warning")]
    assert ledger.look((*POINTS, planted)).findings == ()


def test_a_new_point_of_the_next_day_is_nothing(ledger: Ledger) -> None:
    new = simulated_point("ehr", NOW + DAY, number=99)
    found = ledger.look((new, *POINTS))
    assert (found.findings, len(found.new)) == ((), 1)


def test_points_of_another_time_zone_are_dated_by_their_instant(ledger: Ledger) -> None:
    there = timezone(timedelta(hours=14))
    same = tuple(replace(point, consistent_at=point.consistent_at.astimezone(there)) for point in POINTS)
    assert ledger.look(same).findings == ()
    new = simulated_point("ehr", (NOW + timedelta(hours=1)).astimezone(timezone(-timedelta(hours=12))), number=99)
    assert ledger.look((new, *same)).findings == ()


def test_a_point_that_states_another_instant_is_told_once(ledger: Ledger) -> None:
    moved = tuple(replace(point, consistent_at=point.consistent_at - timedelta(hours=2)) for point in POINTS)
    assert {code for code, _ in codes(ledger.look(moved))} == {"DRP-L068"}
    assert ledger.look(moved).findings == ()


def test_many_points_at_once_are_more_than_the_job_makes() -> None:
    ledger, points = Ledger(), points_every(DAY, NOW, 12)
    ledger.look(points)
    flood = tuple(simulated_point("ehr", NOW + timedelta(minutes=each), number=100 + each) for each in range(1, 9))
    assert codes(ledger.look((*flood, *points))) == [("DRP-L065", "warning")]


def test_a_week_without_a_look_is_no_flood() -> None:
    ledger, points = Ledger(), points_every(DAY, NOW, 12)
    ledger.look(points)
    week = tuple(simulated_point("ehr", NOW + DAY * each, number=100 + each) for each in range(1, 8))
    assert ledger.look((*week, *points)).findings == ()


@pytest.mark.parametrize("listing", [{"emptied": say("emptied"), "unreadable": (say("emptied"),)},
                                     {"unreadable": (say("config: missing"),)}])  # fmt: skip
def test_a_repository_that_cannot_be_read_has_lost_no_point_by_that(ledger: Ledger, listing: dict[str, object]) -> None:
    found = ledger.look((), **listing)
    assert (found.judged, found.findings, found.changed) == (False, (), False)
    assert ledger.look(POINTS).findings == ()


def test_what_was_lost_stays_told_while_the_repository_cannot_be_read(ledger: Ledger) -> None:
    ledger.look(POINTS[1:])
    found = ledger.look((), unreadable=(say("config: missing"),))
    assert codes(found) == [("DRP-L060", "critical")]


def test_applications_do_not_speak_for_each_other(ledger: Ledger) -> None:
    lis = replace(EHR, name="lis")
    other = compare(ledger.folded.expected, lis, PointListing(points=()), NOW)
    assert (other.findings, other.changed) == ((), False)


def test_a_loss_that_another_noted_after_it_was_accepted_is_nothing(ledger: Ledger) -> None:
    before = ledger.folded.expected
    ledger.look(POINTS[1:])
    ledger.accept(POINTS[0])
    late = compare(before, EHR, PointListing(points=POINTS[1:]), NOW)
    ledger.folded = fold_fact(
        ledger.folded, PointsNoted(repository="main", host="two", new=late.new, lost=late.lost), NOW
    )
    assert ledger.look(POINTS[1:]).findings == ()


def test_ten_thousand_points_are_compared_quickly_and_told_in_few_words() -> None:
    ledger, points = Ledger(), points_every(timedelta(hours=1), NOW, 10_000)
    ledger.look(points)
    begun = time.process_time()
    assert ledger.look(points).findings == ()
    found = ledger.look(points[:1] + points[5000:])
    assert time.process_time() - begun < 5
    assert len(found.findings) == NAMED + 1
    assert len(found.lost) == 4999
    assert str(found.findings[-1].subject) == f"{4999 - NAMED} more"
