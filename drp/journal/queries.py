"""What the tables of drills in short, and the entries, are asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, inspect, select, text

from drp.domain.level import LEVELS
from drp.journal.marks import NOTHING, Mark, read_mark
from drp.journal.summaries import DRILLS, DURATIONS, FORM, MARK, PASSED, RECOVERIES, kept_verdict, totals
from drp.journal.tables import ENTRIES

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


def add_up(connection: Connection, mark: Mark) -> bool:
    """Return whether the rows of the tables add up to what the mark says."""
    return mark.value == f"{FORM} {totals(connection)}"


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
    firsts = set()
    for name in names:
        of_name = RECOVERIES.c.recovery == name
        for kind in (*(RECOVERIES.c.verdict == verdict for verdict in _VERDICTS), RECOVERIES.c.listed == 1):
            newest = select(func.max(RECOVERIES.c.first)).where(of_name, kind)
            firsts.add(connection.execute(newest).scalar_one())
    chosen = FIRSTS.where(ENTRIES.c.position.in_(firsts - {None}))
    return {row.position: row.drill for row in connection.execute(chosen)}


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


def durations(application: str, level: str, plan: str, most: int) -> Select[Any]:
    """Ask how long the newest whole drills of an application took, and where they begin; empty ``plan``: of any."""
    of_kind = (DURATIONS.c.recovery == application) & (DURATIONS.c.level == level)
    chosen = select(DURATIONS.c.first, DURATIONS.c.took_ms)
    chosen = chosen.where(of_kind & (DURATIONS.c.plan == plan) if plan else of_kind)
    return chosen.order_by(DURATIONS.c.first.desc()).limit(most)


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
