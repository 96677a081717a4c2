"""Which drills to read: from the tables of drills in short, and from the entries since those were brought up to date.

Where the tables are missing, of another version, or do not fit the journal, everything is told from entries: that is
slow and never wrong. Who may write makes them again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select, text

from drp.domain.events import Entry
from drp.domain.fold import fold
from drp.domain.journal import Verification
from drp.domain.phrase import say
from drp.domain.summary import DrillSummary, summarise
from drp.errors import StorageFull, Tampered
from drp.journal import queries
from drp.journal.database import Database
from drp.journal.fitting import misfit
from drp.journal.marks import NOTHING, Mark, mark_at, read_mark, remove_mark, write_mark
from drp.journal.opening import read_ends
from drp.journal.summaries import (
    ADDED_UP,
    DRILLS,
    DURATIONS,
    FORM,
    MARK,
    PASSED,
    RECOVERIES,
    drop,
    instant,
    is_baseline,
    read_summary,
    told_verdict,
    totals,
    write_summary,
)
from drp.journal.tables import ENTRIES
from drp.journal.verification import verified

_RECORDS = "records"


class SqlHistory:
    """The History port on the journal's database. Safe to use from several threads."""

    def __init__(self, database: Database, entries: Callable[[str], Iterator[Entry]]) -> None:
        """Take the database, and how the entries of a drill are read."""
        self._database, self._entries = database, entries
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, DrillSummary]] = {}
        """Drill → so many entries of it were read, and what it is in short."""
        self._sound: dict[str, Mark] = {}
        """Table → the last mark to which its rows were found to add up."""

    def count(self) -> int:
        """Return how many drills there are."""
        return self._database.read(lambda connection: connection.execute(queries.COUNT).scalar_one())

    def newest(self, most: int) -> tuple[DrillSummary, ...]:
        """Return the newest drills, oldest first."""
        rows = self._database.read(
            lambda connection: list(connection.execute(queries.FIRSTS.order_by(ENTRIES.c.position.desc()).limit(most)))
        )
        tail = self._tail()
        wanted = [row.position for row in rows if row.drill not in tail]
        found = {summary.drill: summary for summary in self._stored(DRILLS.c.first.in_(wanted))}
        return tuple(
            tail[row.drill][1] if row.drill in tail else found.get(row.drill) or self._in_short(row.drill)
            for row in reversed(rows)
        )

    def beginning(self, prefix: str, most: int) -> tuple[str, ...]:
        """Return the ids of drills that begin so, no more than that many."""

        def find(connection: Connection) -> tuple[str, ...]:
            begins = (
                func.starts_with(ENTRIES.c.drill, prefix)
                if connection.dialect.name == "postgresql"
                else (ENTRIES.c.drill >= prefix) & (ENTRIES.c.drill < prefix + "\U0010ffff")
            )
            chosen = select(ENTRIES.c.drill).where(ENTRIES.c.sequence == 0, begins)
            return tuple(connection.execute(chosen.order_by(ENTRIES.c.drill).limit(most)).scalars())

        return self._database.read(find)

    def unsettled(self, but: str = "") -> tuple[DrillSummary, ...]:
        """Return the drills of which more is to come, oldest first."""
        tail = self._tail(DRILLS, but=but)
        unsettled = self._stored(DRILLS.c.settled == text("0"), DRILLS)
        stored = [one for one in unsettled if one.drill not in tail and one.drill != but]
        # those that are in the tables already are older than, or as old as, what came since
        recent = [summary for _, summary in sorted(tail.values(), key=lambda item: item[0]) if not summary.settled]
        return (*stored, *recent)

    def telling(self, applications: Iterable[str]) -> tuple[str, ...]:
        """Return, oldest first, the drills from which it follows how applications stand."""
        tail, names = self._tail(RECOVERIES), tuple(applications)
        found: dict[int, str] = {}
        for first, summary in tail.values():
            if any(told_verdict(summary, one) for one in summary.recoveries if one.recovery in names):
                found[first] = summary.drill
        if self._mark(RECOVERIES) is not NOTHING:
            found |= self._database.read(lambda connection: queries.telling(connection, names))
        return tuple(found[first] for first in sorted(found))

    def baselines(
        self, application: str, *, before: datetime, until: datetime, counted: bool, but: str
    ) -> tuple[str, ...]:
        """Return drills that passed for an application, the newest restored state first."""
        found = [
            (instant(one.restored_state), instant(summary.declared_at), summary.drill)
            for _, summary in self._tail(RECOVERIES, but=but).values()
            for one in summary.recoveries
            if one.recovery == application and is_baseline(one) and (one.counted or not counted)
        ]
        limits = (instant(before), instant(until))
        found = [one for one in found if one[1] < limits[0] and one[0] <= limits[1]]
        if self._mark(RECOVERIES) is not NOTHING:
            kinds = (1,) if counted else (0, 1)
            found += self._database.read(
                lambda connection: [
                    (row.restored_state, row.declared_at, row.drill)
                    for kind in kinds
                    for row in connection.execute(queries.baselines(application, kind, *limits))
                ]
            )
        ordered = sorted(set(found), reverse=True)
        return tuple(dict.fromkeys(drill for *_, drill in ordered if drill != but))[: queries.MOST_BASELINES]

    def rta_ms(self, application: str) -> int | None:
        """Return what the newest drill measured that measured it."""
        tail = sorted(self._tail(RECOVERIES, DRILLS).values(), key=lambda item: item[0], reverse=True)
        for _, summary in tail:
            for one in summary.recoveries:
                if one.recovery == application and one.rta_ms is not None:
                    return one.rta_ms
        if self._mark(RECOVERIES, DRILLS) is NOTHING:
            return None
        timed = (RECOVERIES.c.recovery == application) & (RECOVERIES.c.timed == 1)
        first = select(func.max(RECOVERIES.c.first)).where(timed).scalar_subquery()
        stored = self._stored(DRILLS.c.first == first, RECOVERIES, DRILLS)
        return next((one.rta_ms for drill in stored for one in drill.recoveries if one.recovery == application), None)

    def durations_ms(self, application: str, level: str, most: int, *, plan: str = "") -> tuple[int, ...]:
        """Return how long the newest whole drills of an application took, newest first."""
        kind = application, level, plan
        return self.durations_of((kind,), most)[kind]

    def durations_of(
        self, asked: Iterable[tuple[str, str, str]], most: int
    ) -> Mapping[tuple[str, str, str], tuple[int, ...]]:
        """Return what `durations_ms` returns, for each application, level and plan, in few statements for all."""
        kinds = tuple(asked)

        def find(connection: Connection) -> dict[queries.Kind, dict[int, int]]:
            known = self._mark_in(connection, DURATIONS) is not NOTHING
            return queries.durations_of(connection, kinds, most) if known else {kind: {} for kind in kinds}

        found = self._database.read(find)
        for first, one in self._tail(DURATIONS).values():
            for kind in one.kinds():
                if kind in found and one.took_ms is not None:
                    found[kind][first] = one.took_ms
        newest_first = {kind: sorted(known.items(), reverse=True) for kind, known in found.items()}
        return {kind: tuple(took for _, took in known[:most]) for kind, known in newest_first.items()}

    def passed(self, plan: str, most: int) -> tuple[DrillSummary, ...]:
        """Return the newest drills of a plan that passed, newest first."""

        def find(connection: Connection) -> list[int]:
            known = self._mark_in(connection, PASSED, DRILLS) is not NOTHING
            return [row.first for row in connection.execute(queries.passed(plan, most))] if known else []

        firsts, tail = self._database.read(find), self._tail(PASSED, DRILLS)
        stored = [one for one in self._stored(DRILLS.c.first.in_(firsts), PASSED, DRILLS) if one.drill not in tail]
        recent = [
            one for _, one in sorted(tail.values(), key=lambda item: item[0]) if one.has_passed and one.plan == plan
        ]
        return tuple(reversed([*stored, *recent]))[:most]

    def verified(self) -> Verification | None:
        """Return how far the journal was verified as a whole."""
        return self._database.read(verified)

    def known_records(self) -> str:
        """Return how the folders of evidence were when the journal knew every record; empty: nobody noted it."""
        mark = self._database.read(lambda connection: read_mark(connection, _RECORDS))
        return mark.value if mark is not None else ""

    def note_known_records(self, state: str) -> None:
        """Note how the folders of evidence are, now that the journal knows every record, if one may write."""
        if self._database.reads_only:
            return
        with suppress(StorageFull), self._database.translated(), self._database.writing() as connection:
            write_mark(connection, _RECORDS, mark_at(connection, read_ends(connection)[0], state))

    def catch_up(self) -> None:
        """Bring the tables up to date, by whoever may write; what is done stays done wherever it is cut off."""
        mark = self._mark(*ADDED_UP)
        if mark is NOTHING:
            with self._database.translated(), self._database.writing() as connection:
                drop(connection)
        while (window := self._window(mark)) is not None:
            last, drills = window
            summaries = [(first, self._in_short(drill)) for drill, first in drills.items()]
            with self._database.translated(), self._database.writing() as connection:
                for first, summary in summaries:
                    write_summary(connection, first, summary)
                mark = mark_at(connection, last, f"{FORM} {totals(connection)}")
                write_mark(connection, MARK, mark)
                self._sound = {table.name: mark for table in ADDED_UP}

    def _window(self, mark: Mark) -> tuple[int, dict[str, int]] | None:
        return self._database.read(lambda connection: queries.concerned(connection, mark))

    def forget(self) -> None:
        """Drop what is in the tables, if one may write: it is made again."""
        if self._database.reads_only:
            return
        with self._database.translated(), self._database.writing() as connection:
            remove_mark(connection, MARK)
            drop(connection)

    def misfit(self) -> str:
        """Return the first drill of which the tables say something else than its entries; empty: there is none."""
        return misfit(self._database, self._in_short)

    def _mark(self, *tables: Table) -> Mark:
        return self._database.read(lambda connection: self._mark_in(connection, *tables))

    def _mark_in(self, connection: Connection, *tables: Table) -> Mark:
        """Return up to where the tables are made; nowhere, unless the rows of those that are asked add up.

        Each state of a table is added up once, and only if it is asked where a missing row would hide a drill.
        """
        mark = queries.mark_of(connection)
        for table in tables if mark is not NOTHING else ():
            if self._sound.get(table.name) != mark:
                if not queries.add_up(connection, mark, table):
                    return NOTHING
                self._sound[table.name] = mark
        return mark

    def _tail(self, *tables: Table, but: str = "") -> Mapping[str, tuple[int, DrillSummary]]:
        """Return the drills with entries since the tables were made: where each begins, and what it is in short."""

        def find(connection: Connection) -> list[tuple[str, int, int]]:
            # statements of one index each: joined, a planner would rather walk along all drills
            since = select(ENTRIES.c.drill, ENTRIES.c.sequence).where(
                ENTRIES.c.position > self._mark_in(connection, *tables).position
            )
            last = {row.drill: row.sequence for row in connection.execute(since.order_by(ENTRIES.c.position))}
            begins = ((drill, connection.execute(queries.FIRST, {"of_drill": drill}).scalar()) for drill in last)
            return [(drill, first or 0, last[drill]) for drill, first in begins if drill != but]

        with self._lock:
            found = {}
            for drill, first, last in self._database.read(find):
                if drill not in self._known or self._known[drill][0] != last:
                    self._known[drill] = last, self._in_short(drill)
                found[drill] = first, self._known[drill][1]
            return found

    def _in_short(self, drill: str) -> DrillSummary:
        try:
            return summarise(fold(self._entries(drill)))
        except Tampered as error:
            return DrillSummary(drill=drill, trouble=error.message)
        except (KeyError, AssertionError):  # entries that no drill writes, in an order that none has
            return DrillSummary(
                drill=drill, trouble=say("journal: drill {drill}: its entries contradict one another", drill=drill)
            )

    def _stored(self, chosen: ColumnElement[bool], *tables: Table) -> tuple[DrillSummary, ...]:
        """Return drills of the tables, oldest first; one whose row was changed is read again."""

        def find(connection: Connection) -> tuple[list[Any], bool]:
            if self._mark_in(connection, *tables) is NOTHING:
                return [], False
            return list(connection.execute(queries.SUMMARIES.where(chosen).order_by(DRILLS.c.first))), True

        found = []
        for row in self._database.read(find)[0]:
            try:
                found.append(read_summary(row))
            except Tampered:
                found.append(self._in_short(row.drill))
        return tuple(found)
