"""`drp journal verify`: all of the chain, what is noted of it in short, and every record; `drp status` says when."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from drp.clock import SystemClock
from drp.config.site import load_site
from drp.domain.clock import Stamp
from drp.domain.events import EvidenceSealed
from drp.errors import DrpError
from drp.service.wiring import Wiring
from drp.service.worker import _look_back as look_back_at
from tests.cli.test_report_cli import SiteWithDrills, site  # noqa: F401 - the fixture
from tests.support import fixtures_records as sample

CHANGED_ENTRY = "UPDATE drp_journal SET body = replace(body, 'ehr', 'her') WHERE drill = 'ehr-1' AND sequence = 0"
CHANGED_NOTE = "UPDATE drp_journal_drills SET summary = replace(summary, 'failed', 'passed') WHERE drill = 'ehr-2'"


@pytest.fixture
def held(site: SiteWithDrills) -> SiteWithDrills:
    site.seal("ehr-1", sample.passed_journal())
    site.seal("ehr-2", sample.hash_failure_journal())
    site.wiring.journal().close()  # type: ignore[attr-defined]
    return site


def change(journal: Path, statement: str) -> None:
    """Change the journal past its guards, as whoever owns the file can."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
        for _, sql in guards:
            connection.execute(sql)


def test_a_journal_as_it_was_written_is_told_and_noted(held: SiteWithDrills) -> None:
    assert "its chain is not verified as a whole" in held.drp("status").stdout
    done = held.drp("journal", "verify")
    assert done.exit_code == 0
    assert "entries of 2 drills, chain intact, every record as sealed" in done.stdout
    assert "chain and records verified as a whole" in held.drp("status").stdout
    found = json.loads(held.drp("journal", "verify", "--json").stdout)
    assert (found["schema"], found["drills"], found["intact"]) == ("drp/journal/1", 2, True)
    assert f"{found['entries']} entries" in done.stdout


@pytest.mark.parametrize(
    ("statement", "words"),
    [(CHANGED_ENTRY, "drill ehr-1, entry 0"), (CHANGED_NOTE, "noted in short of drill ehr-2 does not follow")],
)
def test_what_was_changed_after_it_was_verified_is_found(held: SiteWithDrills, statement: str, words: str) -> None:
    assert held.drp("journal", "verify").exit_code == 0
    change(held.directory / "state" / "journal.sqlite", statement)
    done = held.drp("journal", "verify")
    assert (done.exit_code, words in "\n".join(done.tail)) == (14, True), done.tail
    again = held.drp("journal", "verify")
    assert again.exit_code == (14 if statement == CHANGED_ENTRY else 0), "notes are made again, entries never"


def test_a_changed_entry_is_found_by_whoever_reads_its_drill(held: SiteWithDrills) -> None:
    assert held.drp("journal", "verify").exit_code == 0
    change(held.directory / "state" / "journal.sqlite", CHANGED_ENTRY)
    for words in (["drill", "show", "ehr-1"], ["report", "ehr-1"], ["doctor"]):
        done = held.drp(*words)
        assert done.exit_code == {"doctor": 1}.get(words[0], 14), (words, done.tail)
        assert "drill ehr-1, entry 0" in "\n".join(done.tail), words


def test_a_record_that_is_gone_or_another_is_found(held: SiteWithDrills) -> None:
    assert held.drp("journal", "verify").exit_code == 0
    (record,) = (held.directory / "evidence").rglob("*ehr-2*/record.json")
    content = record.read_bytes()
    record.chmod(0o644)
    record.write_bytes(content.replace(b"failed", b"passed"))
    done = held.drp("journal", "verify")
    assert (done.exit_code, "ehr-2" in "\n".join(done.tail)) == (14, True), done.tail
    record.unlink()
    done = held.drp("journal", "verify")
    assert (done.exit_code != 0, "ehr-2" in "\n".join(done.tail)) == (True, True), done.tail


def test_where_nothing_was_drilled_there_is_nothing_to_verify(site: SiteWithDrills) -> None:
    done = site.drp("journal", "verify")
    assert (done.exit_code, "there is no journal yet" in "\n".join(done.tail)) == (0, True)


def test_lists_show_the_newest_hundred_and_say_so(site: SiteWithDrills) -> None:
    journal = site.wiring.journal()
    events = [entry.event for entry in sample.passed_journal()]
    for number in range(102):
        journal.append(f"ehr-{number:03}", *events, EvidenceSealed(record_digest="d" * 64, location="/gone"))
    journal.close()  # type: ignore[attr-defined]
    short, whole = site.drp("drill", "list", "--json"), site.drp("drill", "list", "--all", "--json")
    assert "2 older drills are not listed" in "\n".join(short.tail)
    listed = [[row["drill"] for row in json.loads(each.stdout)["items"]] for each in (short, whole)]
    assert [len(rows) for rows in listed] == [100, 102]
    assert set(listed[1]) - set(listed[0]) == {"ehr-000", "ehr-001"}


class Told:
    """What a worker says to its supervisor of what is wrong."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, error: DrpError) -> None:
        self.errors.append(str(error))


def test_all_is_verified_once_a_day_and_whenever_the_clock_makes_no_sense(held: SiteWithDrills) -> None:
    class Another(SystemClock):
        days = 0.0

        def now(self) -> Stamp:
            found = super().now()
            return replace(found, wall=found.wall + timedelta(days=self.days))

    def look_back(days: float) -> list[str]:
        told, clock = Told(), Another()
        clock.days = days
        wiring = Wiring(load_site(held.directory))
        journal = wiring.journal()
        look_back_at(SimpleNamespace(journal=journal, clock=clock), wiring, told)  # type: ignore[arg-type]
        journal.close()  # type: ignore[attr-defined]
        return told.errors

    assert look_back(0) == []
    assert "chain and records verified as a whole" in held.drp("status").stdout
    change(held.directory / "state" / "journal.sqlite", CHANGED_ENTRY)
    assert look_back(0.9) == [], "what is new is looked at"
    for days in (1.1, -0.5):
        (error,) = look_back(days)
        assert "drill ehr-1, entry 0" in error
