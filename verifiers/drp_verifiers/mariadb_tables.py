"""Tables of a MariaDB or MySQL database: let the server check each, and count what each holds.

``CHECK TABLE`` goes through our own session: ``mariadb-check`` would obey restored option files, which can make it
repair what it finds, or pass over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drp.domain.check import CheckResult
from drp_verifiers.mariadb_session import Session
from drp_verifiers.statements import NoAnswer, failed, judged, undetermined

REMOTE = ("FEDERATED", "SPIDER", "S3", "SPHINX", "CONNECT")
"""Engines whose tables lie elsewhere: opening one would reach out, and there is nothing of it in the backup."""
_NAMED = 8
_UNCHECKED = "doesn't support"
_LISTED = ", ".join(f"'{engine}'" for engine in REMOTE)
_HERE = (
    "FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') "
    f"AND COALESCE(engine, '') NOT IN ({_LISTED}) ORDER BY table_name;"
)
_COUNTS = (
    "SELECT CONCAT('SELECT ''', REPLACE(table_name, '''', ''''''), ''', COUNT(*) FROM `', "  # noqa: S608 - no name is put in
    f"REPLACE(table_name, '`', '``'), '`;') {_HERE}"
)
"""Makes the statements that count, quoted by the server: names come out of the backup."""
_CHECKS = f"SELECT CONCAT('CHECK TABLE `', REPLACE(table_name, '`', '``'), '` EXTENDED;') {_HERE}"
_ELSEWHERE = (
    "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() "  # noqa: S608 - as above
    f"AND engine IN ({_LISTED}) ORDER BY table_name;"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The rows of every table that lies here, and the tables that lie elsewhere."""

    rows: dict[str, int] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()


def check_tables(session: Session) -> CheckResult:
    """Return whether the server finds every table sound; a table that its engine cannot check is named."""
    statement = f"the server finds every table of {session.connection.database} sound"
    try:
        rows = session.rows("\n".join(session.lines(_CHECKS)) + "\n")
        elsewhere = _elsewhere(session)
    except NoAnswer as silence:
        return silence.trouble.result("tables", statement, expected="OK for each")
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if len(row) != 4:
            return undetermined("tables", statement, observed=f"{len(row)} columns instead of four")
        found.setdefault(row[0], []).append((row[2].lower(), row[3]))
    bad = [name for name, said in found.items() if not _sound(said)]
    if bad:
        words = "; ".join(f"{name}: {_complaint(found[name])}" for name in bad[:_NAMED])
        return failed("tables", statement, observed=f"{words}{_more(bad)}"[:400], expected="OK for each")
    unchecked = [name for name, said in found.items() if any(_UNCHECKED in text for _, text in said)]
    observed = f"{len(found) - len(unchecked)} tables"
    observed += f"; not checked, since their engine cannot: {_names(unchecked)}" if unchecked else ""
    observed += f"; not looked at, since they lie elsewhere: {_names(elsewhere)}" if elsewhere else ""
    if not found:
        return failed("tables", statement, observed=f"no table{observed[8:]}", expected="OK for each")
    return judged("tables", statement, holds=len(found) > len(unchecked), observed=observed, expected="OK for each")


def _sound(said: Iterable[tuple[str, str]]) -> bool:
    """Return whether the last word about a table is good; warnings before it (not closed properly) are no damage."""
    kind, text = list(said)[-1]
    return (kind == "status" and text in {"OK", "Table is already up to date"}) or (
        kind == "note" and _UNCHECKED in text
    )


def _complaint(said: list[tuple[str, str]]) -> str:
    return next((text for kind, text in said if kind == "error"), said[-1][1])[:120]


def count_tables(session: Session) -> Counted:
    """Return the rows of every table. Raises NoAnswer."""
    made = session.lines(_COUNTS)
    rows = session.rows("\n".join(made) + "\n") if made else []
    return Counted(
        rows={row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()},
        elsewhere=_elsewhere(session),
    )


def _elsewhere(session: Session) -> tuple[str, ...]:
    return tuple(f"{row[0]} ({row[-1]})" for row in session.rows(_ELSEWHERE))


def elsewhere_named(counted: Counted) -> str:
    """Return what was not counted, in words; empty: everything was."""
    return f"; not counted, since they lie elsewhere: {_names(counted.elsewhere)}" if counted.elsewhere else ""


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED])[:200] + _more(listed)


def _more(names: list[str]) -> str:
    return f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
