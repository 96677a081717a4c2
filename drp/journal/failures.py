"""What a database says when it fails, in drp's words. No message ever holds a URL's password or a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drp.domain.phrase import Phrase, say
from drp.errors import Busy, DrpError, NotReadable, StorageFull, Tampered

_HINT_READER = say(
    "run drp as the user who keeps the journal, or let this one read it, its -wal and -shm, and pass through its folder"
)
_HINT_SERVER = say("check that the database server runs and that the journal's url, user and password are right")
UNUSABLE = "journal {place} cannot be used: {why}"
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
_PRIMARY_CODE = 0xFF
"""SQLite's extended codes keep the primary one in the low byte."""


@contextmanager
def translated(place: str, *, reads_only: bool = False) -> Iterator[None]:
    """Turn database errors about ``place`` into StorageFull, Busy or Tampered; of who only reads, into NotReadable."""
    try:
        yield
    except DBAPIError as error:
        raise _of_kind(_translate(place, error.orig), reads_only=reads_only) from error
    except PoolTimeout as error:
        raise Busy(say("journal {place} is busy: no connection became free", place=place)) from error
    except SQLAlchemyError as error:
        found = StorageFull(
            say("journal {place} cannot be used: {why}", place=place, why=type(error).__name__), hint=_HINT_SERVER
        )
        raise _of_kind(found, reads_only=reads_only) from error
    except OSError as error:
        hint = _HINT_SERVER if isinstance(error, ConnectionError | TimeoutError) else None
        found = StorageFull(
            say("journal {place} cannot be used: {why}", place=place, why=error.strerror or error), hint=hint
        )
        raise _of_kind(found, reads_only=reads_only) from error


def _of_kind(found: DrpError, *, reads_only: bool) -> DrpError:
    """Return the error; who only reads needs no space and no right to write, so nobody advises either."""
    if not reads_only or not isinstance(found, StorageFull):
        return found
    hint = _HINT_SERVER if found.hint == _HINT_SERVER else _HINT_READER
    said = found.message
    if isinstance(said, Phrase) and said.message == UNUSABLE:
        said = say("journal {place} cannot be read: {why}", **said.values)
    return NotReadable(said, hint=hint)


def _translate(place: str, cause: BaseException | None) -> DrpError:
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(place, cause)
    return _from_postgresql(place, cause)


def _from_sqlite(place: str, cause: sqlite3.Error) -> DrpError:
    extended = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if extended == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        return Tampered(say("journal {place} refuses the entry: {why}", place=place, why=cause))
    code = extended & _PRIMARY_CODE
    if code in _SQLITE_BUSY:
        return Busy(say("journal {place} is busy: {why}", place=place, why=cause))
    if code in _SQLITE_DAMAGED:
        return Tampered(say("journal {place} is damaged: {why}", place=place, why=cause))
    return StorageFull(say("journal {place} cannot be used: {why}", place=place, why=cause))


def _from_postgresql(place: str, cause: BaseException | None) -> DrpError:
    fields = cause.args[0] if cause is not None and cause.args and isinstance(cause.args[0], dict) else {}
    state, message = str(fields.get("C", "")), str(fields.get("M", ""))
    if state in {"55P03", "40P01", "40001", "57014"}:
        return Busy(say("journal {place} is busy: {why}", place=place, why=message))
    if state.startswith("23") or state == "P0001":
        return Tampered(say("journal {place} refuses the entry: {why}", place=place, why=message))
    if state[:2] in {"53", "25"} or state == "42501":
        return StorageFull(say("journal {place} cannot be written: {why}", place=place, why=message))
    return StorageFull(
        say("journal {place} cannot be used: {why}", place=place, why=message or cause), hint=_HINT_SERVER
    )
