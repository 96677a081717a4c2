"""Names the code that a MariaDB brought back: routines, triggers, events, views, functions, plugins."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.judged import NotJudged
from drp.domain.phrase import fact, say
from drp.domain.restored_code import MOST, RestoredCode
from drp_verifiers.mariadb_census import FIRST, name_of
from drp_verifiers.mariadb_objects import bare, of_view, words
from drp_verifiers.mariadb_session import Session
from drp_verifiers.statements import NoAnswer, Trouble

_I = "FROM information_schema"
_OURS = "('mysql', 'sys', 'information_schema', 'performance_schema')"
"""Schemas of the server's own: ``mysql`` is compared with a fresh one."""
_PART = say("code that the backup brings")


def _named(kind: str, name: str, definition: str, rest: str) -> str:
    asked = f"SELECT HEX(CONVERT(CONCAT('{kind} ', {name}) USING utf8mb4)), SHA2({definition}, 256) {rest}"
    return f"{asked} ORDER BY 1 LIMIT {MOST + 1};"


def _place(schema: str, name: str) -> str:
    return f"CONCAT({schema}, '.', {name})"


_KINDS = {
    "routine": say("routines"),
    "trigger": say("triggers"),
    "event": say("events"),
    "view": say("views"),
    "loadable function": say("loadable functions"),
    "plugin": say("plugins"),
    "setting": say("settings"),
}
_QUERIES = (
    _named("routine", _place("db", "name"),  # of one name there may be a procedure, a function and a package
           words("type", bare("param_list"), bare("returns"), bare("body"), "definer", "security_type"),
           f"FROM mysql.proc WHERE db NOT IN {_OURS}"),
    _named("trigger", _place("trigger_schema", "trigger_name"),
           words("event_manipulation", "event_object_table", "action_timing", bare("action_statement"), "definer"),
           f"{_I}.triggers WHERE trigger_schema NOT IN {_OURS}"),
    _named("event", _place("event_schema", "event_name"), words(bare("event_definition"), "definer", "status"),
           f"{_I}.events WHERE event_schema NOT IN {_OURS}"),
    _named("view", _place("table_schema", "table_name"), words(of_view("view_definition"), "definer", "security_type"),
           f"{_I}.views WHERE table_schema NOT IN {_OURS}"),
    _named("loadable function", "name", words("dl", "ret", "type"), "FROM mysql.func"),
    _named("plugin", "plugin_name", words("plugin_library"),
           f"{_I}.plugins WHERE COALESCE(plugin_library, '') <> ''"),
    _named("setting", "variable_name", words("variable_value"),
           f"{_I}.global_variables WHERE variable_name IN ('INIT_CONNECT', 'INIT_SLAVE') AND variable_value <> ''"),
)  # fmt: skip


def met(session: Session) -> Iterator[RestoredCode | NotJudged]:
    """Yield the code that the server would run for somebody, and which kinds of it the server does not tell."""
    try:
        answers = session.each(_QUERIES, first=FIRST)
    except NoAnswer as silence:
        yield NotJudged(part=_PART, why=silence.trouble.reason)
        return
    for kind, answer in zip(_KINDS, answers, strict=True):
        if isinstance(answer, Trouble):
            yield NotJudged(part=say("code that the backup brings: {kind}", kind=_KINDS[kind]), why=answer.reason)
            continue
        yield from (RestoredCode(name=name_of(row[0]), digest=f"sha256:{row[1]}") for row in answer[:MOST])
        if len(answer) > MOST:
            yield NotJudged(
                part=say("code that the backup brings: {kind} beyond the first {most}", kind=_KINDS[kind], most=MOST),
                why=fact("so-many-named", "so many are named"),
            )
