"""What a journal is looked at for whenever it is opened: that it is one, whose schema, with its guards and its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection, func, inspect, select

from drp.domain.phrase import say, several
from drp.errors import ConfigError, DrpError, StorageFull, Tampered
from drp.journal import marks, progress, summaries
from drp.journal.chain import GENESIS
from drp.journal.database import Database
from drp.journal.seal_guard import lay_seal_guard, missing_seal_guard
from drp.journal.tables import ENTRIES, GUARDS, HEAD, SCHEMA_VERSION, lay

_ENDS = select(
    HEAD.c.position,
    HEAD.c.link,
    func.coalesce(select(func.max(ENTRIES.c.position)).scalar_subquery(), -1),
)


def open_journal(database: Database, absent: Callable[[], DrpError | None]) -> None:
    """Open a journal, making it when there is none; what ``absent`` gives is raised where there must be one.

    Raises what `SqlJournal` says.
    """
    with database.translated():
        if not database.is_there and (missed := absent()) is not None:
            raise missed
        database.open()
        try:
            _lay_if_absent(database, absent)
            database.read(lambda connection: _check_opened(database, connection))
            _lay_beside(database)
            lay_seal_guard(database)
        except BaseException:
            database.close()
            raise


def check_guards(database: Database, connection: Connection) -> None:
    """Raise Tampered when what keeps honest software from changing entries, or the head, is gone."""
    if missing := [*GUARDS.missing(connection), *missing_seal_guard(connection)]:
        raise Tampered(
            say(
                "journal {place}: its append-only guards were removed: {guards}",
                place=database.place,
                guards=several(missing),
            )
        )
    if connection.execute(select(HEAD.c.position)).first() is None:
        raise Tampered(say("journal {place}: its head is gone", place=database.place))


def sound_ends(database: Database, connection: Connection) -> tuple[int, str, int]:
    """Return what `read_ends` does, of a database that was looked through for damage."""
    check_guards(database, connection)
    if connection.dialect.name == "sqlite":
        damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if damage != "ok":
            raise Tampered(say("journal {place} is damaged: {why}", place=database.place, why=damage))
    return read_ends(connection)


def read_ends(connection: Connection) -> tuple[int, str, int]:
    """Return the head's position and link, and the highest position there is."""
    position, recorded, highest = connection.execute(_ENDS).one()
    return position, recorded, highest


def _lay_if_absent(database: Database, absent: Callable[[], DrpError | None]) -> None:
    if database.read(lambda connection: inspect(connection).has_table("drp_journal_head")):
        return
    if (missed := absent()) is not None:
        raise missed
    if database.reads_only:
        database.be_empty()
    with database.writing() as connection:
        if not inspect(connection).has_table("drp_journal_head"):  # unless another process was faster
            lay(connection, GENESIS)


def _check_opened(database: Database, connection: Connection) -> None:
    version = connection.execute(select(HEAD.c.schema_version)).scalars().first()
    if version is not None and version > SCHEMA_VERSION:
        raise ConfigError(
            say(
                "journal {place} was written by a newer drp (schema {version}; this one knows {known})",
                place=database.place,
                version=str(version),
                known=str(SCHEMA_VERSION),
            ),
            hint="use the newer drp; this one changes nothing in it",
        )
    check_guards(database, connection)
    position, recorded, highest = connection.execute(_ENDS).one()
    newest = connection.execute(select(ENTRIES.c.link).where(ENTRIES.c.position == position)).scalar_one_or_none()
    if highest != position or (position >= 0 and newest != recorded):
        raise Tampered(say("journal {place}: its recorded head does not fit its last entry", place=database.place))


_BESIDE = (progress.METADATA, marks.METADATA, summaries.METADATA)
"""Tables that the chain does not need: an older drp passes them over, and a journal of one gets them here."""


def _lay_beside(database: Database) -> None:
    wanted = [table for metadata in _BESIDE for table in metadata.sorted_tables]
    with database.translated():
        there = database.read(lambda connection: inspect(connection).get_table_names())
        if all(table.name in there for table in wanted):
            return
        if database.reads_only and database.is_there:
            return
        # who may append need not be who may make tables
        with suppress(StorageFull), database.translated(), database.writing() as connection:
            for metadata in _BESIDE:
                metadata.create_all(connection)
