"""What people get wrong in inventory/schedule.yml: each is told where it stands, and none is scheduled in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.config.site import check_and_advise, check_site, load_site
from drp.errors import ConfigError
from drp.verifiers.judge import InstalledOptions
from tests.support.sites import DOCUMENTS, DRILL, EHR, write_site

FILE = "inventory/schedule.yml"
NOT_DRILLED = "name: payroll\ntitle: Payroll\ntier: 3\nobjectives: {rto: 5d, rpo: 1d}\n"
HASHED = DRILL.replace("name: hospital", "name: hashed") + "level: hash\n"
OTHERS = {
    "inventory/applications/payroll.yml": NOT_DRILLED,
    "inventory/drills/hashed.yml": HASHED,
    "inventory/drills/lab.yml": DRILL.replace("name: hospital", "name: lab"),
    "inventory/drills/alone.yml": DRILL.replace("name: hospital", "name: alone").replace("[ehr, documents]", "[ehr]"),
    "inventory/applications/documents.yml": DOCUMENTS + "drill_every: 90d\n",
}


def problems(directory: Path, text: str) -> list[str]:
    site = write_site(directory, {**OTHERS, FILE: text})
    found = [str(problem) for problem in check_site(site)]
    assert all(line.startswith(f"{FILE}:") for line in found)
    return [line.removeprefix(f"{FILE}:") for line in found]


def policy(text: str) -> str:
    return f"preset: none\npolicies:\n  - {{application: ehr, {text}}}\n"


CRON = "cron has five: minute hour day month weekday, such as 0 22 * * 6"
WRONG = {
    "31 February": (policy('cron: "0 2 31 2 *"'), f"3:30: policies[0].cron: never fires; {CRON}"),
    "30 February": (
        policy('cron: "0 2 30 2 *"'),
        f"3:30: policies[0].cron: never fires; {CRON}",
    ),
    "no cron": (policy("cron: daily"), f"3:30: policies[0].cron: has 1 fields; {CRON}"),
    "seconds": (policy('cron: "0 0 2 * * *"'), f"3:30: policies[0].cron: has 6 fields; {CRON}"),
    "an hour that there is not": (policy('cron: "0 25 * * *"'), f"3:30: policies[0].cron: has a bad hour: 25; {CRON}"),
    "a number": (policy("cron: 5"), ("3:30: policies[0].cron: is no cron expression: quote five fields, minute hour day "
                 "month weekday")),
    "a city": (policy('cron: "0 2 * * *", zone: Paris'), ("3:49: policies[0].zone: there is no time zone `Paris`; did you "
               "mean `Europe/Paris`?")),
    "a typo of a zone": ("defaults: {zone: Europe/Berln}\n", ("1:18: defaults.zone: there is no time zone `Europe/Berln`; "
                         "did you mean `Europe/Berlin`?")),
    "a path for a zone": ("defaults: {zone: ../../etc/passwd}\n", ("1:18: defaults.zone: there is no time zone "
                          "`../../etc/passwd`")),
    "no window": ('defaults: {windows: ["at night"]}\n', ("1:22: defaults.windows[0]: is not a window: write it as "
                  "22:00-06:00, or as sat,sun 22:00-06:00")),
    "an empty window": ('defaults: {windows: ["22:00-22:00"]}\n', ("1:22: defaults.windows[0]: is empty: it ends when it "
                        "begins; a whole day is 00:00-24:00")),
    "no such day": ('defaults: {windows: ["satt 22:00-06:00"]}\n', ("1:22: defaults.windows[0]: there is no day `satt`: "
                    "did you mean `sat`?")),
    "no such time": ('defaults: {windows: ["22:60-06:00"]}\n', ("1:22: defaults.windows[0]: there is no time 22:60: from "
                     "00:00 to 23:59, and 24:00 where a window ends")),
    "from midnight": ('defaults: {windows: ["24:00-06:00"]}\n', ("1:22: defaults.windows[0]: begins at 24:00: write 00:00 "
                      "of the day after")),
    "a window twice": ('preset: none\ndefaults: {windows: ["22:00-06:00", "mon-sun 22:00-06:00"]}\n',
                       "2:37: defaults.windows[1]: stands in line 2 already"),
    "a drill longer than its window": (
        policy('cron: "0 22 * * *", windows: ["22:00-06:00"], expected: 9h'),
        "3:53: policies[0].windows: ehr/full: its longest window is 8h, and takes 9h: nothing would ever start",
    ),
    "a drill as long as its window": (
        policy('cron: "0 22 * * *", windows: ["22:00-06:00"], expected: 8h'),
        "3:53: policies[0].windows: ehr/full: its longest window is 8h, and takes 8h: nothing would ever start",
    ),
    "a window of a minute": (
        policy('cron: "0 22 * * *", windows: ["22:00-22:01"]'),
        "3:53: policies[0].windows: ehr/full: its longest window is 1m, and needs more: nothing would ever start",
    ),
    "too little time to reach a window": (
        policy('cron: "0 12 * * 2", windows: ["sat 20:00-24:00"], start_within: 2d'),
        ("3:88: policies[0].start_within: ehr/full: no window opens within 2d of any of its slots: give more "
        "`start_within`, or other windows or `cron`"),
    ),
    "an unknown application": (
        'policies:\n  - {application: ehrr, cron: "0 2 * * *"}\n',
        "2:19: policies[0].application: there is no application `ehrr`; did you mean `ehr`?",
    ),
    "an application that is not drilled": (
        'policies:\n  - {application: payroll, cron: "0 2 * * *"}\n',
        "2:19: policies[0].application: `payroll` cannot be drilled: its file has no `backup`",
    ),
    "an unknown level": (policy('level: fulll, cron: "0 2 * * *"'), ("3:31: policies[0].level: must be one of full, sample, "
                         "hash; did you mean `full`?")),
    "an unknown plan": (policy('plan: hopsital, cron: "0 2 * * *"'), ("3:30: policies[0].plan: there is no drill "
                        "`hopsital`; did you mean `hospital`?")),
    "a plan without the application": (
        'policies:\n  - {application: documents, plan: alone, cron: "0 2 * * *"}\n',
        "2:36: policies[0].plan: drill `alone` does not recover `documents`, but ehr",
    ),
    "a plan of another level": (
        policy('plan: hashed, cron: "0 2 * * *"'),
        "3:30: policies[0].plan: drill `hashed` is of level hash, and this policy of level full",
    ),
    "after nothing": (policy("after: hopsital, max_age: 30d"), ("3:31: policies[0].after: there is no drill `hopsital`; "
                      "did you mean `hospital`?")),
    "after itself": (
        policy("plan: hospital, after: hospital, max_age: 30d"),
        "3:47: policies[0].after: drills would follow one another in a circle: hospital → hospital",
    ),
    "a circle": (
        ("preset: none\npolicies:\n"
        "  - {application: ehr, plan: hospital, after: lab, max_age: 30d}\n"
        "  - {application: documents, plan: lab, after: hospital, max_age: 90d}\n"),
        "3:47: policies[0].after: drills would follow one another in a circle: hospital → lab → hospital",
    ),
    "two policies of one key": (
        'preset: none\npolicies:\n  - {application: ehr, cron: "0 2 * * *"}\n  - {application: ehr, cron: "0 3 * * *"}\n',
        "4:5: policies[1]: is the same as the one in line 3",
    ),
    "nothing that says when": (policy("level: hash"), ("3:5: policies[0]: nothing says when: give `cron`, `after`, or at "
                               "least `max_age`")),
    "nobody who may approve": (policy('cron: "0 2 * * *", approvers: []'), ("3:54: policies[0].approvers: has too few "
                               "items")),
    "an approver twice": (policy('cron: "0 2 * * *", approvers: [a, a]'), ("3:5: policies[0]: `approvers` names somebody "
                          "twice")),
    "a wait for nobody": (policy('cron: "0 2 * * *", approval_within: 1h'), ("3:5: policies[0]: `approval_within` needs "
                          "`approvers`: nobody is waited for")),
    "two truths of how old": (
        'preset: none\npolicies:\n  - {application: documents, cron: "0 2 1 * *", max_age: 60d}\n',
        "3:58: policies[0].max_age: the file of `documents` says `drill_every: 90d`: say it once",
    ),
    "rarer than it may be old": (
        policy('cron: "0 2 1 1 *", max_age: 30d, grace: 7d'),
        ("3:30: policies[0].cron: ehr/full: as much as 366d lie between two drills, and a success may be 30d old, or 37d "
        "with grace"),
    ),
    "a blackout for ever": (
        "blackouts:\n  - {from: 2026-12-24, reason: leave}\n",
        "2:5: blackouts[0]: never ends: give `until`, or write it under `freezes`, with `by`",
    ),
    "a blackout of years": (
        "blackouts:\n  - {from: 2026-12-24, until: 2099-01-01, reason: leave}\n",
        "2:5: blackouts[0]: lasts for more than a year: a freeze says who wants that, and is shown until it is lifted",
    ),
    "a blackout backwards": (
        "blackouts:\n  - {from: 2026-12-24, until: 2026-12-23, reason: leave}\n",
        "2:5: blackouts[0]: ends before it begins",
    ),
    "a blackout of nothing": (
        'blackouts:\n  - {from: "2026-12-24T10:00:00Z", until: "2026-12-24T11:00:00+01:00", reason: leave}\n',
        "2:5: blackouts[0]: ends before it begins",
    ),
    "a day that there is not": (
        "blackouts:\n  - {from: 2026-02-29, until: 2026-03-01, reason: leave}\n",
        "2:12: blackouts[0].from: there is no day 2026-02-29",
    ),
    "an instant without a zone": (
        "blackouts:\n  - {from: 2026-02-27T10:00, until: 2026-03-01, reason: leave}\n",
        "2:12: blackouts[0].from: has no time zone: end it with Z or with an offset such as +01:00",
    ),
    "a blackout without a reason": (
        "blackouts:\n  - {from: 2026-12-24, until: 2026-12-26}\n",
        "2:5: blackouts[0]: needs `from`, `until` and `reason`, or `calendar`",
    ),
    "a calendar that says when itself": (
        "blackouts:\n  - {calendar: a.ics, until: 2026-12-26}\n",
        "2:5: blackouts[0]: a calendar says itself from when until when: leave out `from` and `until`",
    ),
    "a blackout twice": (
        "blackouts:\n  - {calendar: a.ics}\n  - {calendar: a.ics, reason: leave}\n",
        "3:5: blackouts[1]: is the same as the one in line 2",
    ),
    "a freeze by nobody": ("freezes:\n  - {from: 2026-12-24, reason: flu}\n", "2:5: freezes[0].by: is missing"),
    "a tier that there is not": (
        "tiers:\n  gold: {preset: none}\n",
        "2:3: tiers.gold: must be a tier, from 0 to 9",
    ),
    "an unknown key": ("defaults: {time_zone: UTC}\n", "1:12: defaults.time_zone: unknown key; did you mean `zone`?"),
    "an exempt nobody": (
        "exempt:\n  - {application: ehrr, reason: a, by: b}\n",
        "2:19: exempt[0].application: there is no application `ehrr`; did you mean `ehr`?",
    ),
    "exempt and asked for": (
        ('policies: [{application: ehr, cron: "0 2 * * *"}]\nexempt:\n'
        "  - {application: ehr, level: full, reason: a, by: b}\n"),
        "3:19: exempt[0].application: `ehr` has a policy of level full above: take one of them away",
    ),
    "a duration without a unit": (policy('cron: "0 2 * * *", grace: 7'), ("3:50: policies[0].grace: has no unit: write 7s, "
                                  "7m or 7h")),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_would_never_happen_is_refused_where_it_stands(tmp_path: Path, case: str) -> None:
    text, expected = WRONG[case]
    assert problems(tmp_path, text) == [expected]
    with pytest.raises(ConfigError):
        load_site(tmp_path)


SOUND = {
    "nothing but a version": "version: 1\n",
    "a leap day": policy('cron: "0 2 29 2 *", max_age: 3660d'),
    "the last weekday of a month": policy('cron: "0 2 LW * *"'),
    "a fifth Sunday": policy('cron: "0 2 * * SUN#5", max_age: 120d'),
    "names of months and days": policy('cron: "0 2 * jan,jul sat#1"'),
    "days that wrap around": policy('cron: "0 2 * * *", windows: ["Fri-Mon 22:00 - 06:00"], start_within: 7d'),
    "a window until midnight": policy('cron: "0 20 * * *", windows: ["daily 20:00-24:00"]'),
    "windows that only together hold a drill": policy(
        'cron: "0 20 * * 6", windows: ["sat 20:00-24:00", "sun 00:00-06:00"], expected: 9h'
    ),
    "whole days hold any drill": policy('cron: "0 20 * * 6", windows: ["00:00-24:00"], expected: 40h'),
    "a weekend": policy('cron: "0 20 * * 6", windows: ["sat,sun 00:00-24:00"], expected: 40h, start_within: 7d'),
    "no windows where the site has some": (
        'preset: none\ndefaults: {windows: ["sat 20:00-24:00"]}\n'
        'policies: [{application: ehr, cron: "0 12 * * 2", windows: []}]\n'
    ),
    "an age and nothing else": policy("max_age: 30d"),
    "after a plan": policy("after: hospital, max_age: 30d"),
    "the same age twice": 'preset: none\npolicies: [{application: documents, cron: "0 2 1 * *", max_age: 90d}]\n',
    "one day": "blackouts: [{from: 2026-12-24, until: 2026-12-24, reason: leave}]\n",
    "a day and an instant": 'blackouts: [{from: 2026-12-24, until: "2026-12-24T12:00:00Z", reason: leave}]\n',
    "a freeze without an end": "freezes: [{from: 2026-12-24, reason: flu, by: crisis unit}]\n",
    "odd zones": policy('cron: "0 2 * * *", zone: Australia/Lord_Howe'),
    "a plan of the same level": policy('level: hash, plan: hashed, cron: "0 2 * * *"'),
}


@pytest.mark.parametrize("case", SOUND)
def test_odd_schedules_that_come_true(tmp_path: Path, case: str) -> None:
    assert problems(tmp_path, SOUND[case]) == []
    assert load_site(tmp_path).schedule.undecided == frozenset()


def advice(directory: Path, files: dict[str, str]) -> list[str]:
    found, said = check_and_advise(write_site(directory, files), InstalledOptions())
    assert found == ()
    return [line.removeprefix(f"{FILE}: ") for line in said if line.startswith(FILE)]


def test_what_is_valid_and_says_less_than_it_seems_is_told(tmp_path: Path) -> None:
    text = (
        'defaults: {windows: ["sat,sun 20:00-07:00"]}\n'
        "tiers: {1: {preset: none}}\n"
        "freezes: [{from: 2026-12-24, reason: flu, by: crisis unit}]\n"
        "blackouts: [{calendar: calendars/on-call.ics}]\n"
    )
    assert advice(tmp_path, {FILE: text, "inventory/applications/ehr.yml": EHR + "drill_every: 30d\n"}) == [
        (
            "ehr/full: `drill_every: 30d` is less than what its tier's preset keeps to: give it a policy with a `cron` of its "
            "own"
        ),
        "ehr/sample: 43 of 60 slots are missed, since no window opens within 12h (start_within)",
        "freezes: no drill runs until further notice: flu (crisis unit)",
        "blackouts: calendars/on-call.ics: No such file or directory: nothing starts as long as it cannot be read",
    ]


@pytest.mark.parametrize("content", ["<html><body>Sign in</body></html>\n", "", "BEGIN:VCALENDAR\n"])
def test_a_calendar_that_is_none_is_told_by_who_checks(content: str, tmp_path: Path) -> None:
    files = {FILE: "preset: none\nblackouts: [{calendar: on-call.ics}]\n", "on-call.ics": content}
    (line,) = advice(tmp_path, files)
    assert line.startswith("blackouts: on-call.ics: ")
    assert line.endswith(": nothing starts as long as it cannot be read")


def test_a_calendar_that_nobody_fetches_any_more_is_told(tmp_path: Path) -> None:
    calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nEND:VCALENDAR\r\n"
    text = "preset: none\nblackouts: [{calendar: on-call.ics, max_age_of_file: 2d}]\n"
    site = write_site(tmp_path, {FILE: text, "on-call.ics": calendar})
    assert check_and_advise(site, InstalledOptions()) == ((), ())
    os.utime(site / "on-call.ics", (0, 0))
    _, said = check_and_advise(site, InstalledOptions())
    assert said == (f"{FILE}: blackouts: on-call.ics was last written on 1970-01-01: who fetches it?",)


def test_a_calendar_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    site = write_site(tmp_path, {FILE: "blackouts: [{calendar: on-call.ics}]\n", "on-call.ics": "BEGIN:VCALENDAR\n"})
    assert check_site(site) == ()
    (site / "on-call.ics").chmod(0o666)
    with pytest.raises(Exception, match=r"on-call\.ics"):
        check_site(site)
