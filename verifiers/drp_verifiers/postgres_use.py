"""Whether a PostgreSQL database can be used: views that open, and what the roles who log in may read.

A view is opened with the rights of its owner whoever asks, so one that its owner may no longer read fails here as it
fails for its users. Opening reads no row. One that reaches foreign tables is not opened: it would reach out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, counted, fact, joined, quoted, say
from drp_verifiers.amounts import listed, views
from drp_verifiers.definitions import EARLIER, as_mapping
from drp_verifiers.postgres_session import Session, errors_in, json_lines, trouble_of
from drp_verifiers.statements import NoAnswer, failed, passed, undetermined

_OF_USERS = "schema.nspname NOT IN ('pg_catalog', 'information_schema') AND schema.nspname !~ '^pg_(toast|temp)'"
_VIEWS = f"""WITH RECURSIVE away AS (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'f'
  UNION SELECT rule.ev_class FROM away
    JOIN pg_catalog.pg_depend AS need ON need.refobjid = away.oid
      AND need.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND need.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = need.objid)
SELECT pg_catalog.json_build_array('view', schema.nspname || '.' || class.relname,
  pg_catalog.format('%I.%I', schema.nspname, class.relname), class.oid IN (SELECT oid FROM away))
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
WHERE class.relkind = 'v' AND {_OF_USERS};
"""
_ROLES = f"""SELECT pg_catalog.json_build_array('role', role.rolname, pg_catalog.count(*), pg_catalog.left(
  pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.string_agg(schema.nspname || '.' || class.relname,
    ' ' ORDER BY schema.nspname COLLATE "C", class.relname COLLATE "C"), pg_catalog.getdatabaseencoding())), 'hex'), 16))
FROM pg_catalog.pg_roles AS role CROSS JOIN pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
WHERE role.rolcanlogin AND NOT role.rolsuper AND class.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OF_USERS}
  AND pg_catalog.has_schema_privilege(role.oid, schema.oid, 'USAGE')
  AND pg_catalog.has_any_column_privilege(role.oid, class.oid, 'SELECT')
GROUP BY role.rolname;
SELECT pg_catalog.json_build_array('known', rolname) FROM pg_catalog.pg_roles WHERE rolcanlogin AND NOT rolsuper;
"""


_AS_USERS = "SET row_security = on;\n"
"""Our sessions have it off, to be told of rows that are hidden; a view over such tables opens for its users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What can be used of one database."""

    views: int = 0
    broken: Mapping[str, Phrase] = field(default_factory=dict)
    """Views that do not open, and why."""
    away: tuple[str, ...] = ()
    """Views that reach foreign tables, which were not opened."""
    readable: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """By role: how many relations it may read, and a digest of their names."""


def look(session: Session, database: str) -> Use:
    """Return what can be used of a database. Raises NoAnswer."""
    views: dict[str, str] = {}
    away: list[str] = []
    readable: dict[str, tuple[int, str]] = {}
    ended = session.psql(database, ("-v", "ON_ERROR_STOP=1", "-f", "-"), stdin=(_VIEWS + _ROLES).encode())
    if ended.exit_code:
        raise NoAnswer(trouble_of(ended))
    for row in json_lines(ended.stdout):
        match row:
            case ["view", str(name), str(_), True]:
                away.append(name)
            case ["view", str(name), str(as_sql), False]:
                views[name] = as_sql
            case ["role", str(role), int(number), str(digest)]:
                readable[role] = (number, digest)
            case ["known", str(role)]:
                readable.setdefault(role, (0, ""))
    broken = _broken(session, database, views)
    return Use(views=len(views) + len(away), broken=broken, away=tuple(sorted(away)), readable=readable)


def _broken(session: Session, database: str, views: Mapping[str, str]) -> dict[str, Phrase]:
    """Return the views that do not open, as users of this database would open them: with its own search path."""
    names = sorted(views)
    script = _AS_USERS + "".join(
        f'\\echo ["asked", {number}]\n'
        f"SELECT pg_catalog.json_build_array('opened', {number}, pg_catalog.count(*))"
        f" FROM (SELECT 1 FROM {views[name]} LIMIT 0) AS looked;\n"
        for number, name in enumerate(names)
    )
    if not names:
        return {}
    ended = session.psql(database, ("-f", "-"), stdin=script.encode(), restored_path=True)
    asked: set[int] = set()
    opened: set[int] = set()
    for row in json_lines(ended.stdout):
        match row:
            case ["asked", int(number)]:
                asked.add(number)
            case ["opened", int(number), int(_)]:
                opened.add(number)
    if len(asked) != len(names):
        raise NoAnswer(trouble_of(ended))
    errors = iter(errors_in(ended))
    broken: dict[str, Phrase] = {}
    for number in sorted(asked - opened):
        said = next(errors, None)
        broken[names[number]] = quoted(": ".join(said)) if said else fact("view-does-not-open", "it does not open")
    return broken


def facts_of(use: Use) -> dict[str, object]:
    """Return what the manifest keeps of it."""
    return {"broken_views": sorted(use.broken), "readable": {role: list(told) for role, told in use.readable.items()}}


def judge(
    name: str, use: Use, facts: Mapping[str, object], *, application_role: str
) -> Iterator[CheckResult | NotJudged]:
    """Yield whether views open that did, and whether each role may read what it might."""
    yield from _views(name, use, facts.get("broken_views"))
    yield from _roles(name, use, facts.get("readable"), application_role)


def views_open(name: str) -> Phrase:
    """Return the statement about the views of a database."""
    return fact("views-open-for-users", "every view of {name} opens for those who use it", name=name)


def _views(name: str, use: Use, before: object) -> Iterator[CheckResult | NotJudged]:
    if use.away:
        yield NotJudged(
            part=say("use of views, {name}", name=name),
            why=fact("they-reach-foreign-tables", "they reach foreign tables: {away}", away=listed(use.away)),
        )
    if not use.views:
        return
    check, statement = f"views {name}", views_open(name)
    known = before if isinstance(before, list) else []
    new = [
        fact("view-broken", "{view}: {why}", view=view, why=why)
        for view, why in sorted(use.broken.items())
        if view not in known
    ]
    if new and isinstance(before, list):
        yield failed(check, statement, observed=listed(new), expected=fact("as-backup-time", "as at backup time"))
    elif new:
        yield undetermined(check, statement, observed=joined((listed(new), EARLIER)))
    else:
        observed = views(use.views - len(use.away) - len(use.broken))
        if use.broken:
            more = counted(
                "views-broken-before",
                "{n} does not, as at backup time",
                "{n} do not, as at backup time",
                len(use.broken),
            )
            observed = joined((observed, more))
        yield passed(check, statement, observed=observed)


def _reads_otherwise(role: str, has: tuple[int, str], had: list[object]) -> Iterator[Phrase]:
    """Yield that a role may read fewer relations than it might, or others."""
    number, digest = has
    if not isinstance(had[0], int):
        yield fact("facts-of-role-unclear", "{role}: the facts are not understood", role=role)
    elif number < had[0]:
        yield counted(
            "role-reads-less",
            "{role} may read {n} relation, might read {had}",
            "{role} may read {n} relations, might read {had}",
            number,
            role=role,
            had=had[0],
        )
    elif number == had[0] and digest != had[1]:
        yield counted(
            "role-reads-others",
            "{role} may read {n} other relation than it might",
            "{role} may read {n} other relations than it might",
            number,
            role=role,
        )


def _roles(name: str, use: Use, before: object, application_role: str) -> Iterator[CheckResult | NotJudged]:
    check = f"roles {name}"
    statement = fact(
        "roles-read-as-before", "whoever logs in may read of {name} what they might read at backup time", name=name
    )
    known = as_mapping(before)
    if application_role and application_role not in known:
        observed = fact(
            "facts-do-not-know-role", "the facts do not know {role}; {earlier}", role=application_role, earlier=EARLIER
        )
        yield undetermined(check, statement, observed=observed, basis="content")
        return
    wrong: list[Phrase] = []
    absent: list[Phrase] = []
    compared = 0
    for role, told in sorted(known.items()):
        had = told if isinstance(told, list) and len(told) == 2 else [None, None]
        has = use.readable.get(role)
        if has is None:
            if role == application_role:
                wrong.append(fact("role-not-here", "{role} is not here", role=role))
            elif had[0]:
                absent.append(fact("role-not-here", "{role} is not here", role=role))
            continue
        compared += 1
        wrong += _reads_otherwise(role, has, had)
    if absent:
        why = fact(
            "name-one-application-logs",
            "{absent}: name the one that the application logs in as with `application_role`",
            absent=listed(absent),
        )
        yield NotJudged(part=say("what roles may read, {name}", name=name), why=why)
    if wrong:
        yield failed(
            check,
            statement,
            observed=listed(wrong),
            expected=fact("as-backup-time", "as at backup time"),
            basis="content",
        )
    elif compared:
        yield passed(
            check, statement, observed=counted("roles-may", "{n} role may", "{n} roles may", compared), basis="content"
        )
