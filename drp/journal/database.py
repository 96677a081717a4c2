"""The database of a journal: short transactions that read or write, its errors in drp's words.

One writer at a time: SQLite's write lock, PostgreSQL's advisory lock. Readers never wait for a writer, nor a writer
for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from drp.domain.phrase import say
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import Busy, ConfigError, Tampered
from drp.journal.engines import (
    NOWHERE,
    Wrap,
    database_url,
    is_remote,
    is_there,
    reading_engine,
    still_file,
    writing_engine,
)
from drp.journal.failures import translated
from drp.tls import context

T = TypeVar("T")
_READINGS = 5
"""So often a file that changes while it is read is read again."""
LOCK_KEY = 0x6472706A
"""'drpj': names the journal's write lock on a PostgreSQL that may serve others."""


class Database:
    """A SQLite file or a PostgreSQL database. Safe to use from several threads."""

    def __init__(
        self, location: str | Path, password: str | None, *, reads_only: bool, wrap: Wrap | None = None
    ) -> None:
        """Take where it is: the path of a SQLite file, or a URL. Nothing is opened. Raises ConfigError.

        ``wrap`` gives TLS to a server; without it one beyond this machine is held against this machine's authorities.
        """
        url = database_url(location, password)
        self._url = url
        self._wrap = wrap or (lambda: context(Tls(), _no_key) if is_remote(url) else None)
        self.place = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()
        """What errors call it; without a password."""
        self.reads_only = reads_only
        self.folder = Path(url.database or "").parent / "leases" if url.get_backend_name() == "sqlite" else None
        """Where leases of drills lie; None: the server keeps them."""

    @property
    def is_there(self) -> bool:
        """Return whether there is something to open: a SQLite file with content, or a server to ask."""
        return is_there(self._url)

    def open(self) -> None:
        """Be ready to use what is there; a file is made by who writes, and is an empty database to who reads."""
        self._use(nowhere=self.reads_only and not self.is_there)

    def be_empty(self) -> None:
        """Turn into an empty database in memory: what an absent journal is for who only reads."""
        self.engine.dispose()
        self._use(nowhere=True)

    def _use(self, *, nowhere: bool) -> None:
        url = NOWHERE if nowhere else self._url
        self.engine = reading_engine(url, self._wrap) if self.reads_only else writing_engine(url, self._wrap)
        self.writer = self.engine.execution_options(drp_writes=True)
        self.still = still_file(url) if self.reads_only else None

    def translated(self) -> AbstractContextManager[None]:
        """Turn what the database raises into errors of the family."""
        return translated(self.place, reads_only=self.reads_only)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what a short transaction reads; once more, where the file changed under one that holds no lock."""
        for _ in range(_READINGS):
            with self.translated():
                before = self.still() if self.still is not None else None
                try:
                    with self.engine.begin() as connection:
                        found = work(connection)
                except (DBAPIError, Tampered):
                    if self.still is None or before == self.still():
                        raise
                else:
                    if self.still is None or before == self.still():
                        return found
        raise Busy(say("journal {place} changes faster than it can be read", place=self.place))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is the only one that adds to the journal."""
        with self.writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK, {"key": LOCK_KEY})
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _no_key(_reference: SecretReference) -> str:
    raise ConfigError(say("there is no client key to read"))


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
