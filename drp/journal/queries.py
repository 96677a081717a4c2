"""What the tables of drills in short, and the entries, are asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, bindparam, cast, column, func, inspect, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from drp.codec import canonical
from drp.domain.level import LEVELS
from drp.journal.marks import NOTHING, Mark, read_mark
from drp.journal.summaries import ADDED_UP, DRILLS, DURATIONS, FORM, MARK, PASSED, RECOVERIES, kept_verdict, total
from drp.journal.tables import ENTRIES

Kind = tuple[str, str, str]
"""Application, level, and name of the plan; empty: of any plan."""
_AT_ONCE = 5_000
"""Drills that one statement asks for."""
_WINDOW = 5000
"""Entries that are noted in one transaction."""
MOST_BASELINES = 20
"""So many unreadable drills in a row, and nobody looks for an older one."""
_VERDICTS = tuple(kept_verdict(verdict, level) for level in LEVELS for verdict in ("passed", "failed", "inconclusive"))


def mark_of(connection: Connection) -> Mark:
    """Return up to where the tables were made, whatever has become of them; nowhere, if that is not known."""
    mark = read_mark(connection, MARK)
    if mark is None or mark.value.rpartition(" ")[0] != FORM or not inspect(connection).has_table(PASSED.name):
        return NOTHING
    return mark


def add_up(connection: Connection, mark: Mark, table: Table) -> bool:
    """Return whether the rows of a table add up to what the mark says."""
    told = mark.value.rpartition(" ")[2].split(",")
    return len(told) == len(ADDED_UP) and told[ADDED_UP.index(table)] == total(connection, table)


def concerned(connection: Connection, mark: Mark) -> tuple[int, dict[str, int]] | None:
    """Return the last entry of the next window, and the drills that have entries in it, with where each begins."""
    window = (ENTRIES.c.position > mark.position) & (ENTRIES.c.position <= mark.position + _WINDOW)
    last = connection.execute(select(func.max(ENTRIES.c.position)).where(window)).scalar_one()
    if last is None:
        return None
    within = select(ENTRIES.c.drill).where(window).distinct().subquery()
    begins = (ENTRIES.c.drill == within.c.drill) & (ENTRIES.c.sequence == 0)
    chosen = select(ENTRIES.c.drill, ENTRIES.c.position).join(within, begins)
    return last, {row.drill: row.position for row in connection.execute(chosen)}


def telling(connection: Connection, names: Iterable[str]) -> dict[int, str]:
    """Return, by where it begins, the newest drill of each level and verdict, and the newest that saw points."""
    rows_asked = [(name,) for name in names]
    if not rows_asked:
        return {}
    asked = _asked(connection, rows_asked)
    of_name = RECOVERIES.c.recovery == asked.c.of_0
    kinds = (*(RECOVERIES.c.verdict == verdict for verdict in _VERDICTS), RECOVERIES.c.listed == 1)
    # one column of each: that is a step in an index, where a grouping would walk along all drills
    newest = (select(func.max(RECOVERIES.c.first)).where(of_name, kind).scalar_subquery() for kind in kinds)
    rows = connection.execute(select(*newest).select_from(asked)).all()
    firsts = iter(sorted({first for row in rows for first in row if first is not None}))
    found: dict[int, str] = {}
    while some := list(islice(firsts, _AT_ONCE)):
        chosen = FIRSTS.where(ENTRIES.c.position.in_(some))
        found |= {row.position: row.drill for row in connection.execute(chosen)}
    return found


def baselines(application: str, counted: int, before: int, until: int) -> Select[Any]:
    """Ask for drills that passed for an application, the newest restored state first."""
    of_state = (RECOVERIES.c.recovery == application) & (RECOVERIES.c.passed == 1) & (RECOVERIES.c.counted == counted)
    chosen = select(RECOVERIES.c.restored_state, RECOVERIES.c.declared_at, ENTRIES.c.drill)
    return (
        chosen.join(ENTRIES, (ENTRIES.c.position == RECOVERIES.c.first) & (ENTRIES.c.sequence == text("0")))
        .where(of_state, RECOVERIES.c.restored_state <= until, RECOVERIES.c.declared_at < before)
        .order_by(RECOVERIES.c.restored_state.desc(), RECOVERIES.c.declared_at.desc())
        .limit(MOST_BASELINES)
    )


def durations_of(connection: Connection, kinds: Iterable[Kind], most: int) -> dict[Kind, dict[int, int]]:
    """Return how long the newest whole drills of each kind took, by where they begin, in two statements for all."""
    found: dict[Kind, dict[int, int]] = {kind: {} for kind in kinds}
    for of_plan in (False, True):
        wanted = [kind for kind in found if bool(kind[2]) is of_plan]
        if not wanted:
            continue
        asked, newest = _asked(connection, wanted), DURATIONS.alias("newest")
        of_kind = (newest.c.recovery == asked.c.of_0) & (newest.c.level == asked.c.of_1)
        of_kind = of_kind & (newest.c.plan == asked.c.of_2) if of_plan else of_kind
        firsts = select(newest.c.first).where(of_kind).order_by(newest.c.first.desc()).limit(most)
        chosen = select(asked, DURATIONS.c.first, DURATIONS.c.took_ms).where(
            DURATIONS.c.recovery == asked.c.of_0, DURATIONS.c.first.in_(firsts.correlate(asked))
        )
        for recovery, level, plan, first, took_ms in connection.execute(chosen):
            found[recovery, level, plan][first] = took_ms
    return found


def _asked(connection: Connection, rows: Sequence[tuple[str, ...]]) -> Any:
    """Return a table of what is asked for, with its columns ``of_0``…: one parameter, however many rows there are."""
    told, width = canonical(rows).decode(), range(len(rows[0]) if rows else 0)
    if connection.dialect.name == "postgresql":
        each = func.jsonb_array_elements(cast(literal(told, Text), JSONB)).table_valued(
            column("value", JSONB), name="each_of"
        )
        return select(*(each.c.value.op("->>")(at).cast(Text).label(f"of_{at}") for at in width)).cte("asked")
    each = func.json_each(told).table_valued("value", name="each_of")
    return select(*(func.json_extract(each.c.value, f"$[{at}]").label(f"of_{at}") for at in width)).cte("asked")


def passed(plan: str, most: int) -> Select[Any]:
    """Ask where the newest drills of a plan begin that passed."""
    return select(PASSED.c.first).where(PASSED.c.plan == plan).order_by(PASSED.c.first.desc()).limit(most)


def firsts(last: int) -> Select[Any]:
    """Ask for the drills that begin no later than at a position, oldest first."""
    return FIRSTS.where(ENTRIES.c.position <= last).order_by(ENTRIES.c.position)


FIRSTS = select(ENTRIES.c.drill, ENTRIES.c.position).where(ENTRIES.c.sequence == text("0"))
FIRST = select(ENTRIES.c.position).where(ENTRIES.c.drill == bindparam("of_drill"), ENTRIES.c.sequence == 0)
COUNT = select(func.count()).select_from(ENTRIES).where(ENTRIES.c.sequence == text("0"))
STORED = select(func.count()).select_from(DRILLS)
SUMMARIES = select(DRILLS.c.first, DRILLS.c.summary, DRILLS.c.digest, DRILLS.c.drill)
