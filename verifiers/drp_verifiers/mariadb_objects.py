"""What a MariaDB or MySQL database has beside tables: views, triggers, routines, events, sequences; and who defines it.

A dump leaves some of them out unless it is told not to, and accounts that define others; the tables are then whole, and
the application fails at its first write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.mariadb_session import Session
from drp_verifiers.statements import NoAnswer, judged, undetermined

_NAMED = 8
_KINDS = {
    "views": "FROM information_schema.views WHERE table_schema = DATABASE()",
    "triggers": "FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "routines": "FROM information_schema.routines WHERE routine_schema = DATABASE()",
    "events": "FROM information_schema.events WHERE event_schema = DATABASE()",
    "sequences": "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'",
}
_COUNTS = " UNION ALL ".join(f"SELECT '{kind}', COUNT(*) {where}" for kind, where in _KINDS.items()) + ";"
_DEFINED = {"views": "table_name", "triggers": "trigger_name", "routines": "routine_name", "events": "event_name"}
_ORPHANS = (
    "SELECT DISTINCT object, definer FROM ("  # noqa: S608 - no name of a restored thing is put in
    + " UNION ALL ".join(f"SELECT {name} AS object, definer {_KINDS[kind]}" for kind, name in _DEFINED.items())
    + ") AS defined WHERE definer NOT IN (SELECT CONCAT(user, '@', host) FROM mysql.user) ORDER BY 1;"
)


def objects_facts(session: Session) -> dict[str, object]:
    """Return what there is beside tables, and how much of it is defined by nobody, if one may see that.

    Empty if there is nothing. Raises NoAnswer.
    """
    counts = _counts(session)
    if not any(counts.values()):
        return {}
    try:
        return {"objects": counts, "orphans": len(session.rows(_ORPHANS))}
    except NoAnswer:  # an account for backups need not see other accounts
        return {"objects": counts}


def check_objects(session: Session, facts: Mapping[str, object]) -> Iterator[CheckResult]:
    """Yield whether everything beside tables came back, and with it those who define it; nothing without such facts."""
    expected = whole_numbers(facts.get("objects"))
    if not expected:
        return
    statement = f"{session.connection.database} has the views, triggers, routines, events and sequences of backup time"
    try:
        found = _counts(session)
        off = [
            f"{kind}: {found.get(kind, 0)}, had {number}"
            for kind, number in sorted(expected.items())
            if found.get(kind, 0) < number
        ]
        observed = "; ".join(off) or _said(found)
        yield judged("objects", statement, holds=not off, observed=observed, expected=_said(expected))
    except NoAnswer as silence:
        yield silence.trouble.result("objects", statement, expected=_said(expected))
        return
    statement = "who defines views, triggers, routines and events exists"
    most = facts.get("orphans")
    if not isinstance(most, int):
        return
    try:
        orphans = [f"{row[0]} by {row[-1]}" for row in session.rows(_ORPHANS)]
    except NoAnswer as silence:
        yield undetermined("definers", statement, observed=silence.trouble.reason)
        return
    more = f" and {len(orphans) - _NAMED} more" if len(orphans) > _NAMED else ""
    observed = (", ".join(orphans[:_NAMED]) + more)[:400] or "all do"
    yield judged(
        "definers", statement, holds=len(orphans) <= most, observed=observed, expected=f"at most {most} do not"
    )


def _counts(session: Session) -> dict[str, int]:
    rows = session.rows(_COUNTS)
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()))
