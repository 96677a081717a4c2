"""The guard that nothing follows a drill's end but what legitimately does, whoever writes.

A drill is declared once, as its first entry; it is concluded once and sealed once. After its seal only kept sandboxes
are let go, and what is left of them said. The guard is a trigger beside those of `tables.py`, which an older drp does
not know and obeys all the same; a journal of before gets it from the next who writes, and a note says so since: where
the note is and the guard is not, somebody took it away.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, text

from drp.errors import StorageFull
from drp.journal.database import Database
from drp.journal.marks import MARKS, mark_at, read_mark, write_mark
from drp.journal.tables import HEAD

NAME = "drp_journal_after_seal"
_MARK = "guarded after the seal"
_AFTER = ("sandbox-destroyed", "finding-raised")
"""What may follow a seal: a sandbox that was kept is let go, by its keeper or who cleans up."""
_REFUSED = "a drill is declared, concluded and sealed once, and nothing follows its seal"

# The JSON functions of both servers are of no use here: PostgreSQL's refuse a whole text for one escape in it, and what
# restored software says is in entries; SQLite's are not for a schema that nobody trusts. So the type is read at the end
# of a body, which is drp's own canonical JSON: nothing but the chain and the clock comes after the event.
_TAIL_LENGTH = 1000


def _ends(column: str, kind: str, rest: str = "") -> str:
    """Return the condition that an event is of a kind; ``rest`` is what comes after its type."""
    pattern = f'*"type":"{kind}"{rest}}},"previous":"{"?" * 64}","sequence":*,"stamp":*'
    return f"substr({column}, -{_TAIL_LENGTH}) GLOB '{pattern}'"


def _may_follow(column: str) -> str:
    return " OR ".join(_ends(column, kind) for kind in _AFTER)


_CONCLUDED = "drill-concluded", ',"verdict":"*"'
_SQLITE = (
    f"CREATE TRIGGER {NAME} BEFORE INSERT ON drp_journal WHEN "  # noqa: S608 - constants of this module
    f"({_ends('NEW.body', 'drill-declared')} AND NEW.sequence IS NOT 0) "
    f"OR ({_ends('NEW.body', *_CONCLUDED)} AND EXISTS (SELECT 1 FROM drp_journal "
    f"WHERE drill = NEW.drill AND {_ends('body', *_CONCLUDED)})) "
    f"OR (NOT ({_may_follow('NEW.body')}) AND (SELECT {_ends('body', 'evidence-sealed')} FROM drp_journal "
    f"WHERE drill = NEW.drill AND NOT ({_may_follow('body')}) ORDER BY sequence DESC LIMIT 1)) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
)
_TAIL = (
    '"type":"([a-z-]+)"(?:,"verdict":"[a-z]+")?\\},"previous":"[0-9a-f]{64}","sequence":[0-9]+,"stamp":\\{[^{}]*\\}\\}$'
)


def _kind(column: str) -> str:
    """Return the expression for the type of an event, empty for one that nothing depends on."""
    return f"coalesce(substring(right({column}, {_TAIL_LENGTH}) FROM '{_TAIL}'), '')"


_POSTGRESQL_BODY = f"""
DECLARE
  kind text := {_kind("NEW.body")};
BEGIN
  IF kind = 'drill-declared' AND NEW.sequence <> 0 THEN RAISE EXCEPTION '{_REFUSED}'; END IF;
  IF kind = 'drill-concluded' AND EXISTS (SELECT 1 FROM drp_journal WHERE drill = NEW.drill
    AND {_kind("body")} = 'drill-concluded')
  THEN RAISE EXCEPTION '{_REFUSED}'; END IF;
  IF kind NOT IN {_AFTER} AND 'evidence-sealed' = (SELECT {_kind("body")}
    FROM drp_journal WHERE drill = NEW.drill
    AND {_kind("body")} NOT IN {_AFTER} ORDER BY sequence DESC LIMIT 1)
  THEN RAISE EXCEPTION '{_REFUSED}'; END IF;
  RETURN NEW;
END """  # noqa: S608 - constants of this module
_POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $guard${_POSTGRESQL_BODY}$guard$",
    f"CREATE TRIGGER {NAME} BEFORE INSERT ON drp_journal FOR EACH ROW EXECUTE FUNCTION {NAME}()",
    f"ALTER TABLE drp_journal ENABLE ALWAYS TRIGGER {NAME}",
)
_MAY_READ = text(f"SELECT coalesce(has_table_privilege(to_regclass('{MARKS.name}'), 'SELECT'), false)")
_POSTGRESQL_ENABLED = text(
    "SELECT count(*) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgenabled = 'A' "
    "AND tgrelid = CAST('drp_journal' AS regclass) AND tgname = :name AND prosrc = :body"
)


def missing_seal_guard(connection: Connection) -> list[str]:
    """Return the guard's name if it was laid once, and is gone, changed or switched off."""
    return [] if _is_laid(connection) or not _is_noted(connection) else [NAME]


def lay_seal_guard(database: Database) -> None:
    """Give the guard to a journal that never had it, if one may write and make triggers."""
    if database.reads_only or database.read(_is_noted):
        return
    # who may append need not be who may make triggers
    with suppress(StorageFull), database.translated(), database.writing() as connection:
        if not _is_laid(connection):
            for statement in (_SQLITE,) if connection.dialect.name == "sqlite" else _POSTGRESQL:
                connection.exec_driver_sql(statement)
        position = connection.execute(HEAD.select()).one().position
        write_mark(connection, _MARK, mark_at(connection, position))


def _is_noted(connection: Connection) -> bool:
    """Return whether the guard was ever laid; who may read the journal need not be who may read notes."""
    if connection.dialect.name == "postgresql" and not connection.execute(_MAY_READ).scalar_one():
        return False
    return read_mark(connection, _MARK) is not None


def _is_laid(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        found = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name")
        return bool(connection.execute(found, {"name": NAME}).scalar() == _SQLITE)
    return bool(connection.execute(_POSTGRESQL_ENABLED, {"name": NAME, "body": _POSTGRESQL_BODY}).scalar_one())
