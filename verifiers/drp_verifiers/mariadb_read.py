"""Counts what a backup of a MariaDB holds before anything of it runs: in dumps, or under a server of drp's own.

Dumps are read as text. A physical backup is copied into the memory of the cell and opened there by a server that has
no grants, no network, no plugins and none of the restored settings: it runs nothing that was restored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from drp.domain.check import CheckResult, Execution, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, fact, joined, say
from drp_verifiers.amounts import has_had, listed, rows_of
from drp_verifiers.clinical import inside, section, whole_numbers
from drp_verifiers.definitions import as_mapping
from drp_verifiers.inside import PYTHON, ask, whole_program
from drp_verifiers.mariadb_census import take
from drp_verifiers.mariadb_said import said
from drp_verifiers.mariadb_session import Connection, Session
from drp_verifiers.mariadb_tables import judge_rows
from drp_verifiers.mariadb_whole import content
from drp_verifiers.statements import NoAnswer, judged

_TIER = 1
_SOCKET = "/tmp/own/socket"  # noqa: S108 - the cell's own, which is gone after the check
_SHARE = 0.8
"""Of the time that the check has, for reading dumps."""
SETTINGS = frozenset({"lower_case_table_names", "innodb_page_size", "innodb_data_file_path", "innodb_undo_tablespaces"})
"""What the application's file may say of the data that no server can open it without."""


def read_backup(target: Target, database: str, expectation: Expectation) -> Iterator[Answer | Session]:
    """Yield what was counted, and then the session with drp's own server, where there is one."""
    inputs, part = expectation.inputs, _part(database)
    facts = as_mapping(section(expectation, "mariadb").get(database))
    if inputs.get("binlog"):
        yield NotJudged(
            part=part,
            why=fact("binary-log-goes-after", "the binary log goes on after the backup, and is not carried out here"),
        )
    elif not whole_numbers(facts.get("tables", facts.get("counts"))):
        yield NotJudged(
            part=part, why=fact("manifest-keeps-no-counts-compare", "the manifest keeps no counts to compare with")
        )
    elif dumps := str(inputs.get("dumps") or ""):
        yield _dumps(target, database, facts, expectation, inside(dumps, expectation))
    elif expectation.tier > _TIER:
        yield NotJudged(
            part=part,
            why=fact(
                "copy-physical-backup-opened",
                "a copy of a physical backup is opened only for applications of tiers 0 and 1",
            ),
        )
    else:
        folder = inside(str(inputs.get("data_directory") or "base"), expectation)
        yield from _physical(target, database, facts, expectation, folder)


def _part(database: str) -> Phrase:
    return say("rows, read by drp, {database}", database=database)


def _dumps(
    target: Target, database: str, facts: Mapping[str, object], expectation: Expectation, folder: str
) -> CheckResult | NotJudged:
    seconds = expectation.timeout_seconds
    declared = str(expectation.inputs.get("dump_database") or "")
    request = {"folder": folder, "database": declared, "seconds": seconds * _SHARE}
    answer = ask(target, "mariadb_dump_rows", request, timeout_seconds=seconds)
    part = _part(database)
    if answer.trouble is not None:
        return NotJudged(part=part, why=answer.trouble.reason)
    odd = answer.data.get("why")
    if not isinstance(odd, list) or odd:
        told = joined(map(said, odd), ", ") if isinstance(odd, list) else fact("no-answer", "no answer")
        return NotJudged(
            part=part,
            why=fact(
                "what-dumps-cannot-counted",
                "what is in the dumps cannot be counted by reading them: {told}",
                told=told,
            ),
        )
    found = whole_numbers(as_mapping(answer.data.get("tables")).get(database))
    uncounted = as_mapping(as_mapping(answer.data.get("uncounted")).get(database))
    expected = whole_numbers(facts.get("tables", facts.get("counts")))
    at_least = facts.get("rule") == "at-least"
    wanted = rows_of(expected)
    off: list[Phrase] = []
    aside: list[Phrase] = []
    for table, had in sorted(expected.items()):
        has = found.get(table)
        if table in uncounted:
            aside.append(fact("table-with-why", "{table}: {why}", table=table, why=said(uncounted[table])))
        elif has is None:
            off.append(fact("table-in-no-dump", "{table} is in no dump, had {had}", table=table, had=had))
        elif has < had or (has != had and not at_least):
            off.append(has_had(table, has, had))
    if aside and not off:
        return NotJudged(part=part, why=listed(aside))
    return judged(
        "read-counts",
        fact("dumps-hold-rows-held", "the dumps hold the rows that {database} held at backup time", database=database),
        holds=not off,
        observed=listed(off) or fact("rows-counted-in-text", "{amount}, counted in the text", amount=rows_of(found)),
        expected=fact("at-least-rows", "at least {amount}", amount=wanted) if at_least else wanted,
        basis="counted",
    )


def _physical(
    target: Target, database: str, facts: Mapping[str, object], expectation: Expectation, folder: str
) -> Iterator[Answer | Session]:
    settings = {
        str(name): str(value)
        for name, value in as_mapping(expectation.inputs.get("settings")).items()
        if str(name).replace("-", "_") in SETTINGS
    }
    session = Session(
        OwnServer(target, folder, settings), Connection(database=database, socket=_SOCKET, user="root"), expectation
    )
    digest = isinstance(facts.get("digests"), Mapping) and facts.get("rule") != "at-least"
    try:
        census = take(session, digest=digest)
    except NoAnswer as silence:
        yield NotJudged(part=_part(database), why=silence.trouble.reason)
        return
    yield replace(judge_rows(database, census, facts), check="read-counts")
    if digest:
        for answer in content(database, census, facts):
            yield replace(answer, check="read-content") if isinstance(answer, CheckResult) else answer
    yield session


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A target in which a server of drp's own answers, on a copy of restored data. It runs for each command alone."""

    target: Target
    folder: str
    settings: Mapping[str, str]

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command beside the server."""
        request = json.dumps({"folder": self.folder, "settings": dict(self.settings), "socket": _SOCKET})
        words = (PYTHON, "-I", "-c", whole_program("mariadb_own"), request, *argv)
        return self.target.run(words, stdin=stdin, timeout_seconds=timeout_seconds, environment=environment)
