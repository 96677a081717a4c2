"""The triggers that keep honest software from changing an append-only table and its head: journal and register.

An entry can only be added, at the next position, and takes the head along. `INSERT OR REPLACE` would pass the guard
against deletion unless `recursive_triggers` is on, which is set on every connection. A migration tool that rebuilds a
table drops its triggers without a word, so they are looked for whenever a database is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of ``table`` and ``table_head``. Their text is compared letter by letter: one that differs is gone."""

    table: str
    what: str
    """What refusals call it."""
    sqlite: Mapping[str, str] = field(default_factory=dict)
    """More triggers on SQLite: name after the table's → rule."""
    postgresql: str = ""
    """What is looked at besides when an entry is added, in PL/pgSQL."""

    def lay(self, connection: Connection) -> None:
        """Make them, inside the caller's transaction."""
        if connection.dialect.name == "sqlite":
            for name, rule in self._sqlite().items():
                connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule}")
            return
        head = f"CREATE OR REPLACE FUNCTION {self.table}_guard() RETURNS trigger LANGUAGE plpgsql AS "
        connection.exec_driver_sql(f"{head}$guard${self._body()}$guard$")
        for name, rule in self._postgresql().items():
            table = rule.split(" ON ")[1].split()[0]
            connection.exec_driver_sql(f"CREATE TRIGGER {name} {rule} EXECUTE FUNCTION {self.table}_guard()")
            # ALWAYS: also for a session that calls itself a replica
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    def missing(self, connection: Connection) -> list[str]:
        """Return the names of guards that are gone, changed or switched off."""
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
            found = {row.name: row.sql for row in rows}
            return [name for name, rule in self._sqlite().items() if found.get(name) != f"CREATE TRIGGER {name} {rule}"]
        tables = f"'{self.table}'::regclass, '{self.table}_head'::regclass"
        query = (
            "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgenabled = 'A' "
            f"AND tgrelid IN ({tables})"
        )
        body = self._body()
        enabled = {row.tgname for row in connection.execute(text(query)) if row.prosrc == body}
        return [name for name in self._postgresql() if name not in enabled]

    def _sqlite(self) -> dict[str, str]:
        table, refused = self.table, f"SELECT RAISE(ABORT, 'the {self.what} is append-only')"
        return {
            f"{table}_no_update": f"BEFORE UPDATE ON {table} BEGIN {refused}; END",
            f"{table}_no_delete": f"BEFORE DELETE ON {table} BEGIN {refused}; END",
            f"{table}_next_only": (
                f"BEFORE INSERT ON {table} WHEN NEW.position IS NOT (SELECT position + 1 FROM {table}_head) "
                f"BEGIN SELECT RAISE(ABORT, 'not the next position of the {self.what}'); END"
            ),
            **{f"{table}_{name}": rule for name, rule in self.sqlite.items()},
            f"{table}_moves_head": (
                f"AFTER INSERT ON {table} BEGIN UPDATE {table}_head SET position = NEW.position, link = NEW.link; END"
            ),
            f"{table}_head_next_only": (
                f"BEFORE UPDATE ON {table}_head WHEN NEW.position IS NOT OLD.position + 1 OR NEW.id IS NOT OLD.id "
                f"OR NOT EXISTS (SELECT 1 FROM {table} WHERE position = NEW.position AND link = NEW.link) "
                f"BEGIN {refused}; END"
            ),
            f"{table}_head_no_delete": f"BEFORE DELETE ON {table}_head BEGIN {refused}; END",
        }

    def _postgresql(self) -> dict[str, str]:
        table = self.table
        return {
            f"{table}_rows": f"BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW",
            f"{table}_moves_head": f"AFTER INSERT ON {table} FOR EACH ROW",
            f"{table}_truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
            f"{table}_head_rows": f"BEFORE UPDATE OR DELETE ON {table}_head FOR EACH ROW",
            f"{table}_head_truncate": f"BEFORE TRUNCATE ON {table}_head FOR EACH STATEMENT",
        }

    def _body(self) -> str:
        table, more = self.table, f"    {self.postgresql}\n" if self.postgresql else ""
        return f"""
BEGIN
  IF TG_OP = 'INSERT' AND TG_WHEN = 'AFTER' THEN
    UPDATE {table}_head SET position = NEW.position, link = NEW.link;
    RETURN NULL;
  END IF;
  IF TG_OP = 'INSERT' AND TG_TABLE_NAME = '{table}' THEN
{more}    IF NEW.position = (SELECT position + 1 FROM {table}_head) THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'not the next position of the {self.what}';
  END IF;
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = '{table}_head' THEN
    IF NEW.position = OLD.position + 1 AND NEW.id = OLD.id
      AND EXISTS (SELECT 1 FROM {table} WHERE position = NEW.position AND link = NEW.link)
    THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION 'the {self.what} is append-only';
END """
