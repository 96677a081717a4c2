"""The ``mariadb`` verifier: the server answers without crutches, its tables are sound, and the rows are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged, Part
from drp.domain.local_time import require_zone
from drp.domain.phrase import fact, say, several
from drp_verifiers.clinical import section
from drp_verifiers.mariadb_census import FIRST, take
from drp_verifiers.mariadb_code import met
from drp_verifiers.mariadb_read import read_backup
from drp_verifiers.mariadb_session import SETTINGS, Connection, Session
from drp_verifiers.mariadb_system import CHECK, STATEMENT, look
from drp_verifiers.mariadb_tables import check_tables, judge_rows
from drp_verifiers.mariadb_whole import Allowed, compare, facts_of
from drp_verifiers.parts_mariadb import PARTS
from drp_verifiers.records import read_records
from drp_verifiers.records_options import MariaDbRecords
from drp_verifiers.statements import NoAnswer, judged, not_asked, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_IN_FORCE = (
    "innodb_force_recovery",
    "innodb_checksum_algorithm",
    "myisam_recover_options",
    "aria_recover_options",
    "event_scheduler",
)
"""What may hide damage or act by itself, and is therefore told; the first two may also be wrong."""
_VARIABLES = ", ".join(f"'{name}'" for name in _IN_FORCE)
_SERVER = f"{FIRST}SELECT VERSION();\nSHOW GLOBAL VARIABLES WHERE Variable_name IN ({_VARIABLES});"
_NO_CHECKSUMS = {"none", "strict_none"}
_MACHINES_ZONE = re.compile(r"'system'|system_time_zone|@@global\s*\.\s*time_zone", re.IGNORECASE)
_CONVERTS = re.compile(r"\bconvert_tz\s*\(", re.IGNORECASE)
_NAMED_ZONE = re.compile(r"'([A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDbOptions:
    """What may be said about a MariaDB or MySQL server."""

    database: str
    """Name of the database."""
    defaults_file: str = ""
    """Option file inside the sandbox with user, password and socket; relative to the restored tree. Of it no more is
    taken. Without it, socket and user: the administrator whom the runbook made, by the socket."""
    socket: str = ""
    """Socket of the server inside the sandbox."""
    user: str = ""
    """Account that asks."""
    tables: bool = True
    """Let the server check every table of the database."""
    digest: bool = False
    """For facts: digest the content of every row too, so that a drill compares it."""
    history_lost: tuple[str, ...] = ()
    """System-versioned tables whose past a dump leaves out by design; patterns as of shells."""
    sequences_behind: tuple[str, ...] = ()
    """Sequences and AUTO_INCREMENT tables whose next number may be below; patterns as of shells."""
    accounts_elsewhere: bool = False
    """Accounts, grants and loadable functions are made by something else than this backup: they are not judged."""
    newest: Newest | None = None
    """A query for the newest datum that the application dated, asked in UTC: ``assume_utc`` for a TIMESTAMP column,
    ``zone`` for a DATETIME column with production's local time."""

    @property
    def connection(self) -> Connection:
        """Return how the server is reached."""
        return Connection(database=self.database, defaults_file=self.defaults_file, socket=self.socket, user=self.user)


class MariaDbVerifier:
    """Looks at a server through its own client programs inside the sandbox."""

    name: ClassVar[str] = "mariadb"
    Options: ClassVar[type] = MariaDbOptions
    RecordOptions: ClassVar[type] = MariaDbRecords
    parts: ClassVar[tuple[Part, ...]] = PARTS
    gentle_options: ClassVar[Mapping[str, object]] = {"tables": False}
    """For a server in use: checking a table locks it."""

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield the rows of a declared query as they stream. Raises ValueError with the reason when they cannot."""
        assert isinstance(options, MariaDbRecords)
        connection = Connection(
            database=options.database,
            defaults_file=options.defaults_file,
            socket=options.socket,
            user=options.user,
        )
        words = Session(target, connection, expectation).words()
        argv = (*words, "--quick", "--column-names", options.database)
        yield from read_records(
            target,
            "records_command",
            {"argv": argv, "script": f"{SETTINGS}{options.query.strip().rstrip(';')};\n", "tabs": True},
            timeout_seconds=expectation.timeout_seconds,
        )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield how many rows the backup holds, and where a server of drp's own opens it, its newest datum."""
        assert isinstance(options, MariaDbOptions)
        for answer in read_backup(target, options.database, expectation):
            if not isinstance(answer, Session):
                yield answer
            elif options.newest is not None:
                found = replace(_newest(answer, options.newest), check="read-newest")
                if found.watermark is not None:
                    yield found

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield the server's state, whether it answers as one, rows, all beside them, the newest datum, soundness."""
        assert isinstance(options, MariaDbOptions)
        session = Session(target, options.connection, expectation)
        statement = fact("server-answers-not-forced", "the server answers, and was not forced to start")
        try:
            (version, *_), *rows = session.rows(_SERVER) or [["", ""]]
        except NoAnswer as silence:
            yield silence.trouble.result("server", statement, expected=fact("answer", "an answer"))
            yield from _not_asked(options, because="server")
            return
        found = {row[0]: row[-1] for row in rows}
        told = several(
            say("{setting} {value}", setting=name, value=found[name][:40] or say("off"))
            for name in _IN_FORCE
            if name in found
        )
        holds = (
            found.get("innodb_force_recovery") == "0"
            and found.get("innodb_checksum_algorithm", "").lower() not in _NO_CHECKSUMS
        )
        expected = fact("innodb-force-recovery-0", "innodb_force_recovery 0, and pages with checksums")
        yield judged(
            "server",
            statement,
            holds=holds,
            observed=fact(
                "server-version-settings", "version {version}, {settings}", version=version[:60], settings=told
            ),
            expected=expected,
        )
        faithful = True
        try:
            for answer in look(session):
                faithful = faithful and not (isinstance(answer, CheckResult) and answer.outcome != "passed")
                yield answer
        except NoAnswer as silence:
            faithful = False
            yield silence.trouble.result(CHECK, STATEMENT)
        yield from met(session)
        if not faithful:
            yield from _not_asked(options, because=CHECK)
            return
        yield from _whole(session, options)
        if options.newest is not None:
            answer = _newest(session, options.newest)
            yield answer if answer.watermark is not None else undated(answer)
        if options.tables:  # last: it reads everything, and damaged pages may end the server
            yield check_tables(session)

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return all that a database holds, for the manifest. Raises ValueError when a part cannot be read."""
        assert isinstance(options, MariaDbOptions)
        session = Session(target, options.connection, expectation)
        try:
            census = take(session, digest=options.digest)
        except NoAnswer as silence:
            raise ValueError(silence.trouble.reason) from None
        for table, rows in census.tables.items():
            if rows is None:  # facts with holes would let holes pass later
                raise ValueError(say("{table}: {why}", table=table, why=census.trouble[table].reason))
        if not census.tables and not any(census.objects.values()):
            raise ValueError(say("{database} has no table", database=options.database))
        return {"mariadb": {options.database: facts_of(census)}}


_NEEDS = {
    "server": fact("needs-believable-server", "needs a server that can be believed"),
    CHECK: fact("needs-believable-system", "needs a system that can be believed"),
}


def _not_asked(options: MariaDbOptions, *, because: str) -> Iterator[CheckResult]:
    """Yield the statements that are not even asked."""
    for check in ("tables", "counts", "objects", "accounts", "newest"):
        if (check == "newest" and options.newest is None) or (check == "tables" and not options.tables):
            continue
        unseen = not_asked(check, _NEEDS[because], because=because)
        yield undated(unseen) if check == "newest" else unseen


def _whole(session: Session, options: MariaDbOptions) -> Iterator[CheckResult | NotJudged]:
    database = options.database
    found = section(session.expectation, "mariadb").get(database)
    facts = found if isinstance(found, Mapping) else {}
    digest = isinstance(facts.get("digests"), Mapping) and facts.get("rule") != "at-least"
    try:
        census = take(session, digest=digest)
    except NoAnswer as silence:
        statement = fact(
            "tables-hold-rows-they",
            "the tables of {database} hold the rows they held at backup time",
            database=database,
        )
        yield silence.trouble.result(
            "counts", statement, expected=fact("every-table-can-counted", "every table can be counted")
        )
        return
    yield judge_rows(database, census, facts)
    allowed = Allowed(
        history_lost=options.history_lost,
        sequences_behind=options.sequences_behind,
        accounts_elsewhere=options.accounts_elsewhere,
    )
    yield from compare(database, census, facts, allowed)


def _store(connection: Connection) -> str:
    return f"mariadb {connection.socket or connection.defaults_file or 'local'}/{connection.database}"


def _newest(session: Session, newest: Newest) -> CheckResult:
    statement = fact("newest-datum", "the newest datum")
    if _MACHINES_ZONE.search(newest.query):
        observed = fact(
            "query-asks-zone-machine",
            "the query asks in the zone of the machine, which is not production's: say `zone` instead",
        )
        return undetermined("newest", statement, observed=observed)
    try:
        if unknown := _unknown_zone(session, newest.query):
            observed = fact(
                "server-knows-no-zone",
                "the server knows no zone {unknown} (its zone tables may be empty): say `zone` instead of CONVERT_TZ",
                unknown=unknown,
            )
            return undetermined("newest", statement, observed=observed)
        rows = session.rows(newest.query.strip().rstrip(";") + "\n;")
    except NoAnswer as silence:
        return undetermined("newest", statement, observed=silence.trouble.reason)
    if len(rows) > 1 or (rows and len(rows[0]) != 1):
        return undetermined("newest", statement, observed=fact("not-one-row-with", "not one row with one column"))
    text = rows[0][0] if rows else "NULL"
    return judge(None if text == "NULL" else text, newest, session.expectation, store=_store(session.connection))


def _unknown_zone(session: Session, query: str) -> str:
    """Return a zone that the query converts from or to and the server does not know: it would answer NULL."""
    if not _CONVERTS.search(query):
        return ""
    zone: str
    for zone in filter(_is_zone, dict.fromkeys(_NAMED_ZONE.findall(query))):
        rows = session.rows(f"SELECT CONVERT_TZ('2000-01-01 00:00:00', '{zone}', '+00:00') IS NULL;")
        if rows != [["0"]]:
            return zone
    return ""


def _is_zone(word: str) -> bool:
    try:
        require_zone(word)
    except ValueError:
        return False
    return True
