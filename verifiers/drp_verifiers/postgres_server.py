"""What a PostgreSQL server says about itself: its state, and settings by which others would not be told of damage."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Phrase, fact, say, several
from drp_verifiers.definitions import as_mapping
from drp_verifiers.postgres_session import Session, json_lines, trouble_of
from drp_verifiers.postgres_settings import HIDING
from drp_verifiers.statements import NoAnswer, Trouble

_STATE = """
SELECT pg_catalog.json_build_object(
  'version', pg_catalog.current_setting('server_version_num')::int,
  'shown_version', pg_catalog.current_setting('server_version'),
  'in_recovery', pg_catalog.pg_is_in_recovery(),
  'checksums', pg_catalog.current_setting('data_checksums') = 'on',
  'in_force', (SELECT pg_catalog.json_object_agg(name, setting) FROM pg_catalog.pg_settings WHERE name IN (%s)),
  'prepared', (SELECT pg_catalog.json_agg(gid ORDER BY prepared) FROM (SELECT gid, prepared
    FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 5) AS q),
  'timeline', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END)
"""
_OTHERWISE = """
SELECT pg_catalog.json_build_array('session', name, setting, source) FROM pg_catalog.pg_settings WHERE name IN (%s)
"""
_OF_OTHERS = """
SELECT pg_catalog.json_build_array('role', coalesce(r.rolname, ''), coalesce(d.datname, ''), setting)
FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN pg_catalog.unnest(setconfig) AS setting
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
"""
_NAMES = ", ".join(f"'{one.name}'" for one in HIDING)
_WANTED = {one.name: one.value for one in HIDING}
_ON = {"on", "true", "yes", "1", "t", "y", "tr", "tru", "ye"}


def server_facts(session: Session, database: str) -> dict[str, object]:
    """Return version, recovery state, timeline, checksum setting and prepared transactions of the server.

    Raises NoAnswer, also where the session itself would not be told of damage.
    """
    rows = session.rows(database, _STATE % _NAMES)
    if len(rows) != 1 or not as_mapping(rows[0]):
        raise NoAnswer(
            Trouble(outcome="undetermined", reason=fact("server-did-not-say", "the server did not say what it is"))
        )
    facts = dict(as_mapping(rows[0]))
    refuse_blind(as_mapping(facts.get("in_force")))
    return facts


def refuse_blind(in_force: Mapping[str, object]) -> None:
    """Raise NoAnswer unless everything that could hide damage is off in a session, by its own word."""
    wrong = [
        say("{setting} is {value}", setting=name, value=str(in_force.get(name)))
        for name, value in _WANTED.items()
        if in_force.get(name) != value
    ]
    if wrong:
        reason = fact(
            "this-user-cannot-look",
            "this user cannot look without hiding damage: {wrong}; let a superuser look",
            wrong=several(wrong),
        )
        raise NoAnswer(Trouble(outcome="undetermined", reason=reason))


def hiding(session: Session, database: str) -> tuple[Phrase, ...]:
    """Return what would hide damage from sessions that do not say otherwise, each with who says so. Raises NoAnswer.

    Asked in a session that leaves these settings alone, as an application does.
    """
    words = (
        "-X",
        "-q",
        "-A",
        "-t",
        "--no-password",
        "-v",
        "VERBOSITY=verbose",
        "-d",
        database,
        "-c",
        _OTHERWISE % _NAMES,
        "-c",
        _OF_OTHERS,
    )
    ended = session.run("psql", words, settings=f"{session.settings(hiding=True)} -c search_path=pg_catalog")
    if ended.exit_code != 0:
        raise NoAnswer(trouble_of(ended))
    found: dict[Phrase, None] = {}
    for row in json_lines(ended.stdout):
        match row:
            case ["session", str(name), str(value), str(source)] if value != _WANTED.get(name, value):
                of_session = say("{setting} is {value} ({source})", setting=name, value=value, source=source)
                found[of_session] = None
            case ["role", str(role), str(place), str(setting)]:
                name, _, value = setting.partition("=")
                if name in _WANTED and (value.strip().lower() in _ON) != (_WANTED[name] == "on"):
                    found[_for(role, place, {"setting": name, "value": value})] = None
    return tuple(found)


def _for(role: str, database: str, what: Mapping[str, str]) -> Phrase:
    """Return a setting with whom it is for."""
    if role and database:
        return say("{setting} is {value} for role {role} in database {database}", role=role, database=database, **what)
    if role:
        return say("{setting} is {value} for role {role}", role=role, **what)
    if database:
        return say("{setting} is {value} for database {database}", database=database, **what)
    return say("{setting} is {value} for all roles", **what)


def texts(facts: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return a list of texts of the server's facts, made printable."""
    value = facts.get(key)
    shown = (item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
    return tuple("".join(letter if letter.isprintable() else "?" for letter in item)[:80] for item in shown)
