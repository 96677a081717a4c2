"""`drp schedule …` as people use it: what is asked, what comes, why; and what they decide, with name and end."""

from __future__ import annotations

import getpass
import json
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.config.site import load_site
from drp.cron import occasions
from drp.domain.schedule.events import Paused, PauseEnded, PolicySeen, SlotExpected, SlotSkipped
from drp.domain.schedule.slot import Slot
from drp.journal import SqlJournal
from drp.schedule.site_desk import desk_of
from drp.schedule.tick import tick
from drp.service.wiring import Wiring
from tests.support import warm
from tests.support.sites import write_site

SCHEDULE = """
version: 1
preset: none
defaults: {zone: Europe/Paris, jitter: 0s}
policies:
  - {application: ehr, level: full, cron: "0 2 * * *", max_age: 3d, expected: 1h}
  - {application: ehr, level: sample, cron: "30 */6 * * *", max_age: 2d, expected: 10m}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = write_site(tmp_path)
    (site / "inventory/schedule.yml").write_text(SCHEDULE)
    return site


def drp(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})


def said(site: Path, *arguments: str) -> dict[str, object]:
    done = drp(site, "schedule", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"].startswith("drp/")
    return document


def written(site: Path) -> list[object]:
    with closing(SqlJournal(site / "state/journal.sqlite", SystemClock(), reads_only=True)) as journal:
        return [entry.event for entry in journal.register.entries()]


def test_policies_are_listed_and_so_are_applications_without_one(site: Path) -> None:
    document = said(site, "list")
    told = {(item["application"], item["level"]): item["state"] for item in document["items"]}
    assert told[("ehr", "full")] == told[("ehr", "sample")] == "never"
    assert told[("documents", "")] == "unscheduled"
    done = drp(site, "schedule", "list")
    assert "not scheduled" in done.stdout
    assert "nobody looks at the schedule yet" in done.stderr
    assert not (site / "state").exists()  # who only looks makes nothing


def test_what_comes_is_listed_in_order_and_says_why(site: Path) -> None:
    document = said(site, "next", "--days", "2")
    items = document["items"]
    assert len([item for item in items if item["level"] == "full"]) == 2
    assert len([item for item in items if item["level"] == "sample"]) == 8
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert {item["reason"] for item in items} == {"before-its-time"}
    assert drp(site, "schedule", "next", "--days", "2").stdout.count("\n") == 10


def test_why_says_one_sentence_a_level_in_both_languages(site: Path) -> None:
    english, french = drp(site, "schedule", "why", "ehr"), drp(site, "schedule", "why", "ehr", "--lang", "fr")
    assert english.stdout.splitlines()[0].startswith("ehr/full: ehr/full@")
    assert "is expected: it starts at" in english.stdout
    assert "est attendue: elle commence le" in french.stdout
    assert len(said(site, "why", "ehr")["items"]) == 2
    none = drp(site, "schedule", "why", "documents")
    assert none.stdout == "nothing is scheduled for it\n"
    assert drp(site, "schedule", "why", "nobody").returncode == 10
    assert drp(site, "schedule", "why", "ehr", "--lang", "tlh").returncode == 2


def test_a_pause_stops_what_comes_until_its_end_and_is_written_down_with_a_name(site: Path) -> None:
    done = drp(site, "schedule", "pause", "ehr/full", "--for", "36h", "--reason", "storage  moves")
    assert done.returncode == 0, done.stderr
    (event,) = written(site)
    assert isinstance(event, Paused)
    assert (event.policy, event.by, event.reason) == ("ehr/full", getpass.getuser(), "storage moves")
    assert timedelta(hours=35) < event.until - datetime.now(UTC) <= timedelta(hours=36)
    reasons = [item["reason"] for item in said(site, "next", "--days", "4")["items"] if item["level"] == "full"]
    assert set(reasons[:1]) == {"paused"}
    assert reasons[-1] == "before-its-time"  # it ends by itself
    assert "paused" in drp(site, "schedule", "why", "ehr").stdout
    assert "paused: ehr/full until" in drp(site, "status").stdout
    done = drp(site, "schedule", "resume", "ehr/full")
    assert done.returncode == 0, done.stderr
    assert isinstance(written(site)[1], PauseEnded)
    assert {item["reason"] for item in said(site, "next")["items"]} == {"before-its-time"}
    assert drp(site, "schedule", "resume", "ehr/full").returncode == 10


def test_the_list_says_what_a_slot_that_has_come_waits_for(site: Path) -> None:
    said_of, now = load_site(site).schedule.policies["ehr/full"], datetime.now(UTC)
    at = next(occasions(said_of.cron, said_of.zone, now - timedelta(days=1)))
    slot = Slot(application="ehr", level="full", at=at)
    (site / "state").mkdir(exist_ok=True)
    with closing(SqlJournal(site / "state/journal.sqlite", SystemClock())) as journal:
        seen = PolicySeen(policy=said_of.key, digest="d")
        journal.register.append(seen, SlotExpected(slot=slot, start_by=now + timedelta(hours=2)))
    assert said(site, "list")["waiting"] == []
    assert drp(site, "schedule", "pause", "ehr/full", "--for", "9h", "--reason", "storage moves").returncode == 0
    (waiting,) = said(site, "list")["waiting"]
    assert (waiting["slot"], waiting["reason"], waiting["values"]["reason"]) == (slot.id, "paused", "storage moves")
    assert waiting["sentence"] in drp(site, "schedule", "list").stderr.replace("\n", " ")


def test_everything_may_be_paused(site: Path) -> None:
    until = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert said(site, "pause", "--all", "--until", until, "--reason", "move")["policy"] == "*"
    items = said(site, "next", "--days", "2")["items"]
    assert {item["reason"] for item in items} == {"paused"}
    assert "everything" in drp(site, "schedule", "list").stderr
    assert drp(site, "schedule", "resume", "--all").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["ehr", "--for", "3d"], 2),
        (["ehr", "--for", "3d", "--reason", " . "], 2),
        (["ehr", "--reason", "move"], 2),
        (["ehr", "--for", "3d", "--until", "2099-01-01T00:00:00Z", "--reason", "move"], 2),
        (["ehr", "--until", "2020-01-01T00:00:00Z", "--reason", "move"], 2),
        (["ehr", "--until", "2099-01-01T00:00:00Z", "--reason", "move"], 2),
        (["ehr", "--until", "tomorrow", "--reason", "move"], 2),
        (["ehr", "--for", "367d", "--reason", "move"], 2),
        (["ehr", "--for", "0s", "--reason", "move"], 2),
        (["ehr", "--all", "--for", "3d", "--reason", "move"], 2),
        (["--for", "3d", "--reason", "move"], 2),
        (["nobody", "--for", "3d", "--reason", "move"], 10),
        (["ehr/hash", "--for", "3d", "--reason", "move"], 10),
        (["ehr", "--for", "3d", "--reason", "x" * 501], 2),
        (["ehr", "--for", "3d", "--reason", "a\x1b[2Jb"], 2),
    ],
)
def test_a_pause_without_reason_end_or_target_is_refused_and_nothing_is_written(
    site: Path, arguments: list[str], status: int
) -> None:
    done = drp(site, "schedule", "pause", *arguments)
    assert done.returncode == status, done.stderr
    assert "HINT" in done.stderr or "hint" in done.stderr.lower()
    if (site / "state/journal.sqlite").exists():
        assert written(site) == []


def test_the_next_slot_or_a_named_one_is_taken_out(site: Path) -> None:
    named = [item["slot"] for item in said(site, "next")["items"] if item["level"] == "full"]
    assert said(site, "skip", named[2], "--reason", "audit")["id"] == named[2]
    assert said(site, "skip", "ehr/full", "--reason", "move")["id"] == named[0]
    assert said(site, "skip", "ehr/full", "--reason", "move")["id"] == named[1]
    assert [type(event) for event in written(site)] == [SlotSkipped] * 3
    told = {item["slot"]: item["reason"] for item in said(site, "next")["items"]}
    assert [told[name] for name in named[:4]] == ["skipped", "skipped", "skipped", "before-its-time"]
    for target, status in (
        (named[0], 10),
        ("ehr/full@20200101T020000Z", 10),
        ("ehr/full@nonsense", 10),
        ("nobody", 10),
        ("*", 10),
    ):
        assert drp(site, "schedule", "skip", target, "--reason", "move").returncode == status, target
    assert drp(site, "schedule", "skip", "ehr").returncode == 2


def test_status_says_who_is_due_and_notices_that_nobody_looks(site: Path) -> None:
    done = drp(site, "status", "ehr")
    assert done.returncode == 2
    assert "no drill ever passed, one is due every 3 days" in done.stdout
    assert "nobody looks at the schedule" in done.stdout.splitlines()[0]
    assert not [line for line in done.stdout.splitlines() if " documents " in line and line.startswith("level")]
    wiring = Wiring(load_site(site))
    tick(desk_of(wiring, None))
    document = json.loads(drp(site, "status", "--json").stdout)
    assert (document["unattended"], document["silent_since"]) == (False, None)
    assert {(due["application"], due["level"]) for due in document["dues"] if due["state"] == "never"} == {
        ("ehr", "full"), ("ehr", "sample"),
    }  # fmt: skip
    looked = datetime.now(UTC) - timedelta(days=2)
    wiring.register().beat(desk_of(wiring, None).host, looked)
    silent = drp(site, "status")
    assert "nobody has looked at the schedule since" in silent.stdout.splitlines()[0]
    assert json.loads(drp(site, "status", "--json").stdout)["silent_since"] is not None


def test_a_register_that_was_changed_is_critical_for_status_and_refused_by_all_else(site: Path) -> None:
    import sqlite3

    tick(desk_of(Wiring(load_site(site)), None))
    with closing(sqlite3.connect(site / "state/journal.sqlite")) as connection:
        connection.execute("DROP TRIGGER drp_register_no_update")
        connection.execute("UPDATE drp_register SET body = replace(body, 'ehr', 'lis')")
        connection.commit()
    done = drp(site, "status")
    assert (done.returncode, done.stdout.splitlines()[0][:12]) == (2, "DRP CRITICAL")
    for words in (["list"], ["next"], ["why", "ehr"], ["pause", "ehr", "--for", "1d", "--reason", "move"]):
        assert drp(site, "schedule", *words).returncode == 14, words
    assert drp(site, "journal", "verify").returncode == 14
