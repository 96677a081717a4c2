"""Counts the rows of a PostgreSQL backup apart from the restored server: from its dumps, or from a cold copy.

Nothing restored is running then. Dumps are read as text; a data directory is opened by a server of this machine with
its own settings, on a copy, for applications that the hospital does not work without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged
from drp.domain.phrase import NOTHING, Phrase, counted, fact, say, several
from drp_verifiers.amounts import listed
from drp_verifiers.counts import TableCounts, compare, expected_counts
from drp_verifiers.definitions import as_mapping
from drp_verifiers.inside import ask, text_of, texts_of
from drp_verifiers.postgres_catalogue import FOLDERS, departure
from drp_verifiers.postgres_said import said
from drp_verifiers.statements import failed, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

PART = say("rows, read apart from the restored server")
_OF_THE_LOG = ("wal_archive", "wal_stream", "recovery_target_time", "copied_while_running")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestRow:
    """The column that dates a table's rows, to be read from the backup itself."""

    table: str
    """``schema.table``."""
    column: str
    """A timestamp with zone."""
    database: str = ""
    """Where the table is, if it is in several."""
    assume_utc: bool = False
    """Take timestamps without a zone as UTC; otherwise they cannot be judged."""
    zone: str = ""
    """Or the zone of production's clocks, such as ``Europe/Paris``: of two instants that fit, the older counts."""
    canary: bool = False
    """The rows are drp's heartbeats, so their age is not idle time."""
    clock_skew_seconds: float = 0.0
    """How far the application's clock may have run ahead of the backup's and of the instant of the disaster."""

    def newest(self) -> Newest:
        """Return it as what is judged."""
        return Newest(
            query=f"{self.table}.{self.column}",
            assume_utc=self.assume_utc,
            zone=self.zone,
            canary=self.canary,
            clock_skew_seconds=self.clock_skew_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a check wants to know."""

    database: str | None
    tolerance: float
    newest: NewestRow | None
    binaries: str


def read(target: Target, asked: Asked, expectation: Expectation) -> Iterator[Answer]:
    """Yield what the bytes of the backup hold, or why they could not be read by themselves."""
    inputs = expectation.inputs
    dumps = inputs.get("dumps")
    if isinstance(dumps, str) and dumps:
        folder = f"{expectation.restored_root}/{dumps}"
        request: dict[str, object] = {"folder": folder, "newest": _wanted(asked.newest)}
        answer = ask(target, "postgres_dump_rows", request, timeout_seconds=expectation.timeout_seconds)
        found = _of_dumps(answer.data.get("dumps"))
    elif why := _why_not(inputs, expectation):
        yield from _left(asked, why)
        return
    else:
        folder = _data_folder(target, expectation)
        request = {"data": folder, "newest": _wanted(asked.newest), "seconds": expectation.timeout_seconds}
        request["programs"] = asked.binaries
        answer = ask(target, "postgres_cold_rows", request, timeout_seconds=expectation.timeout_seconds)
        found = {name: as_mapping(told) for name, told in as_mapping(answer.data.get("databases")).items()}
    trouble = answer.trouble.reason if answer.trouble is not None else said(answer.data.get("lacking"))
    if trouble:
        yield from _left(asked, trouble)
        return
    yield from _judged(found, asked, expectation)


def _why_not(inputs: Mapping[str, object], expectation: Expectation) -> Phrase:
    """Return why a data directory is not opened by itself; empty: it is."""
    if expectation.tier > 1:
        return fact(
            "only-data-directories-tiers",
            "only data directories of tiers 0 and 1 are opened once more, and this is of tier {tier}",
            tier=expectation.tier,
        )
    named = [name for name in _OF_THE_LOG if inputs.get(name)]
    if not named:
        return NOTHING
    return fact("state-of-a-recovery", "its state is that of a recovery, which needs {inputs}", inputs=several(named))


def _left(asked: Asked, why: Phrase) -> Iterator[Answer]:
    yield NotJudged(part=PART, why=why)
    if asked.newest is not None:
        yield undated(undetermined("newest-read", _statement(asked.newest), observed=why))


def _statement(newest: NewestRow) -> Phrase:
    return fact(
        "newest-datum-backup-s",
        "the newest datum in the backup's own bytes: {table}.{column}",
        table=newest.table,
        column=newest.column,
    )


def _wanted(newest: NewestRow | None) -> list[str] | None:
    return None if newest is None else [newest.table, newest.column, newest.database]


def _data_folder(target: Target, expectation: Expectation) -> str:
    named = expectation.inputs.get("data_directory")
    root = expectation.restored_root
    names = (named,) if isinstance(named, str) and named else FOLDERS
    for name in names:
        if target.run(("/usr/bin/test", "-f", f"{root}/{name}/PG_VERSION"), timeout_seconds=20).exit_code == 0:
            return f"{root}/{name}"
    return f"{root}/{names[0]}"


def _of_dumps(value: object) -> dict[str, Mapping[str, object]]:
    """Return what each dump holds by its database; one that cannot be read under its file's name."""
    found: dict[str, Mapping[str, object]] = {}
    for one in map(as_mapping, value if isinstance(value, list) else []):
        found[text_of(one, "database") or f"({text_of(one, 'name')})"] = one
    return found


def _judged(found: Mapping[str, Mapping[str, object]], asked: Asked, expectation: Expectation) -> Iterator[Answer]:
    expected = as_mapping(as_mapping(expectation.facts.get("postgres")).get("databases"))
    if not expected:
        yield NotJudged(
            part=PART, why=fact("manifest-keeps-no-facts-compare", "the manifest keeps no facts to compare with")
        )
    for name, told in sorted(found.items()) if expected else ():
        if asked.database in (None, name) or name.startswith("("):
            yield from _of_database(name, told, expected.get(name), asked.tolerance)
    for name in sorted(expected.keys() - found.keys()):
        if asked.database in (None, name) and any((expected_counts(expected[name]) or {}).values()):
            yield failed(
                f"rows-read {name}",
                _holds_rows(name),
                observed=fact("holds-nothing", "it holds nothing of {name}", name=name),
                basis="counted",
            )
    if asked.newest is not None:
        yield _newest(found, asked.newest, expectation)


def _holds_rows(name: str) -> Phrase:
    return fact(
        "backup-itself-holds-rows", "the backup itself holds the rows that {name} held at backup time", name=name
    )


def _of_database(name: str, told: Mapping[str, object], facts: object, tolerance: float) -> Iterator[CheckResult]:
    check, statement = f"rows-read {name}", _holds_rows(name)
    if unread := said(told.get("unread")):
        yield failed(check, statement, observed=unread, basis="counted")
        return
    differences = told.get("differences")
    if isinstance(differences, list) and differences:
        wrong = [departure(*map(str, one)) for one in differences if isinstance(one, list) and len(one) == 3]
        observed = fact(
            "catalogue-not-new-server", "its catalogue is not that of a new server: {wrong}", wrong=listed(wrong)
        )
        yield failed(check, statement, observed=observed, basis="counted")
        return
    if unexpected := said(told.get("unexpected")):
        observed = fact(
            "dump-holds-something-else",
            "the dump holds something else among its rows: {unexpected}",
            unexpected=unexpected,
        )
        yield failed(check, statement, observed=observed, basis="counted")
        return
    if told.get("statements") is True:
        observed = fact("rows-written-as-statements", "its rows are written as statements, which are not counted here")
        yield undetermined(check, statement, observed=observed, basis="counted")
        return
    rows = expected_counts(facts)
    if rows is None:
        observed = fact("there-no-facts-compare", "there are no facts to compare with")
        yield undetermined(check, statement, observed=observed, basis="counted")
        return
    found = _counted(told, facts)
    absent = sorted(table for table in rows.keys() - found.keys())
    if absent and (told.get("extensions") is True or found.keys() - rows.keys()):
        # an extension's own tables are filled by itself, partitions may have been dumped through their parent
        observed = fact(
            "rows-not-by-name",
            "the rows of {absent} are not in it by that name: an extension's, or dumped with a parent",
            absent=listed(absent),
        )
        yield undetermined(check, statement, observed=observed, basis="counted")
        return
    for result in compare("", TableCounts(tables=found), rows, tolerance=tolerance):
        yield replace(result, check=check, statement=statement)


def _counted(told: Mapping[str, object], facts: object) -> dict[str, int]:
    """Return rows by table, without those that are lost by design."""
    beside = as_mapping(as_mapping(facts).get("unlogged"))
    tables = as_mapping(told.get("tables")).items()
    return {table: number for table, number in tables if isinstance(number, int) and table not in beside}


def _newest(found: Mapping[str, Mapping[str, object]], newest: NewestRow, expectation: Expectation) -> CheckResult:
    asked = [(name, told) for name, told in found.items() if told.get("asked") is True]
    values = [value for _, told in asked for value in texts_of(told, "newest")]
    if not asked or len(asked) > 1:
        observed = (
            counted(
                "several-databases-hold",
                "{n} database holds {table}: name its database",
                "{n} databases hold {table}: name its database",
                len(asked),
                table=newest.table,
            )
            if asked
            else fact("no-database-read", "no database was read")
        )
        return undated(undetermined("newest-read", _statement(newest), observed=observed))
    either: list[str | None] = [*values] or [None]
    results = [
        judge(value, newest.newest(), expectation, store=f"postgres backup/{asked[0][0]}", check="newest-read")
        for value in either
    ]
    unclear = [result for result in results if result.watermark is None]
    best = max(results, key=lambda result: result.watermark.at.timestamp() if result.watermark is not None else 0)
    return replace(unclear[0] if unclear else best, statement=_statement(newest))
