"""The orders: what is to be done, who has it, and which repositories are in use. Coordination only, and no evidence.

Whoever takes an order takes all its keys in the same transaction, and a new number (``epoch``) with it. Everything
that is written about it later names host and epoch, so that who lost it, asleep or cut off, writes nothing any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from drp.domain.orders import Order, OrderSeen, Value, Values
from drp.domain.phrase import fact
from drp.engine.carrying import Course
from drp.engine.database import Place, on_server, translated
from drp.engine.tables import HOSTS, KEYS, METADATA, ORDERS, DatabaseNow
from drp.errors import EngineError

Way = Literal["carry", "clean"]
_LOCK = 0x6472706F
"""'drpo': whoever takes orders does so alone, on a PostgreSQL that may serve others."""
_PRUNES = 0x64727070
"""'drpp': whoever prunes orders does so alone."""
_OPEN = ("waiting", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An order that this host has."""

    order: Order
    epoch: int
    way: Way
    """``clean``: it cannot go on."""
    why: str = ""
    abort_by: str = ""


def remembered_as(order_id: str, epoch: int) -> tuple[str, ...]:
    """Return the names under which an order's steps are remembered: all of them up to an epoch."""
    return (order_id, *(cleaning(order_id, number) for number in range(1, epoch + 1)))


def cleaning(order_id: str, epoch: int) -> str:
    """Return the name under which the steps of a clean-up are remembered."""
    return f"{order_id}~clean~{epoch}"


class Ledger:
    """The orders in one database. Safe from several threads; raises ``EngineError``."""

    def __init__(self, place: Place, engine: Engine, host: str, places: Sequence[str] = ("",)) -> None:
        """Take where they are, the way to it, for which host orders are held, and whose orders it takes."""
        self._place, self._engine, self._host, self._places = place, engine, host, tuple(places)

    def lay(self) -> None:
        """Make the tables if there are none."""
        with self._alone() as connection:
            METADATA.create_all(connection)

    def submit(self, order: Order, at: datetime) -> bool:
        """Take an order; return whether it is new."""
        row = {
            "id": order.id,
            "procedure": order.procedure,
            "data": _json(order.values),
            "keys": _json(sorted(set(order.keys))),
            "place": order.place,
            "priority": order.priority,
            "submitted_at": at.isoformat(),
        }
        try:
            with self._transaction() as connection:
                connection.execute(insert(ORDERS).values(row))
        except EngineError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    def seen(self, *, only_open: bool) -> tuple[OrderSeen, ...]:
        """Return orders, oldest first."""
        wanted = select(ORDERS).order_by(ORDERS.c.number)
        with self._transaction() as connection:
            rows = connection.execute(wanted.where(ORDERS.c.state.in_(_OPEN)) if only_open else wanted).all()
        return tuple(_seen(row) for row in rows)

    def abort(self, order_id: str, by: str) -> bool:
        """Note who asks that an order stop, if nobody did before. Return whether it was open."""
        is_open = (ORDERS.c.id == order_id, ORDERS.c.state.in_(_OPEN))
        with self._alone() as connection:
            first = update(ORDERS).where(*is_open, ORDERS.c.abort_by == "").values(abort_by=by)
            connection.execute(first)
            found = connection.execute(select(ORDERS.c.state).where(*is_open)).scalar_one_or_none()
        return found is not None

    def claim(self, code: str) -> Hold | None:
        """Take the order that comes first of those whose keys are free; None: there is none.

        One that has to wait keeps its keys from those after it, so that it comes to its turn.
        """
        with self._alone() as connection:
            in_use = set(connection.execute(select(KEYS.c.key)).scalars())
            waiting = (
                select(ORDERS)
                .where(ORDERS.c.state == "waiting", ORDERS.c.place.in_(self._places))
                .order_by(ORDERS.c.priority, ORDERS.c.number)
            )
            for row in connection.execute(waiting):
                keys = json.loads(row.keys) if not row.abort_by else []
                if in_use.isdisjoint(keys):
                    for key in keys:
                        connection.execute(insert(KEYS).values(key=key, order_id=row.id))
                    return self._hold(connection, row, way="carry", code=code)
                in_use |= set(keys)
        return None

    def adopt(self, code: str, known: Sequence[str] = ()) -> tuple[Hold, ...]:
        """Take up, under new numbers, what this host has and does not know of; of another code only to clean it up."""
        mine = select(ORDERS).where(ORDERS.c.state == "running", ORDERS.c.host == self._host, ORDERS.c.id.not_in(known))
        with self._alone() as connection:
            return tuple(
                self._hold(connection, row, way="carry", code=code)
                if row.code == code and row.way == "carry"
                else self._hold(connection, row, way="clean", why=row.why or _other_code(row.code, code))
                for row in connection.execute(mine).all()
            )

    def take_over(self, lease_seconds: float) -> tuple[Hold, ...]:
        """Take what hosts had that have given no sign for so long, by the database's clock: only to clean it up."""
        silent = select(HOSTS.c.host).where(HOSTS.c.beat_at < DatabaseNow() - lease_seconds, HOSTS.c.host != self._host)
        theirs = select(ORDERS).where(
            ORDERS.c.state == "running", ORDERS.c.host.in_(silent), ORDERS.c.place.in_(self._places)
        )
        with self._alone() as connection:
            return tuple(
                self._hold(
                    connection,
                    row,
                    way="clean",
                    why=row.why or fact("host-silent", "host {host} gave no sign any more", host=row.host),
                )
                for row in connection.execute(theirs).all()
            )

    def clean_instead(self, hold: Hold, why: str) -> Hold | None:
        """Let an order of this host be cleaned up instead of carried on; None: it is not this host's any more."""
        with self._alone() as connection:
            row = connection.execute(select(ORDERS).where(*self._held(hold))).one_or_none()
            return None if row is None else self._hold(connection, row, way="clean", why=why)

    def step(self, hold: Hold, name: str) -> bool:
        """Note in which step an order is; False: it is not this host's any more."""
        with self._transaction() as connection:
            return connection.execute(update(ORDERS).where(*self._held(hold)).values(step=name)).rowcount == 1

    def end(self, hold: Hold, course: Course) -> bool:
        """Note what became of an order and free its keys; False: it is not this host's any more."""
        ended = {"state": course.state, "error": course.error, "result": _json(course.result)}
        with self._transaction() as connection:
            mine = connection.execute(update(ORDERS).where(*self._held(hold)).values(ended)).rowcount == 1
            if mine:
                connection.execute(delete(KEYS).where(KEYS.c.order_id == hold.order.id))
            return mine

    def prune(self, before: datetime, at_most: int, forget: Callable[[Sequence[str]], None]) -> int:
        """Let go of orders that were submitted so long ago and have ended, oldest first; return how many.

        ``forget`` is handed the names of what was remembered of their steps, and comes first: whoever dies between
        leaves orders that are pruned next time. One host at a time does it.
        """
        over = (ORDERS.c.state.not_in(_OPEN), ORDERS.c.submitted_at < before.astimezone(UTC).isoformat())
        oldest = select(ORDERS.c.number, ORDERS.c.id, ORDERS.c.epoch).where(*over).order_by(ORDERS.c.number)
        with self._pruning() as mine:
            if not mine:
                return 0
            with self._transaction() as connection:
                rows = connection.execute(oldest.limit(at_most)).all()
            if rows:
                forget([name for row in rows for name in remembered_as(row.id, row.epoch)])
                with self._transaction() as connection:
                    gone = ORDERS.c.number.in_([row.number for row in rows])
                    connection.execute(delete(ORDERS).where(gone, ORDERS.c.state.not_in(_OPEN)))
        return len(rows)

    def running(self) -> dict[str, str]:
        """Return the orders that this host has, with who asked that they stop."""
        wanted = select(ORDERS.c.id, ORDERS.c.abort_by).where(ORDERS.c.host == self._host, ORDERS.c.state == "running")
        with self._transaction() as connection:
            return {row.id: row.abort_by for row in connection.execute(wanted)}

    def beat(self, session: str) -> bool:
        """Give a sign of life by the database's clock; False: another instance of this host's name has begun since."""
        same = (HOSTS.c.host == self._host, HOSTS.c.session == session)
        with self._transaction() as connection:
            return connection.execute(update(HOSTS).where(*same).values(beat_at=DatabaseNow())).rowcount == 1

    def begin(self, session: str) -> None:
        """Note that an instance of this host begins; what one before it writes is refused from now on."""
        with self._alone() as connection:
            connection.execute(delete(HOSTS).where(HOSTS.c.host == self._host))
            row = {
                "host": self._host,
                "places": _json(sorted(self._places)),
                "session": session,
                "beat_at": DatabaseNow(),
            }
            connection.execute(insert(HOSTS).values(row))

    def hosts(self) -> tuple[tuple[str, tuple[str, ...], float], ...]:
        """Return each host, its places, and how many seconds ago it gave a sign of life."""
        with self._transaction() as connection:
            rows = connection.execute(
                select(HOSTS, (DatabaseNow() - HOSTS.c.beat_at).label("ago")).order_by(HOSTS.c.host)
            )
            return tuple((row.host, tuple(json.loads(row.places)), max(0.0, float(row.ago))) for row in rows)

    def _hold(self, connection: Connection, row: Row[Any], *, way: Way, code: str = "", why: str = "") -> Hold:
        epoch = row.epoch + 1
        changed = {"state": "running", "host": self._host, "epoch": epoch, "way": way, "why": why}
        changed |= {"code": code} if code else {}
        connection.execute(update(ORDERS).where(ORDERS.c.id == row.id).values(changed))
        return Hold(order=_order(row), epoch=epoch, way=way, why=why, abort_by=row.abort_by)

    def _held(self, hold: Hold) -> tuple[Any, ...]:
        return (
            ORDERS.c.id == hold.order.id,
            ORDERS.c.host == self._host,
            ORDERS.c.epoch == hold.epoch,
            ORDERS.c.state == "running",
        )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated(self._place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _pruning(self) -> Iterator[bool]:
        """Give whether nobody else prunes; a file's host has one worker, who is the only one."""
        if self._place.is_file:
            yield True
            return
        with self._transaction() as connection:
            question = text("SELECT pg_try_advisory_xact_lock(:key)")
            yield bool(connection.execute(question, {"key": _PRUNES}).scalar_one())

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            if on_server(connection):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection


def _order(row: Row[Any]) -> Order:
    return Order(
        id=row.id,
        procedure=row.procedure,
        values=json.loads(row.data),
        place=row.place,
        keys=tuple(json.loads(row.keys)),
        priority=row.priority,
    )


def _seen(row: Row[Any]) -> OrderSeen:
    return OrderSeen(
        order=_order(row),
        state=row.state,
        step=row.step,
        host=row.host,
        code=row.code,
        result=json.loads(row.result),
        error=row.error,
        abort_asked_by=row.abort_by,
        submitted_at=datetime.fromisoformat(row.submitted_at),
    )


def _json(value: Value | Values | Sequence[str]) -> str:
    return json.dumps(value, sort_keys=True)


def _other_code(began: str, now: str) -> str:
    return f"it began with version {began} of its steps, and this is {now}"
