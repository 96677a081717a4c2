"""Who conducts a drill: a lease that the kernel, or the database server, takes back when its holder is gone.

Beside a SQLite file: a lock on a file of the drill's own, of the open description itself (fcntl(2), F_OFD_SETLK), which
goes with the process. On PostgreSQL: an advisory lock of a session, and *that session writes the drill's entries*. So
the fence needs no number: a holder that lost its lease has lost its only way to write, however long it stood still,
and each transaction asks once more whether it is still the session that took the lock.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from drp.atomic import storage_errors
from drp.domain.phrase import Phrase, say
from drp.errors import Busy, LeaseLost, NotReadable
from drp.journal.database import LOCK_KEY, Database

_LOCK = "hhqqi4x"
"""``struct flock`` of fcntl(2): type, whence, start, length, pid."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST = 255
_PREFIX = "drp@"


class Lease(Protocol):
    """One drill, held."""

    drill: str

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a transaction that adds to the drill. Raises ``LeaseLost`` when it is not ours any more."""
        ...

    def require(self) -> None:
        """Raise ``LeaseLost`` when the drill is not ours any more."""
        ...

    def release(self) -> None:
        """Give the drill back; safe to call again, and raises nothing."""
        ...


def take(database: Database, drill: str) -> Lease:
    """Take a drill for this process. Raises ``Busy`` naming the host that has it, ``StorageFull``."""
    if (folder := database.folder) is not None:
        return FileLease(database, folder, drill)
    return SessionLease(database, drill)


def holder(database: Database, drill: str) -> str | None:
    """Return the host on which somebody holds a drill, empty where it is not told; None: nobody does."""
    folder = database.folder
    if folder is not None:
        return _file_holder(folder / _file_name(drill))
    return database.read(lambda connection: _session_holder(connection, drill))


def require_free(database: Database, connection: Connection, drill: str) -> None:
    """Raise ``Busy`` when another holds a drill to which somebody adds without holding it."""
    if database.folder is not None:
        free = holder(database, drill) is None
    else:
        free = bool(connection.execute(_MOMENT, {"drill": drill}).scalar_one())
    if not free:
        raise _held(drill, holder(database, drill))


def _held(drill: str, host: str | None) -> Busy:
    return Busy(
        say("drill {drill} is running on {host}", drill=drill, host=host)
        if host
        else say("drill {drill} is running elsewhere", drill=drill),
        hint="wait for its end, or see `drp drill list`",
    )


def _lost(drill: str, why: Phrase) -> LeaseLost:
    return LeaseLost(say("drill {drill} is not this process's any more: {why}", drill=drill, why=why))


class FileLease:
    """A lease beside a SQLite file."""

    def __init__(self, database: Database, folder: Path, drill: str) -> None:
        """Take it."""
        self.drill, self._database = drill, database
        self._path = folder / _file_name(drill)
        with storage_errors(folder):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            while not self._taken():
                pass

    def _taken(self) -> bool:
        """Lock the file; False when its last holder took it away meanwhile."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK))
            if not self._is_at_its_place(descriptor):
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, socket.gethostname().encode(), 0)
        except OSError as error:
            os.close(descriptor)
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                raise _held(self.drill, _file_holder(self._path)) from error
            raise
        self._descriptor: int | None = descriptor
        return True

    def _is_at_its_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat(follow_symlinks=False))
        except FileNotFoundError:
            return False

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction, inside of which the file is still ours."""
        with self._database.writing() as connection:
            self.require()
            yield connection

    def require(self) -> None:
        """Raise ``LeaseLost`` when the file was taken away, and another may have made one."""
        if self._descriptor is None or not self._is_at_its_place(self._descriptor):
            raise _lost(self.drill, say("{path} was removed", path=self._path))

    def release(self) -> None:
        """Take the file away, then let go of it."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            if self._is_at_its_place(descriptor):
                self._path.unlink()
        os.close(descriptor)


class SessionLease:
    """A lease on PostgreSQL: a connection of its own, which alone writes the drill's entries."""

    def __init__(self, database: Database, drill: str) -> None:
        """Take it."""
        self.drill, self._database = drill, database
        self._is_lost = False
        self._connection: Connection | None = database.writer.connect()
        try:
            self._session = self._taken(self._connection)
        except BaseException:
            self.release()
            raise

    def _taken(self, connection: Connection) -> int:
        """Take the lock and return which session has it."""
        connection.detach()  # it ends with the lease, and no other transaction gets it
        with connection.begin():
            named = {"drill": self.drill, "name": f"{_PREFIX}{socket.gethostname()}"}
            session, taken, _ = connection.execute(_TAKE, named).one()
        if not taken:
            raise _held(self.drill, holder(self._database, self.drill))
        return int(session)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction of the session that holds the lock."""
        connection = self._usable()
        try:
            with connection.begin():
                self._require_in(connection)
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self._look_after(error)
            raise

    def require(self) -> None:
        """Raise ``LeaseLost`` when the session has ended."""
        connection = self._usable()
        try:
            with connection.begin():
                ours = connection.execute(_OURS, {"session": self._session}).scalar_one()
        except (SQLAlchemyError, OSError) as error:
            raise self._end(say("its connection to the journal was lost")) from error
        if not ours:
            raise self._end(say("its connection to the journal is another one"))

    def release(self) -> None:
        """Let the lock go, then close the connection: a server takes its moment to notice that one was closed."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if not self._is_lost:
                with suppress(SQLAlchemyError, OSError), connection.begin():
                    connection.execute(_LET_GO)
            with suppress(SQLAlchemyError, OSError):
                connection.close()

    def _usable(self) -> Connection:
        if self._connection is None or self._is_lost:
            raise _lost(self.drill, say("its connection to the journal was lost"))
        return self._connection

    def _require_in(self, connection: Connection) -> None:
        """Hold the journal's write lock, and raise unless the drill's is this very session's."""
        named = {"key": LOCK_KEY, "session": self._session, "drill": self.drill}
        if not connection.execute(_FENCE, named).one().ours:
            raise self._end(say("another holds it"))

    def _look_after(self, error: Exception) -> None:
        """Raise ``LeaseLost`` unless the session lives on after an error: no other is ever made in its place."""
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise self._end(say("its connection to the journal was lost")) from error
        self.require()

    def _end(self, why: Phrase) -> LeaseLost:
        self._is_lost = True
        self.release()
        return _lost(self.drill, why)


def _file_name(drill: str) -> str:
    return drill if _PLAIN.fullmatch(drill) else hashlib.sha256(drill.encode()).hexdigest()


def _lock(kind: int) -> bytes:
    return struct.pack(_LOCK, kind, os.SEEK_SET, 0, 0, 0)


def _file_holder(path: Path) -> str | None:
    """Return who holds a file, asking without taking: who only looks must not be in anybody's way."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:  # running and cut off are not the same
        raise NotReadable(
            say("cannot tell whether a drill runs: {path}: {why}", path=path, why=error.strerror)
        ) from error
    try:
        kind = struct.unpack(_LOCK, fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK)))[0]
        return None if kind == fcntl.F_UNLCK else os.pread(descriptor, _LONGEST, 0).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _session_holder(connection: Connection, drill: str) -> str | None:
    name = connection.execute(_HOLDER, {"drill": drill}).scalar()
    return None if name is None else name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""


# one key a drill and journal: several journals may share a server, or a database
_KEY = "hashtextextended(CAST(:drill AS text), CAST(CAST(CAST('drp_journal' AS regclass) AS oid) AS bigint))"
_TAKE = text(
    f"SELECT pg_backend_pid(), pg_try_advisory_lock({_KEY}), set_config('application_name', CAST(:name AS text), false)"
)
_MOMENT = text(f"SELECT pg_try_advisory_xact_lock_shared({_KEY})")
_LET_GO = text("SELECT pg_advisory_unlock_all()")
_OURS = text("SELECT pg_backend_pid() = :session")
_FENCE = text(
    f"SELECT pg_advisory_xact_lock(:key), pg_backend_pid() = :session AND pg_try_advisory_xact_lock({_KEY}) AS ours"
)
_HOLDER = text(
    "SELECT coalesce(application_name, '') FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) "  # noqa: S608 - as above
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((CAST(classid AS bigint) << 32) | CAST(objid AS bigint)) = " + _KEY
)
