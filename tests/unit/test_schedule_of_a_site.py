"""Which policies a site's files make: presets by tier, what overrides them, and what stands without a schedule."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.schedule.policy import Blackout, Policy, Window
from drp.domain.schedule.presets import PRESETS
from drp.domain.schedule.site import Schedule
from tests.support.sites import DOCUMENTS, EHR, SITE, write_site

FILE = "inventory/schedule.yml"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def schedule(directory: Path, text: str | None, **files: str | None) -> Schedule:
    named = {f"inventory/applications/{name}.yml": content for name, content in files.items()}
    return load_site(write_site(directory, {FILE: text, **named})).schedule


def test_without_a_file_nothing_is_scheduled(tmp_path: Path) -> None:
    assert schedule(tmp_path, None) == Schedule()


def test_how_often_an_application_wants_a_drill_is_how_old_its_success_may_be(tmp_path: Path) -> None:
    made = schedule(tmp_path, None, ehr=EHR + "drill_every: 30d\n")
    assert made.policies == {
        "ehr/full": Policy(application="ehr", level="full", max_age=30 * DAY, grace=30 * DAY, tier=0)
    }
    (tmp_path / "again").mkdir()
    made = schedule(tmp_path / "again", "preset: none\n", ehr=EHR + "drill_every: 30d\n")
    assert list(made.policies) == ["ehr/full"]
    assert made.policies["ehr/full"].cron == ""


def test_every_tier_has_its_preset(tmp_path: Path) -> None:
    made = schedule(tmp_path, "version: 1\n", documents=DOCUMENTS.replace("tier: 1", "tier: 7"))
    assert list(made.policies) == ["documents/full", "documents/hash", "ehr/full", "ehr/sample", "ehr/hash"]
    for key, policy in made.policies.items():
        said = PRESETS[0 if policy.application == "ehr" else 2][policy.level]
        assert (policy.cron, policy.grace, policy.start_within) == (said.cron, said.grace, said.start_within), key
    assert made.policies["ehr/full"].max_age == 98 * DAY + 14 * DAY  # as far apart as they are, and may start so late
    assert made.policies["ehr/sample"].max_age == DAY + 12 * HOUR


@pytest.mark.parametrize(
    "text",
    [
        "tiers: {0: {preset: none}, 1: {preset: none}}\n",
        "preset: none\n",
        "exempt: [{application: ehr, reason: a, by: b}, {application: documents, reason: a, by: b}]\n",
    ],
)
def test_presets_can_be_taken_away(tmp_path: Path, text: str) -> None:
    assert schedule(tmp_path, text).policies == {}


def test_one_level_can_be_taken_away(tmp_path: Path) -> None:
    made = schedule(
        tmp_path,
        "tiers: {0: {hash: {preset: none}}}\n"
        "exempt: [{application: documents, level: full, reason: read only, by: infrastructure}]\n",
    )
    assert list(made.policies) == ["documents/sample", "documents/hash", "ehr/full", "ehr/sample"]
    assert made.exempt == {"documents/full": "read only (infrastructure)"}


def test_the_nearest_word_counts(tmp_path: Path) -> None:
    text = """
defaults: {zone: Europe/Paris, windows: ["22:00-06:00"], start_within: 2d, grace: 3d, jitter: 0s, place: north}
tiers:
  0: {full: {grace: 5d, catch_up: skip}, hash: {windows: ["sat,sun 00:00-24:00"]}}
policies:
  - {application: ehr, plan: hospital, cron: "0 22 1 * *", zone: Europe/Berlin, approvers: [head], expected: 3h}
  - {application: documents, level: full, after: hospital, max_age: 40d, on_change: true}
"""
    made = load_site(write_site(tmp_path, {FILE: text, "drp.yml": SITE + "places: [north]\n"})).schedule
    assert made.policies["ehr/full"] == Policy(
        application="ehr",
        level="full",
        plan="hospital",
        cron="0 22 1 * *",
        zone="Europe/Berlin",
        max_age=33 * DAY + HOUR,
        grace=5 * DAY,
        windows=(Window(days=(0, 1, 2, 3, 4, 5, 6), begins=time(22), ends=time(6)),),
        expected=3 * HOUR,
        start_within=2 * DAY,
        catch_up="skip",
        approvers=("head",),
        tier=0,
        place="north",
    )
    weekend = (Window(days=(5, 6), begins=time(0), ends=time(0)),)
    assert made.policies["ehr/hash"].windows == weekend
    documents = made.policies["documents/full"]
    assert (documents.cron, documents.after, documents.on_change, documents.max_age) == ("", "hospital", True, 40 * DAY)
    assert made.of("ehr") == tuple(made.policies[f"ehr/{level}"] for level in ("full", "sample", "hash"))


def test_days_are_those_of_the_zone_and_the_last_one_is_closed_too(tmp_path: Path) -> None:
    made = schedule(
        tmp_path,
        """
preset: none
defaults: {zone: Europe/Paris}
blackouts:
  - {from: 2026-12-24, until: 2026-12-26, reason: leave}
  - {from: 2026-03-28, until: 2026-03-29, reason: clocks}
  - {from: "2026-07-01T18:00:00+02:00", until: "2026-07-02T06:00:00+02:00", reason: go-live}
freezes:
  - {from: 2027-01-15, reason: flu, by: crisis unit}
""",
    )
    assert made.blackouts == (
        Blackout(begins=utc(2026, 12, 23, 23), ends=utc(2026, 12, 26, 23), reason="leave"),
        Blackout(begins=utc(2026, 3, 27, 23), ends=utc(2026, 3, 29, 22), reason="clocks"),
        Blackout(begins=utc(2026, 7, 1, 16), ends=utc(2026, 7, 2, 4), reason="go-live"),
        Blackout(begins=utc(2027, 1, 14, 23), ends=None, reason="flu (crisis unit)"),
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_calendar_is_a_file_of_the_site(tmp_path: Path) -> None:
    made = schedule(tmp_path, "defaults: {zone: Europe/Paris}\nblackouts: [{calendar: a/b.ics, max_age_of_file: 1d}]\n")
    (feed,) = made.calendars
    assert (feed.name, feed.path, feed.zone, feed.max_age_of_file) == (
        "a/b.ics",
        tmp_path / "a/b.ics",
        "Europe/Paris",
        DAY,
    )


def test_what_holds_for_an_application_whose_file_is_broken_is_not_gone(tmp_path: Path) -> None:
    text = 'policies: [{application: ehr, cron: "0 2 * * *"}, {application: documents, cron: "0 2 * * *"}]\n'
    made = schedule(tmp_path, text, ehr=EHR.replace("tier: 0", "tier: many"), documents=DOCUMENTS + "nonsense: 1\n")
    assert made.undecided == {"ehr", "documents"}
    assert list(made.policies) == ["documents/full", "ehr/full"]


def test_drills_are_the_same_whenever_they_are_held(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, {FILE: "version: 1\n"}))
    assert FILE in site.files
    assert FILE not in site.files_of(site.plan("hospital"))
    assert "inventory/repositories.yml" in site.files_of(site.plan("hospital"))
