"""What is remembered of locks: a date in compliance mode can only grow, so it need not be asked for again.

Nothing else is remembered: legal holds are lifted, governance is bypassed, and a version called ``null`` is written
over. It is no evidence: whoever writes the file could put anything into it. So the file is its user's alone, a random
part of it is asked for again every time, and what is remembered is never more than a lower bound. A file that is
malformed, another's, or open to others, is not read and made anew.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drp.domain.worm.objects import ObjectLock

_FORM = 1
_PRIVATE = 0o600
_OTHERS = 0o077
_MOST_SECONDS = 253_402_300_799
"""9999-12-31, the last instant that a date has words for."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS locks (key TEXT, version TEXT, until INTEGER, PRIMARY KEY (key, version)) WITHOUT ROWID"
)
_BATCH = 5000


class LockMemory:
    """Compliance dates of one repository's object versions, in a file of their own."""

    def __init__(self, path: Path | None, place: str) -> None:
        """Take where to keep it, None for nowhere, and whose they are: endpoint, bucket and prefix."""
        self._path, self._place = path, place

    def read(self) -> dict[tuple[str, str], datetime]:
        """Return key and version of every date that is remembered; nothing where there is no such file."""
        if self._path is None or not _is_ours(self._path):
            return {}
        with suppress(sqlite3.Error, OSError), self._opened() as connection:
            rows = connection.execute("SELECT key, version, until FROM locks").fetchall()
            return {
                (key, version): _EPOCH + timedelta(seconds=until)
                for key, version, until in rows
                if _fits(key, version, until)
            }
        return {}

    def keep(self, locks: Mapping[tuple[str, str], datetime], forget: Iterable[tuple[str, str]] = ()) -> None:
        """Remember dates, rounded down to whole seconds, and forget others. Where it cannot be written, nothing is."""
        if self._path is None:
            return
        with suppress(sqlite3.Error, OSError), self._opened() as connection:
            connection.executemany("DELETE FROM locks WHERE key = ? AND version = ?", forget)
            connection.executemany(
                "INSERT OR REPLACE INTO locks VALUES (?, ?, ?)",
                ((key, version, int(until.timestamp())) for (key, version), until in locks.items()),
            )
            connection.commit()

    def drop(self) -> None:
        """Forget everything."""
        if self._path is not None:
            for suffix in ("", "-journal", "-wal", "-shm"):
                with suppress(OSError):
                    Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        assert self._path is not None
        if not _is_ours(self._path):
            self.drop()
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE))
        with closing(sqlite3.connect(self._path, timeout=5)) as connection:
            try:
                self._prepare(connection)
                yield connection
            except sqlite3.DatabaseError as error:
                if not isinstance(error, sqlite3.OperationalError):
                    self.drop()
                raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make what a new file lacks. Raises ``DatabaseError`` for one of another form, or of another place."""
        connection.execute("CREATE TABLE IF NOT EXISTS about (form INTEGER, place TEXT)")
        connection.execute(_TABLE)
        about = connection.execute("SELECT form, place FROM about").fetchall()
        if not about:
            connection.execute("INSERT INTO about VALUES (?, ?)", (_FORM, self._place))
        elif about != [(_FORM, self._place)]:
            raise sqlite3.DatabaseError("another form, or another place")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def growing(version: str | None, lock: ObjectLock | None) -> datetime | None:
    """Return the date that can only grow from here on; None: there is none, or it may be lifted."""
    if lock is None or lock.mode != "compliance" or lock.legal_hold or version in {None, "", "null"}:
        return None
    return lock.until


def _fits(key: object, version: object, until: object) -> bool:
    return isinstance(key, str) and isinstance(version, str) and isinstance(until, int) and 0 <= until <= _MOST_SECONDS


def _is_ours(path: Path) -> bool:
    """Return whether there is a file that nobody but this user can have written."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    private = stat.S_ISREG(facts.st_mode) and not facts.st_mode & _OTHERS
    return private and facts.st_uid == os.geteuid() and facts.st_nlink == 1
