"""Signs of life of running phases, beside the chain: no entry, record or verdict depends on them.

They are thinned as they age: number ``n`` of a phase is kept while fewer than ``_DENSE * 2**z`` came after it, where
``z`` is how often 2 divides ``n``. So the newest are all there, and of what is older every second, fourth, eighth…
one: a phase that shows one a second for four hours keeps some 180 of 14,400. Each new one removes at most one of each
age, by its key, so nothing is ever searched and a crash leaves nothing to make up for.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, func, select, text
from sqlmodel import Column, Field, Integer, MetaData, SQLModel, Text

from drp.codec import canonical, from_json, to_data
from drp.domain.events import Sign
from drp.errors import Tampered

METADATA = MetaData()
_DENSE = 32
_MOST_SHOWN = 2000
"""Signs of one drill that are read at once: what somebody else put there is not unbounded."""


class SignRow(SQLModel, table=True):
    """One sign of life; ``body`` is its canonical JSON."""

    metadata = METADATA
    __tablename__ = "drp_journal_progress"
    __table_args__ = ({"sqlite_strict": True, "sqlite_with_rowid": False},)
    drill: str = Field(sa_column=Column(Text, primary_key=True))
    recovery: str = Field(sa_column=Column(Text, primary_key=True))
    phase: str = Field(sa_column=Column(Text, primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: str = Field(sa_column=Column(Text, nullable=False))


SIGNS = METADATA.tables["drp_journal_progress"]


def as_read(sign: Sign) -> Sign:
    """Return a sign as every reader sees it: what is no Unicode is written as text."""
    return from_json(Sign, canonical(to_data(sign)))


def keep(connection: Connection, sign: Sign) -> Sign:
    """Keep a sign of life, let go of those that have become too many, and return it with its number in its phase."""
    drill, recovery, phase = sign.drill, sign.event.recovery, sign.event.phase
    of_phase = (SIGNS.c.drill == drill) & (SIGNS.c.recovery == recovery) & (SIGNS.c.phase == phase)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL synchronous_commit = off"))  # the next entry's commit takes it along
    newest = connection.execute(select(func.max(SIGNS.c.number)).where(of_phase)).scalar_one()
    kept = replace(sign, number=0 if newest is None else newest + 1)
    row = {"drill": drill, "recovery": recovery, "phase": phase, "number": kept.number}
    connection.execute(SIGNS.insert(), {**row, "body": canonical(to_data(kept)).decode()})
    if aged := _aged(kept.number):
        connection.execute(SIGNS.delete().where(of_phase, SIGNS.c.number.in_(aged)))
    return kept


def _aged(newest: int) -> list[int]:
    """Return the numbers that are old enough to go now that ``newest`` has come."""
    found, age, step = [], _DENSE, 1
    while age <= newest:
        number = newest - age
        if number % (2 * step) == step:  # divisible by ``step`` and by no higher power of two
            found.append(number)
        age, step = age * 2, step * 2
    return found


def signs(connection: Connection, drill: str) -> tuple[Sign, ...]:
    """Return what is left of a drill's signs of life, oldest first; what cannot be read is passed over.

    Whoever can write the journal's file can change them: they are shown, and prove nothing.
    """
    rows = connection.execute(
        select(SIGNS.c.body)
        .where(SIGNS.c.drill == drill)
        .order_by(SIGNS.c.number.desc(), SIGNS.c.recovery, SIGNS.c.phase)
        .limit(_MOST_SHOWN)
    ).scalars()
    found = []
    for body in rows:
        try:
            sign = from_json(Sign, body)
        except Tampered:
            continue
        if sign.drill == drill:
            found.append(sign)
    return tuple(sorted(found, key=lambda sign: (sign.stamp.wall, sign.event.recovery, sign.number)))
