"""The journal's tables and the guards that keep honest software from changing them.

Guards are triggers: an entry can only be added, at the next position, and takes the head along. `INSERT OR REPLACE`
would pass the guard against deletion unless `recursive_triggers` is on, which is set on every connection. A migration
tool that rebuilds a table drops its triggers without a word, so they are looked for whenever the journal is opened.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlmodel import (
    BigInteger,
    CheckConstraint,
    Column,
    Field,
    Index,
    Integer,
    MetaData,
    SQLModel,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 1
METADATA = MetaData()


class EntryRow(SQLModel, table=True):
    """One journal entry; columns as in `chain.Row`."""

    metadata = METADATA
    __tablename__ = "drp_journal"
    __table_args__ = (
        UniqueConstraint("drill", "sequence", name="drp_journal_sequence"),
        CheckConstraint("sequence >= 0 AND position >= 0", name="drp_journal_from_zero"),
        CheckConstraint("length(hash) = 64 AND length(link) = 64", name="drp_journal_hashes"),
        Index(
            "drp_journal_first", "position", sqlite_where=text("sequence = 0"), postgresql_where=text("sequence = 0")
        ),
        {"sqlite_strict": True},
    )
    position: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    drill: str = Field(sa_column=Column(Text, nullable=False))
    sequence: int = Field(sa_column=Column(Integer, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class HeadRow(SQLModel, table=True):
    """The one row that says where the journal ends, so that a missing end is seen."""

    metadata = METADATA
    __tablename__ = "drp_journal_head"
    __table_args__ = (CheckConstraint("id = 1", name="drp_journal_one_head"), {"sqlite_strict": True})
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    schema_version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


ENTRIES = METADATA.tables["drp_journal"]
HEAD = METADATA.tables["drp_journal_head"]

_REFUSED = "the journal is append-only"

_SQLITE_GUARDS = {
    "drp_journal_no_update": f"BEFORE UPDATE ON drp_journal BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    "drp_journal_no_delete": f"BEFORE DELETE ON drp_journal BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    "drp_journal_next_only": (
        "BEFORE INSERT ON drp_journal WHEN NEW.position IS NOT (SELECT position + 1 FROM drp_journal_head) "
        "BEGIN SELECT RAISE(ABORT, 'not the next position of the journal'); END"
    ),
    "drp_journal_moves_head": (
        "AFTER INSERT ON drp_journal BEGIN UPDATE drp_journal_head SET position = NEW.position, link = NEW.link; END"
    ),
    "drp_journal_head_next_only": (
        "BEFORE UPDATE ON drp_journal_head "
        "WHEN NEW.position IS NOT OLD.position + 1 OR NEW.id IS NOT OLD.id "
        "OR NOT EXISTS (SELECT 1 FROM drp_journal WHERE position = NEW.position AND link = NEW.link) "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    ),
    "drp_journal_head_no_delete": f"BEFORE DELETE ON drp_journal_head BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
}

_POSTGRESQL_BODY = f"""
BEGIN
  IF TG_OP = 'INSERT' AND TG_WHEN = 'AFTER' THEN
    UPDATE drp_journal_head SET position = NEW.position, link = NEW.link;
    RETURN NULL;
  END IF;
  IF TG_OP = 'INSERT' AND TG_TABLE_NAME = 'drp_journal' THEN
    IF NEW.position = (SELECT position + 1 FROM drp_journal_head) THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'not the next position of the journal';
  END IF;
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'drp_journal_head' THEN
    IF NEW.position = OLD.position + 1 AND NEW.id = OLD.id
      AND EXISTS (SELECT 1 FROM drp_journal WHERE position = NEW.position AND link = NEW.link)
    THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION '{_REFUSED}';
END """  # noqa: S608 - constants of this module
_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION drp_journal_guard() RETURNS trigger LANGUAGE plpgsql "
    f"AS $guard${_POSTGRESQL_BODY}$guard$"
)
_POSTGRESQL_GUARDS = {
    "drp_journal_rows": "BEFORE INSERT OR UPDATE OR DELETE ON drp_journal FOR EACH ROW",
    "drp_journal_moves_head": "AFTER INSERT ON drp_journal FOR EACH ROW",
    "drp_journal_truncate": "BEFORE TRUNCATE ON drp_journal FOR EACH STATEMENT",
    "drp_journal_head_rows": "BEFORE UPDATE OR DELETE ON drp_journal_head FOR EACH ROW",
    "drp_journal_head_truncate": "BEFORE TRUNCATE ON drp_journal_head FOR EACH STATEMENT",
}
_POSTGRESQL_ENABLED = (
    "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgenabled = 'A' "
    "AND tgrelid IN ('drp_journal'::regclass, 'drp_journal_head'::regclass)"
)


def lay(connection: Connection, genesis: str) -> None:
    """Make tables, guards and the head of an empty journal, inside the caller's transaction."""
    METADATA.create_all(connection)
    connection.execute(
        text("INSERT INTO drp_journal_head (id, schema_version, position, link) VALUES (1, :version, -1, :genesis)"),
        {"version": SCHEMA_VERSION, "genesis": genesis},
    )
    if connection.dialect.name == "sqlite":
        for name, rule in _SQLITE_GUARDS.items():
            connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule}")
        return
    connection.exec_driver_sql(_POSTGRESQL_FUNCTION)
    for name, rule in _POSTGRESQL_GUARDS.items():
        table = rule.split(" ON ")[1].split()[0]
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule} EXECUTE FUNCTION drp_journal_guard()")
        # ALWAYS: also for a session that calls itself a replica
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def missing_guards(connection: Connection) -> list[str]:
    """Return the names of guards that are gone, changed or switched off."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        found = {row.name: row.sql for row in rows}
        return [name for name, rule in _SQLITE_GUARDS.items() if found.get(name) != f"CREATE TRIGGER {name} {rule}"]
    rows = connection.execute(text(_POSTGRESQL_ENABLED))
    enabled = {row.tgname for row in rows if row.prosrc == _POSTGRESQL_BODY}
    return [name for name in _POSTGRESQL_GUARDS if name not in enabled]
