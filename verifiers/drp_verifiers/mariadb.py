"""The ``mariadb`` verifier: the server answers without crutches, its tables are sound, and the rows are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import CheckResult, Execution, Expectation, Target
from drp_verifiers.clinical import inside, judge_counts, section, trouble_of
from drp_verifiers.records import read_records
from drp_verifiers.records_options import MariaDbRecords
from drp_verifiers.statements import failed, judged, last_words, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_TABLES = (
    "SELECT CONCAT('SELECT ''', REPLACE(table_name, '''', ''''''), ''', COUNT(*) FROM `', "
    "REPLACE(table_name, '`', '``'), '`;') FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
)
"""Makes the statements that count, quoted by the server: names come out of the backup."""
_SOUND = ("OK", "Table is already up to date")


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDbOptions:
    """What may be said about a MariaDB or MySQL server."""

    database: str
    defaults_file: str = ""
    """Option file inside the sandbox with user, password and socket; relative to the restored tree."""
    socket: str = ""
    user: str = ""
    tables: bool = True
    """Let the server check every table of the database."""
    newest: Newest | None = None
    """A query for the newest datum that the application dated; MariaDB has no zones, so say ``assume_utc`` if it is."""


@dataclass(frozen=True, slots=True)
class Session:
    """Asks a server through its own client program."""

    target: Target
    options: MariaDbOptions
    expectation: Expectation

    def run(self, program: str, *arguments: str, stdin: bytes = b"") -> Execution:
        """Run a client program inside; no password ever travels in its arguments."""
        return self.target.run(
            (*self.words(program), *arguments), stdin=stdin, timeout_seconds=self.expectation.timeout_seconds
        )

    def words(self, program: str) -> list[str]:
        """Return how a client program is called."""
        options = self.options
        words = [program]
        # without one, the option files of the sandbox's image would decide
        file = inside(options.defaults_file, self.expectation)
        words.append(f"--defaults-file={file}" if file else "--no-defaults")
        words += [f"--socket={options.socket}"] if options.socket else []
        words += [f"--user={options.user}"] if options.user else []
        return words

    def query(self, sql: str) -> Execution:
        """Run SQL read-only and return rows as tab-separated lines."""
        script = f"SET SESSION TRANSACTION READ ONLY;\n{sql}\n"
        return self.run("mariadb", "--batch", "--skip-column-names", self.options.database, stdin=script.encode())


class MariaDbVerifier:
    """Looks at a server through its own client programs inside the sandbox."""

    name: ClassVar[str] = "mariadb"
    Options: ClassVar[type] = MariaDbOptions
    RecordOptions: ClassVar[type] = MariaDbRecords
    gentle_options: ClassVar[Mapping[str, object]] = {"tables": False}
    """For a server in use: checking a table locks it."""

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield the rows of a declared query as they stream. Raises ValueError with the reason when they cannot."""
        assert isinstance(options, MariaDbRecords)
        connection = MariaDbOptions(
            database=options.database,
            defaults_file=options.defaults_file,
            socket=options.socket,
            user=options.user,
        )
        argv = (*Session(target, connection, expectation).words("mariadb"), "--batch", "--quick", options.database)
        settings = "SET SESSION TRANSACTION READ ONLY;\nSET SESSION time_zone = '+00:00';\n"
        yield from read_records(
            target,
            "records_command",
            {"argv": argv, "script": f"{settings}{options.query.strip().rstrip(';')};\n", "tabs": True},
            timeout_seconds=expectation.timeout_seconds,
        )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult]:
        """Yield the server's state, sound tables, rows and newest datum."""
        assert isinstance(options, MariaDbOptions)
        session = Session(target, options, expectation)
        execution = session.query("SELECT VERSION(), @@innodb_force_recovery;")
        statement = "the server answers, and was not forced to start"
        trouble = trouble_of("mariadb", execution)
        if trouble is not None or execution.exit_code != 0:
            if trouble is not None:
                yield trouble.result("server", statement)
            else:
                yield failed("server", statement, observed=last_words(execution), expected="an answer")
            for check in ("tables", "counts", "newest"):
                unseen = undetermined(check, "needs a server that answers", observed="the server did not answer")
                yield undated(unseen) if check == "newest" else unseen
            return
        cells = _rows(execution)[0] if _rows(execution) else [""]
        observed = f"version {cells[0][:60]}, innodb_force_recovery {cells[-1][:4]}"
        yield judged("server", statement, holds=cells[-1] == "0", observed=observed, expected="innodb_force_recovery 0")
        if options.tables:
            yield _tables(session)
        yield _counts(session)
        if options.newest is not None:
            found = _newest(session, options.newest)
            yield found if found.watermark is not None else undated(found)

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return the rows of every table, for the manifest. Raises ValueError when they cannot be counted."""
        assert isinstance(options, MariaDbOptions)
        execution, found = _count(Session(target, options, expectation))
        if execution.exit_code != 0 or not found:
            raise ValueError(last_words(execution) or f"{options.database} has no table")
        return {"mariadb": {options.database: {"counts": found, "rule": "exact"}}}


def _rows(execution: Execution) -> list[list[str]]:
    return [line.split("\t") for line in execution.stdout.decode("utf-8", "replace").splitlines() if line]


def _tables(session: Session) -> CheckResult:
    statement = f"the server finds every table of {session.options.database} sound"
    execution = session.run("mariadb-check", "--check", "--extended", session.options.database)
    if (trouble := trouble_of("mariadb-check", execution)) is not None:
        return trouble.result("tables", statement)
    lines = [line.strip() for line in execution.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    bad = [line for line in lines if not line.endswith(_SOUND)]
    if execution.exit_code != 0 or bad:
        said = "; ".join(bad)[:400] or last_words(execution)
        return failed("tables", statement, observed=said, expected="OK for each")
    return judged("tables", statement, holds=bool(lines), observed=f"{len(lines)} tables", expected="OK for each")


def _count(session: Session) -> tuple[Execution, dict[str, int]]:
    """Return how the counting ended, and the rows of every table."""
    made = session.query(_TABLES)
    execution = session.query(made.stdout.decode("utf-8", "replace")) if made.exit_code == 0 else made
    rows = _rows(execution) if execution.exit_code == 0 else []
    return execution, {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _counts(session: Session) -> CheckResult:
    database = session.options.database
    statement = f"the tables of {database} hold the rows they held at backup time"
    execution, found = _count(session)
    if (trouble := trouble_of("mariadb", execution)) is not None:
        return trouble.result("counts", statement)
    if execution.exit_code != 0:
        return failed("counts", statement, observed=last_words(execution), expected="every table can be counted")
    if not found:
        return failed("counts", statement, observed="there is no table", expected="restored tables")
    facts = section(session.expectation, "mariadb").get(database)
    return judge_counts("counts", statement, found, facts if isinstance(facts, Mapping) else {})


def _store(options: MariaDbOptions) -> str:
    return f"mariadb {options.socket or options.defaults_file or 'local'}/{options.database}"


def _newest(session: Session, newest: Newest) -> CheckResult:
    execution = session.query(newest.query.strip().rstrip(";") + ";")
    if (trouble := trouble_of("mariadb", execution)) is not None:
        return trouble.result("newest", "the newest datum")
    if execution.exit_code != 0:
        return undetermined("newest", "the newest datum", observed=last_words(execution))
    rows = _rows(execution)
    if len(rows) > 1 or (rows and len(rows[0]) != 1):
        return undetermined("newest", "the newest datum", observed="not one row with one column")
    text = rows[0][0] if rows else "NULL"
    return judge(None if text == "NULL" else text, newest, session.expectation, store=_store(session.options))
