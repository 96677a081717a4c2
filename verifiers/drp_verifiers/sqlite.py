"""The ``sqlite`` verifier: a database file is sound, holds its rows, and answers what it should.

An integrity check does not see a write-ahead log that was left out of the backup: only counted rows and assertions do.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged, Part
from drp.domain.phrase import Phrase, counted, fact, quoted, say
from drp_verifiers.assertions import Assertion, judge_rows
from drp_verifiers.clinical import not_restored
from drp_verifiers.definitions import as_mapping
from drp_verifiers.inside import ask
from drp_verifiers.parts_sqlite import PARTS
from drp_verifiers.records import read_records
from drp_verifiers.records_options import SqliteRecords
from drp_verifiers.restored_code import codes
from drp_verifiers.sqlite_said import said
from drp_verifiers.sqlite_whole import check_whole, facts_of
from drp_verifiers.statements import Trouble, failed, judged, undetermined
from drp_verifiers.watermarks import Newest, judge, undated


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteOptions:
    """What may be said about a database file."""

    path: str
    """Relative to the restored tree, or absolute inside the sandbox; the facts are found under the same words."""
    copy: bool = False
    """Records and facts come from a copy, for a running application that keeps the file locked."""
    foreign_keys: bool = True
    """Let SQLite check its foreign keys."""
    row_counts: bool = True
    """Also objects, counters and content, as far as the facts of the backup know them."""
    row_count_tolerance: float = 0.0
    """Share of its rows by which a table may differ from the facts, for backups taken under traffic."""
    newest: Newest | None = None
    """A query for the newest datum that the application dated."""
    assertions: tuple[Assertion, ...] = ()
    """Queries for one value, and what each must be."""


_SHARE = 0.8
"""Of the time limit: what could be read until then is told, instead of nothing at all."""


class SqliteVerifier:
    """Opens a database file in a cell, never in the drp process: a crafted file may crash its reader."""

    name: ClassVar[str] = "sqlite"
    Options: ClassVar[type] = SqliteOptions
    RecordOptions: ClassVar[type] = SqliteRecords
    parts: ClassVar[tuple[Part, ...]] = PARTS

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield the rows of a declared query. Raises ValueError with the reason when they cannot be read."""
        assert isinstance(options, SqliteRecords)
        path = posixpath.normpath(posixpath.join(expectation.restored_root, options.path))
        yield from read_records(
            target,
            "records_sqlite",
            {"path": path, "copy": options.copy, "query": options.query, "within": expectation.restored_root},
            timeout_seconds=expectation.timeout_seconds,
        )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield integrity, references, all that it holds, newest datum and assertions."""
        assert isinstance(options, SqliteOptions)
        statement = fact("sound-database", "{path} is a sound database", path=options.path)
        if (elsewhere := not_restored("integrity", statement, options.path, expectation)) is not None:
            yield undated(elsewhere) if options.newest is not None else elsewhere
            return
        queries = [assertion.sql for assertion in options.assertions]
        if options.newest is not None:
            queries.append(options.newest.query)
        path = posixpath.normpath(posixpath.join(expectation.restored_root, options.path))
        known = expectation.facts.get("sqlite")
        facts = known.get(options.path) if isinstance(known, Mapping) else None
        digest = isinstance(facts, Mapping) and "digests" in facts
        request = {"path": path, "copy": options.copy, "queries": queries, "digest": digest}
        request |= {"within": expectation.restored_root, "still": True, "seconds": expectation.timeout_seconds * _SHARE}
        answer = ask(target, "database", request, timeout_seconds=expectation.timeout_seconds)
        trouble = None
        if answer.trouble is not None:
            trouble = answer.trouble.result("integrity", statement)
        elif answer.data.get("exists") is not True:
            trouble = failed("integrity", statement, observed=fact("no-such-file", "no such file"))
        elif "integrity" not in answer.data:
            trouble = undetermined("integrity", statement, observed=said(answer.data.get("reason")))
        if trouble is not None:
            yield undated(trouble) if options.newest is not None else trouble
        else:
            yield from codes(as_mapping(answer.data.get("census")).get("code"), f"{options.path}: ")
            yield from _log(answer.data)
            yield from _integrity(answer.data, options, statement)
            yield from _whole(answer.data, options, facts)
            yield from _queries(answer.data, options, expectation, target)


def _answer(data: Mapping[str, object], key: str) -> tuple[list[object], Trouble | None]:
    return _reply(data.get(key))


def _reply(reply: object) -> tuple[list[object], Trouble | None]:
    """Return the rows of one query, or why there are none."""
    if not isinstance(reply, dict):
        return [], Trouble(outcome="undetermined", reason=fact("no-answer", "no answer"))
    if isinstance(reply.get("rows"), list):
        return reply["rows"], None
    reason = said(reply.get("error"))
    return [], Trouble(outcome="failed" if reply.get("about_data") is True else "undetermined", reason=reason)


def _log(data: Mapping[str, object]) -> Iterator[CheckResult]:
    """Judge the write-ahead log, if there is one: SQLite passes over what it cannot read of it."""
    if isinstance(told := data.get("log"), list):
        yield judged(
            "write-ahead-log",
            fact("all-write-ahead-log", "all of its write-ahead log can be used"),
            holds=not told,
            observed=said(told),
        )


def _integrity(data: Mapping[str, object], options: SqliteOptions, statement: Phrase) -> Iterator[CheckResult]:
    rows, trouble = _answer(data, "integrity")
    if trouble is not None:
        yield trouble.result("integrity", statement, expected=fact("ok", "ok"))
    else:
        observed = quoted("; ".join(str(row[0])[:200] for row in rows if isinstance(row, list) and row))
        yield judged("integrity", statement, holds=rows == [["ok"]], observed=observed, expected=fact("ok", "ok"))
    if not options.foreign_keys:
        return
    rows, trouble = _answer(data, "foreign_keys")
    statement = fact("every-reference-between-tables", "every reference between tables is met")
    if trouble is not None:
        yield trouble.result("foreign-keys", statement, expected=fact("no-dangling-reference", "no dangling reference"))
    else:
        named = "; ".join(" ".join(map(str, row)) for row in rows if isinstance(row, list))
        yield judged(
            "foreign-keys",
            statement,
            holds=not rows,
            observed=quoted(named[:400]),
            expected=fact("no-dangling-reference", "no dangling reference"),
        )


def _whole(data: Mapping[str, object], options: SqliteOptions, facts: object) -> Iterator[CheckResult | NotJudged]:
    if options.row_counts:
        yield from check_whole(options.path, data.get("census"), facts, tolerance=options.row_count_tolerance)


def _queries(
    data: Mapping[str, object], options: SqliteOptions, expectation: Expectation, target: Target
) -> Iterator[CheckResult]:
    replies = data.get("queries")
    answers = [_reply(reply) for reply in replies] if isinstance(replies, list) else []
    if len(answers) != len(options.assertions) + (options.newest is not None):
        unanswered = undetermined(
            "queries",
            fact("every-query-answered", "every query is answered"),
            observed=counted("so-many-answers", "{n} answer", "{n} answers", len(answers)),
        )
        yield undated(unanswered) if options.newest is not None else unanswered
        return
    for assertion, (rows, trouble) in zip(options.assertions, answers, strict=False):
        if trouble is not None:
            yield trouble.result(f"assertion {assertion.name}", quoted(assertion.name), expected=assertion.expected)
        else:
            yield judge_rows(assertion, rows, target, timeout_seconds=expectation.timeout_seconds)
    if options.newest is not None:
        yield _newest(*answers[-1], options.newest, expectation, f"sqlite {options.path}")


def _newest(
    rows: list[object], trouble: Trouble | None, newest: Newest, expectation: Expectation, store: str
) -> CheckResult:
    match rows:
        case _ if trouble is not None:
            return undated(trouble.result("newest", fact("newest-datum", "the newest datum")))
        case []:
            return judge(None, newest, expectation, store=store)
        case [[cell]]:
            return judge(None if cell is None else str(cell), newest, expectation, store=store)
        case _:
            return undated(
                undetermined(
                    "newest",
                    fact("newest-datum", "the newest datum"),
                    observed=fact("not-one-row-with", "not one row with one column"),
                )
            )


def sqlite_facts(
    target: Target, path: str, *, copy: bool, timeout_seconds: float, digest: bool = False
) -> dict[str, object]:
    """Return rows, definitions and counters of a database file. Raises ValueError when a table cannot be counted."""
    request = {"path": path, "copy": copy, "queries": [], "digest": digest}
    answer = ask(target, "database", request, timeout_seconds=timeout_seconds)
    if answer.trouble is not None or "census" not in answer.data:
        reason = answer.trouble.reason if answer.trouble is not None else said(answer.data.get("reason"))
        raise ValueError(reason or say("there is no file {path}", path=path))
    return facts_of(answer.data["census"])
