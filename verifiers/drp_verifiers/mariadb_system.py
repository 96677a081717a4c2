"""Whether a restored MariaDB answers as a fresh one does: its own tables, views and routines, and what it loads.

A backup brings the schema ``mysql`` too. A view that has the name of a table of the server, a generated column, a
trigger or another engine there makes the server say of itself what the backup wants. Rows of those tables are data;
their shape is compared with a directory that the same release makes anew, in the cell where the question is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drp.domain.check import CheckResult, Commands, Expectation
from drp.domain.judged import NotJudged
from drp.domain.phrase import NOTHING, Phrase, counted, fact, say
from drp_verifiers.amounts import listed
from drp_verifiers.definitions import as_mapping
from drp_verifiers.inside import ask
from drp_verifiers.kinds import kind_words
from drp_verifiers.mariadb_census import FIRST, name_of
from drp_verifiers.mariadb_objects import bare, of_view, one_by_one, together, words
from drp_verifiers.mariadb_said import said
from drp_verifiers.mariadb_session import Rows, Session
from drp_verifiers.statements import Trouble, judged

CHECK = "system"
STATEMENT = fact("nothing-restored-stands-between", "nothing restored stands between the server and its answers")
_I = "FROM information_schema"
_OWN = "WHERE table_schema = 'mysql'"
_NAME = "HEX(CONVERT(table_name USING utf8mb4))"
_ENGINES = {"ARIA", "MYISAM", "INNODB", "CSV"}
_QUERIES = {
    "tables": f"SELECT {_NAME}, table_type, UPPER(COALESCE(engine, '')) {_I}.tables {_OWN};",
    "columns": together(
        "table_name",
        words("ordinal_position", "column_name", "column_default", "is_nullable", "column_type", "collation_name",
              "extra"),
        f"{_I}.columns {_OWN}", "table_name"),
    "generated": f"SELECT {_NAME}, HEX(CONVERT(column_name USING utf8mb4)), 1 {_I}.columns"
                 f" {_OWN} AND COALESCE(generation_expression, '') <> '';",
    "views": one_by_one("CONCAT('view mysql.', table_name)", words(of_view("view_definition"), "security_type"),
                        f"{_I}.views {_OWN}"),
    "triggers": one_by_one("trigger_name", words("action_statement"), f"{_I}.triggers WHERE trigger_schema = 'mysql'"),
    "events": one_by_one("event_name", words("event_definition"), f"{_I}.events WHERE event_schema = 'mysql'"),
    "routines": one_by_one("CONCAT(LOWER(type), ' mysql.', name)", words(bare("param_list"), bare("body")),
                           "FROM mysql.proc WHERE db = 'mysql'"),
    "plugins": "SELECT HEX('plugins'), @@plugin_dir, 1;",
}  # fmt: skip


_KINDS = {kind: kind_words(kind) for kind in _QUERIES} | {"generated": say("generated columns")}


@dataclass(slots=True)
class _Shape:
    """What a server's own schema is like; by class, names to what defines them."""

    found: dict[str, dict[str, str]] = field(default_factory=dict)
    trouble: dict[str, Phrase] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: Mapping[str, Rows | Trouble]) -> _Shape:
        shape = cls()
        for kind, answer in answers.items():
            if isinstance(answer, Trouble):
                shape.trouble[kind] = answer.reason
            else:
                shapes = ("|".join(row[1:]) if kind == "tables" else row[1] for row in answer)
                shape.found[kind] = dict(zip((name_of(row[0]) for row in answer), shapes, strict=True))
        return shape


def look(session: Session) -> Iterator[CheckResult | NotJudged]:
    """Yield whether the server's own schema is one. Raises NoAnswer where the server tells nothing of it at all."""
    answers = session.each(list(_QUERIES.values()), first=FIRST)
    shape = _Shape.of(dict(zip(_QUERIES, answers, strict=True)))
    if not shape.found.get("tables") and not shape.trouble:
        why = fact(
            "this-account-may-not",
            "this account may not see them: leave out `user` and `defaults_file` to ask as an administrator",
        )
        yield NotJudged(part=say("the server's own tables"), why=why)
        return
    fresh, why_not = _fresh(session.target, session.expectation)
    wrong, older = list(_wrong(shape, fresh, session.expectation)), _older(shape, fresh)
    wrong += _other_code(shape, fresh, same_release=not older)
    number = len(shape.found.get("tables", {}))
    observed = listed(wrong) or counted(
        "own-tables-as-fresh",
        "{n} table of its own, as a fresh server has it",
        "{n} tables of its own, as a fresh server has them",
        number,
    )
    expected = fact("as-directory-same-release", "as in a directory that the same release makes anew")
    yield judged(CHECK, STATEMENT, holds=not wrong, observed=observed, expected=expected, basis="content")
    if why_not:
        yield NotJudged(part=say("the server's own tables against fresh ones"), why=why_not)
    elif older:
        why = fact(
            "made-by-another-release",
            "made by another release: {older}; mariadb-upgrade makes them new",
            older=listed(older),
        )
        yield NotJudged(part=say("the server's own tables, views and routines"), why=why)


def _fresh(target: Commands, expectation: Expectation) -> tuple[_Shape, Phrase]:
    """Return the shape of a server that is made now, in this cell; or why there is none."""
    answer = ask(target, "mariadb_fresh", {"queries": _QUERIES}, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        return _Shape(), answer.trouble.reason
    if not isinstance(answer.data.get("rows"), dict):
        return _Shape(), said(answer.data.get("why")) or fact("no-answer", "no answer")
    answers = as_mapping(answer.data["rows"])
    return _Shape.of({kind: [str(line).split("\t") for line in lines] for kind, lines in answers.items()
                      if isinstance(lines, list)}), NOTHING  # fmt: skip


def _wrong(shape: _Shape, fresh: _Shape, expectation: Expectation) -> Iterator[Phrase]:
    """Yield what makes the server answer otherwise, whichever release made its directory."""
    for kind, reason in sorted(shape.trouble.items()):
        yield fact("own-kind-unread", "its own {kind} cannot be read: {why}", kind=_KINDS[kind], why=reason)
    known = fresh.found.get("tables", {})
    for name, is_now in sorted(shape.found.get("tables", {}).items()):
        kind, engine = is_now.split("|")
        if kind == "VIEW" and known.get(name, "") != is_now and name != "user":
            yield fact("own-table-is-view", "mysql.{name} is a view", name=name)
        elif kind != "VIEW" and engine not in _ENGINES:
            of = engine or say("an unknown engine")
            yield fact("own-table-of-engine", "mysql.{name} is a table of {engine}", name=name, engine=of)
    for name, column in sorted(shape.found.get("generated", {}).items()):
        yield fact("own-table-computes", "mysql.{name} computes its column {column}", name=name, column=name_of(column))
    for name in sorted(shape.found.get("triggers", {})):
        yield fact("own-trigger", "trigger mysql.{name}", name=name)
    for name in sorted(shape.found.get("events", {})):
        yield fact("own-event", "event mysql.{name}", name=name)
    here, usual = (each.found.get("plugins", {}).get("plugins", "").rstrip("/") for each in (shape, fresh))
    declared = as_mapping(expectation.inputs.get("settings")).get("plugin_dir", usual)
    if usual and here not in {usual, str(declared).rstrip("/")}:
        yield fact("plugins-loaded-from", "plugins and functions are loaded from {folder}", folder=here[:100])


def _other_code(shape: _Shape, fresh: _Shape, *, same_release: bool) -> Iterator[Phrase]:
    """Yield code that no server brings, and of this very release what it has otherwise."""
    if not fresh.found:
        return
    for kind in ("views", "routines"):
        usual = fresh.found.get(kind, {})
        for name, digest in sorted(shape.found.get(kind, {}).items()):
            if name not in usual or (same_release and usual[name] != digest):
                yield (
                    fact("own-code-another", "{name} is another one", name=name)
                    if name in usual
                    else fact("own-code-none", "{name} is none of its own", name=name)
                )


def _older(shape: _Shape, fresh: _Shape) -> list[str]:
    """Return tables of the server whose columns another release made."""
    usual, here = fresh.found.get("columns", {}), shape.found.get("columns", {})
    views = {name for name, said in shape.found.get("tables", {}).items() if said.startswith("VIEW")}
    other = [name for name in sorted(usual) if name not in views and here.get(name) != usual[name]]
    return sorted(other + [name for name in here.keys() - usual.keys() - views if usual])
