"""The register's tables and guards, beside the journal's: an older drp passes them over.

Guards are triggers, as the journal's are (`tables.py`), and refuse moreover a slot that is expected twice, or ends
twice, or ends without having been expected, whoever writes.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text
from sqlmodel import CheckConstraint, Column, Field, Integer, MetaData, SQLModel, Text

from drp.journal.marks import POSITION

SCHEMA_VERSION = 1
METADATA = MetaData()


class RegisterRow(SQLModel, table=True):
    """One entry; ``body`` is its canonical JSON, ``expected`` and ``ended`` the slot of which it says so."""

    metadata = METADATA
    __tablename__ = "drp_register"
    __table_args__ = (
        CheckConstraint("position >= 0", name="drp_register_from_zero"),
        CheckConstraint("length(link) = 64", name="drp_register_links"),
        {"sqlite_strict": True},
    )
    position: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    expected: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    ended: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    body: str = Field(sa_column=Column(Text, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class RegisterHeadRow(SQLModel, table=True):
    """The one row that says where the register ends, so that a missing end is seen."""

    metadata = METADATA
    __tablename__ = "drp_register_head"
    __table_args__ = (CheckConstraint("id = 1", name="drp_register_one_head"), {"sqlite_strict": True})
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    schema_version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(POSITION, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class SnapshotRow(SQLModel, table=True):
    """The folded state as it was after an entry: saves reading, proves nothing, and is made again at any time."""

    metadata = METADATA
    __tablename__ = "drp_register_state"
    __table_args__ = ({"sqlite_strict": True},)
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(POSITION, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))


class BeatRow(SQLModel, table=True):
    """When a host last looked at the schedule, ISO 8601."""

    metadata = METADATA
    __tablename__ = "drp_register_beats"
    __table_args__ = ({"sqlite_strict": True},)
    host: str = Field(sa_column=Column(Text, primary_key=True))
    at: str = Field(sa_column=Column(Text, nullable=False))


ENTRIES = METADATA.tables["drp_register"]
HEAD = METADATA.tables["drp_register_head"]
SNAPSHOT = METADATA.tables["drp_register_state"]
BEATS = METADATA.tables["drp_register_beats"]

_REFUSED = "the register is append-only"
_NOT_NEXT = "not the next position of the register"
_UNEXPECTED = "a slot ends that was never expected"

_SQLITE_GUARDS = {
    "drp_register_no_update": f"BEFORE UPDATE ON drp_register BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    "drp_register_no_delete": f"BEFORE DELETE ON drp_register BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    "drp_register_next_only": (
        "BEFORE INSERT ON drp_register WHEN NEW.position IS NOT (SELECT position + 1 FROM drp_register_head) "
        "BEGIN SELECT RAISE(ABORT, 'not the next position of the register'); END"
    ),
    "drp_register_ends_expected": (
        "BEFORE INSERT ON drp_register WHEN NEW.ended IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM drp_register WHERE expected = NEW.ended) "
        "BEGIN SELECT RAISE(ABORT, 'a slot ends that was never expected'); END"
    ),
    "drp_register_moves_head": (
        "AFTER INSERT ON drp_register BEGIN UPDATE drp_register_head SET position = NEW.position, link = NEW.link; END"
    ),
    "drp_register_head_next_only": (
        "BEFORE UPDATE ON drp_register_head "
        "WHEN NEW.position IS NOT OLD.position + 1 OR NEW.id IS NOT OLD.id "
        "OR NOT EXISTS (SELECT 1 FROM drp_register WHERE position = NEW.position AND link = NEW.link) "
        "BEGIN SELECT RAISE(ABORT, 'the register is append-only'); END"
    ),
    "drp_register_head_no_delete": f"BEFORE DELETE ON drp_register_head BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
}

_POSTGRESQL_BODY = f"""
BEGIN
  IF TG_OP = 'INSERT' AND TG_WHEN = 'AFTER' THEN
    UPDATE drp_register_head SET position = NEW.position, link = NEW.link;
    RETURN NULL;
  END IF;
  IF TG_OP = 'INSERT' AND TG_TABLE_NAME = 'drp_register' THEN
    IF NEW.position IS DISTINCT FROM (SELECT position + 1 FROM drp_register_head) THEN
      RAISE EXCEPTION '{_NOT_NEXT}';
    END IF;
    IF NEW.ended IS NULL OR EXISTS (SELECT 1 FROM drp_register WHERE expected = NEW.ended) THEN RETURN NEW; END IF;
    RAISE EXCEPTION '{_UNEXPECTED}';
  END IF;
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'drp_register_head' THEN
    IF NEW.position = OLD.position + 1 AND NEW.id = OLD.id
      AND EXISTS (SELECT 1 FROM drp_register WHERE position = NEW.position AND link = NEW.link)
    THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION '{_REFUSED}';
END """  # noqa: S608 - constants of this module
_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION drp_register_guard() RETURNS trigger LANGUAGE plpgsql "
    f"AS $guard${_POSTGRESQL_BODY}$guard$"
)
_POSTGRESQL_GUARDS = {
    "drp_register_rows": "BEFORE INSERT OR UPDATE OR DELETE ON drp_register FOR EACH ROW",
    "drp_register_moves_head": "AFTER INSERT ON drp_register FOR EACH ROW",
    "drp_register_truncate": "BEFORE TRUNCATE ON drp_register FOR EACH STATEMENT",
    "drp_register_head_rows": "BEFORE UPDATE OR DELETE ON drp_register_head FOR EACH ROW",
    "drp_register_head_truncate": "BEFORE TRUNCATE ON drp_register_head FOR EACH STATEMENT",
}
_POSTGRESQL_ENABLED = (
    "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgenabled = 'A' "
    "AND tgrelid IN ('drp_register'::regclass, 'drp_register_head'::regclass)"
)


def is_laid(connection: Connection) -> bool:
    """Return whether there is a register: the first entry makes it."""
    return inspect(connection).has_table(HEAD.name)


def lay(connection: Connection, genesis: str) -> None:
    """Make tables, guards and the head of an empty register, inside the caller's transaction."""
    METADATA.create_all(connection)
    connection.execute(
        text("INSERT INTO drp_register_head (id, schema_version, position, link) VALUES (1, :version, -1, :genesis)"),
        {"version": SCHEMA_VERSION, "genesis": genesis},
    )
    if connection.dialect.name == "sqlite":
        for name, rule in _SQLITE_GUARDS.items():
            connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule}")
        return
    connection.exec_driver_sql(_POSTGRESQL_FUNCTION)
    for name, rule in _POSTGRESQL_GUARDS.items():
        table = rule.split(" ON ")[1].split()[0]
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule} EXECUTE FUNCTION drp_register_guard()")
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")  # as in `tables.py`


def missing_guards(connection: Connection) -> list[str]:
    """Return the names of guards that are gone, changed or switched off."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        found = {row.name: row.sql for row in rows}
        return [name for name, rule in _SQLITE_GUARDS.items() if found.get(name) != f"CREATE TRIGGER {name} {rule}"]
    rows = connection.execute(text(_POSTGRESQL_ENABLED))
    enabled = {row.tgname for row in rows if row.prosrc == _POSTGRESQL_BODY}
    return [name for name in _POSTGRESQL_GUARDS if name not in enabled]
