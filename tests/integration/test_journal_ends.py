"""Nothing follows the end of a drill but what legitimately does, whoever writes: by triggers of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from drp.clock import SystemClock
from drp.domain.events import (
    DrillConcluded,
    DrillDeclared,
    Event,
    EvidenceSealed,
    FindingRaised,
    Interrupted,
    Resumed,
    SandboxDestroyed,
)
from drp.domain.findings.catalogue import RESIDUE_LEFT
from drp.domain.sandbox import Residue
from drp.errors import Tampered
from drp.journal import SqlJournal
from drp.journal.chain import digest, forge, link
from drp.journal.seal_guard import NAME
from tests.simulators.world import World
from tests.support.fixtures_journal import PostgresServer


@dataclass
class Place:
    """A journal, and its owner's own hands."""

    open: Callable[[], SqlJournal]
    run: Callable[[str], list[Any]]


def _sqlite(request: pytest.FixtureRequest) -> Place:
    path: Path = request.getfixturevalue("tmp_path") / "journal.sqlite"

    def run(statement: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return list(connection.execute(statement))

    return Place(lambda: SqlJournal(path, SystemClock()), run)


def _postgresql(request: pytest.FixtureRequest) -> Place:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = server.new_database()

    def run(statement: str) -> list[Any]:
        with closing(server.connect(database)) as connection:
            return list(connection.run(statement) or [])

    return Place(lambda: SqlJournal(server.url(database), SystemClock(), password=server.password), run)


@pytest.fixture(params=[_sqlite, pytest.param(_postgresql, marks=pytest.mark.real)], ids=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.param(request)


def declared() -> Event:
    world = World()
    return DrillDeclared(
        plan=world.plan,
        plan_digest="x",
        disaster_at=world.clock.now().wall,
        requested_by="t",
        drp_version="1",
        host="h",
    )


HOSTILE = '"},"previous":"' + "0" * 64 + '","sequence":1,"stamp":{}} "type":"evidence-sealed"},"previous":"\0\ud800'
CONCLUDED = DrillConcluded(verdict="passed", reasons=(HOSTILE,), measurements=(), tools={"drp": HOSTILE})
SEALED = EvidenceSealed(record_digest="0" * 64, location=HOSTILE, host="h")
GONE = SandboxDestroyed(recovery="ehr", sandbox=HOSTILE, residue=Residue(processes=1))
FOUND = FindingRaised(
    recovery="ehr", finding=RESIDUE_LEFT.finding(subject="sandbox", observed=HOSTILE, expected="none")
)
STOPPED = Interrupted(signal_number=2, reason=HOSTILE)


def test_a_drill_goes_through_to_its_end_and_what_was_kept_is_let_go_after_it(place: Place) -> None:
    with closing(place.open()) as journal:
        for event in (declared(), STOPPED, FOUND, GONE, STOPPED, CONCLUDED, FOUND, SEALED, GONE, FOUND, GONE):
            journal.append("a", event)
        assert journal.verify() == 11


@pytest.mark.parametrize("between", [(), (GONE,), (FOUND, GONE, FOUND)])
@pytest.mark.parametrize(
    "event",
    [SEALED, CONCLUDED, STOPPED, Resumed(reason="x", downtime_ms=0)],
    ids=["seal", "conclusion", "interruption", "resumption"],
)
def test_nothing_else_follows_a_seal(place: Place, between: tuple[Event, ...], event: Event) -> None:
    with closing(place.open()) as journal:
        journal.append("a", STOPPED, CONCLUDED, SEALED, *between)
        with pytest.raises(Tampered, match="refuses the entry: a drill is declared, concluded and sealed once"):
            journal.append("a", event)
        journal.append("b", event)  # another drill's end is not this one's
        assert journal.verify() == 4 + len(between)


def test_a_drill_is_concluded_once_sealed_or_not(place: Place) -> None:
    with closing(place.open()) as journal:
        journal.append("a", STOPPED, CONCLUDED, FOUND, STOPPED)
        with pytest.raises(Tampered, match="concluded"):
            journal.append("a", CONCLUDED)
        journal.append("a", SEALED)


def insert(journal: SqlJournal, drill: str, event: Event) -> str:
    """Return the statement by which somebody adds an entry himself, every hash as it has to be."""
    head = journal.head()
    *_, last = journal.entries(drill)
    body, entry = forge(drill, last.sequence + 1, SystemClock().now(), event, last.hash)
    assert digest(body) == entry.hash
    chained = link(head.position + 1, entry.hash, head.link)
    values = f"{head.position + 1}, '{drill}', {entry.sequence}, '{body}', '{entry.hash}', '{chained}'"
    return f"INSERT INTO drp_journal (position, drill, sequence, body, hash, link) VALUES ({values})"


@pytest.mark.parametrize("event", [SEALED, CONCLUDED, declared()], ids=["seal", "conclusion", "declaration"])
def test_nor_by_a_statement_of_ones_own(place: Place, event: Event) -> None:
    with closing(place.open()) as journal:
        journal.append("a", declared(), CONCLUDED, SEALED)
        with pytest.raises(Exception, match="nothing follows its seal"):
            place.run(insert(journal, "a", event))
        place.run(insert(journal, "a", GONE))
        assert journal.verify() == 4


def test_a_second_declaration_by_a_statement_of_ones_own_is_refused_before_any_end(place: Place) -> None:
    with closing(place.open()) as journal:
        journal.append("a", declared())
        with pytest.raises(Exception, match="declared"):
            place.run(insert(journal, "a", declared()))


@pytest.mark.parametrize("kind", [DrillDeclared, EvidenceSealed, SandboxDestroyed, FindingRaised])
def test_the_type_is_what_an_event_ends_with_where_the_guard_reads_it(kind: type) -> None:
    """The canonical form sorts its keys: a field that comes after ``type`` would hide the event from the guard."""
    assert max(field.name for field in fields(kind)) == "type"


def take_away(place: Place) -> None:
    postgresql = " ON drp_journal" if "pg" in place.run.__qualname__ or "_postgresql" in place.run.__qualname__ else ""
    place.run(f"DROP TRIGGER {NAME}{postgresql}")


def test_that_the_guard_was_taken_away_is_noticed(place: Place) -> None:
    with closing(place.open()) as journal:
        journal.append("a", STOPPED)
        take_away(place)
        with pytest.raises(Tampered, match=f"guards were removed: {NAME}"):
            journal.verify()
    with pytest.raises(Tampered, match=NAME):
        place.open()


def test_a_journal_of_before_gets_the_guard_from_the_next_who_writes(place: Place) -> None:
    """Also one in which a drill was sealed twice: what happened is not undone, and goes on no more."""
    with closing(place.open()) as journal:
        journal.append("a", STOPPED)
        take_away(place)
        place.run("DELETE FROM drp_journal_marks WHERE name = 'guarded after the seal'")
        journal.append("a", CONCLUDED, SEALED, CONCLUDED, SEALED)
    with closing(place.open()) as journal:
        assert journal.verify() == 5
        with pytest.raises(Tampered, match="refuses"):
            journal.append("a", SEALED)
        journal.append("a", GONE)
