"""That a host has one worker, and for how long the others may count on it.

On a file of this machine the kernel's lock says so. On a server two things do: an advisory lock, which falls with its
connection, lets only one worker of a name begin; and a sign of life, by the server's clock, tells the others whether
to take over. A worker that could give none for most of that time stops by itself, before they do.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from drp.domain.clock import waited_ms
from drp.domain.phrase import Duration, say
from drp.domain.ports import Clock
from drp.engine.database import Place, translated
from drp.engine.ledger import Ledger
from drp.errors import Busy, EngineError

_LOCKS = 0x64727068
"""'drph': names the locks of hosts on a PostgreSQL that may serve others."""
_LET_GO = text("SELECT pg_advisory_unlock_all()")
_OWN_SHARE = 0.6
"""Of the time after which others take over: a worker that gave no sign for so long stops what it runs."""
_SIGNS = 6
"""So many signs of life are given in that time."""


class Presence:
    """A context manager: this host's place among those that carry orders out. Raises ``Busy`` if it is taken."""

    def __init__(
        self, place: Place, engine: Engine, ledger: Ledger, clock: Clock, *, host: str, lease_seconds: float
    ) -> None:
        """Take what it is made known by; nothing is locked yet."""
        self._place, self._engine, self._ledger, self._clock = place, engine, ledger, clock
        self._host, self._lease_seconds = host, lease_seconds
        self._session = secrets.token_hex(8)
        self._file = -1
        self._connection: Connection | None = None
        self._taken_by_another = False
        self._renewed = clock.now()

    def __enter__(self) -> Self:
        """Take the host's place."""
        if isinstance(self._place.location, Path):
            self._lock_file(self._place.location.with_name(self._place.location.name + ".lock"))
        else:
            with translated(self._place):
                if not self._lock_on_server():
                    self._let_go()
                    raise Busy(
                        say(
                            "a worker of host {host} is at work already, on {shown}",
                            host=self._host,
                            shown=self._place.shown,
                        )
                    )
        try:
            self._ledger.lay()
            self._ledger.begin(self._session)
        except BaseException:
            self._let_go()
            raise
        self._renewed = self._clock.now()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Leave it to the next."""
        self._let_go()

    @property
    def lost(self) -> str:
        """Return why nothing may be carried out here any more; empty: it may."""
        if self._taken_by_another:
            return say("another worker of host {host} has begun", host=self._host)
        silent_ms = waited_ms(self._renewed, self._clock.now())
        if not self._place.is_file and silent_ms > self._lease_seconds * 1000 * _OWN_SHARE:
            return say(
                "no connection to {place} for {time}: another host may take over",
                place=self._place.shown,
                time=Duration(silent_ms),
            )
        return ""

    def renew(self) -> None:
        """Give a sign of life, if it is time. What goes wrong with it shows in `lost`, as soon as it matters."""
        since_ms = waited_ms(self._renewed, self._clock.now())
        if self._place.is_file or self.lost or since_ms < self._lease_seconds * 1000 / _SIGNS:
            return
        now = self._clock.now()
        with suppress(EngineError):
            with translated(self._place):
                if not self._is_locked() and not self._lock_on_server():
                    self._taken_by_another = True
                    return
            if self._ledger.beat(self._session):
                self._renewed = now
            else:
                self._taken_by_another = True

    def _lock_file(self, path: Path) -> None:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._file, 64, 0).decode("ascii", "replace").strip() or "another process"
            self._let_go()
            raise Busy(say("{path} is held: a worker is at work already ({owner})", path=path, owner=owner)) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"pid {os.getpid()}\n".encode(), 0)

    def _lock_on_server(self) -> bool:
        """Take the lock on a connection of its own; it is kept, and falls with it."""
        self._close()
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        question = text("SELECT pg_try_advisory_lock(:locks, hashtext(:host))")
        return bool(self._connection.execute(question, {"locks": _LOCKS, "host": self._host}).scalar_one())

    def _is_locked(self) -> bool:
        """Return whether the lock's connection is still there."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.invalidate()
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):  # a server takes its moment to notice that a connection was closed
                self._connection.execute(_LET_GO)
        self._close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
