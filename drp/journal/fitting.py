"""Whether the tables of drills in short say what follows from the entries: looked at whole, drill by drill."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from drp.domain.phrase import say
from drp.domain.summary import DrillSummary
from drp.errors import Tampered
from drp.journal import queries
from drp.journal.database import Database
from drp.journal.marks import NOTHING
from drp.journal.summaries import BY_DRILL, DRILLS, read_summary, rows_of
from drp.journal.tables import ENTRIES

InShort = Callable[[str], DrillSummary]
"""Tells a drill in short from its entries."""


def misfit(database: Database, in_short: InShort) -> str:
    """Return the first drill of which the tables say something else than its entries; empty: there is none."""
    mark = database.read(queries.mark_of)
    if mark is NOTHING:
        return ""
    rows = database.read(lambda connection: list(connection.execute(queries.firsts(mark.position))))
    for row in rows:
        if not _fits(database, in_short, row.drill, row.position, mark.position):
            return str(row.drill)
    stored = database.read(lambda connection: connection.execute(queries.STORED).scalar_one())
    return "" if stored == len(rows) else say("that is not there")


def _fits(database: Database, in_short: InShort, drill: str, first: int, last: int) -> bool:
    since = (ENTRIES.c.drill == drill) & (ENTRIES.c.position > last)

    def stored(connection: Connection) -> tuple[list[DrillSummary], list[list[dict[str, object]]], bool]:
        rows = connection.execute(queries.SUMMARIES.where(DRILLS.c.first == first, DRILLS.c.drill == drill)).all()
        of_drill = [select(table).where(table.c.first == first) for table in BY_DRILL]
        found = [list(map(dict, connection.execute(chosen).mappings())) for chosen in of_drill]
        newer = connection.execute(select(ENTRIES.c.position).where(since).limit(1)).first() is not None
        return [read_summary(row) for row in rows], found, newer

    try:
        summaries, found, newer = database.read(stored)
    except Tampered:
        return False
    if newer:
        return len(summaries) == 1  # it is told from its entries until the tables have it again
    told = in_short(drill)
    due = rows_of(first, told)
    ordered = [[sorted(rows, key=lambda row: str(row.get("recovery"))) for rows in each] for each in (found, due)]
    return summaries == [told] and ordered[0] == ordered[1]
