"""The ``postgres`` verifier: the server answers, recovery is over, pages and indexes are sound, the rows are there.

It says nothing about the application on top, nor about what the backup never held: compare the watermark for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import Part
from drp.domain.phrase import fact, joined, quoted, several
from drp_verifiers.assertions import Assertion, judge_rows
from drp_verifiers.parts_postgres import PARTS
from drp_verifiers.postgres_catalogue import Catalogue, data_folders, look
from drp_verifiers.postgres_pages import check_checksums, check_indexes, read_pages
from drp_verifiers.postgres_read import Asked, NewestRow, read
from drp_verifiers.postgres_server import server_facts, texts
from drp_verifiers.postgres_session import Connection, Session, find_binaries
from drp_verifiers.postgres_tables import check_tables, databases
from drp_verifiers.postgres_whole import Allowed
from drp_verifiers.records import read_records
from drp_verifiers.records_options import PostgresRecords
from drp_verifiers.statements import NoAnswer, failed, judged, not_asked, passed, undetermined
from drp_verifiers.watermarks import Newest, judge, undated


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresOptions:
    """What may be said about a PostgreSQL server. The restored copy must let ``user`` in without a password."""

    host: str = "/data/sockets"
    """Directory of the server's socket, or an address: those that can do anything enter by the socket only."""
    port: int = 5432
    """Port of the server; it names the socket too."""
    user: str = "postgres"
    """Superuser of the restored server."""
    database: str | None = None
    """Judge this database only; otherwise all that take connections."""
    binaries: str = ""
    """Directory of the client programs inside; empty: the newest that is found."""
    catalogue: bool = True
    """Compare the server's own catalogue with a new cluster's before anything that it says is counted."""
    accepted_in_catalogue: tuple[str, ...] = ()
    """What production altered or added there on purpose; patterns as of shells over what a failure names."""
    amcheck: bool = True
    """Let the server check its indexes against their tables."""
    checksums: Literal["required", "if-enabled", "no"] = "if-enabled"
    """required: a server without data checksums fails · if-enabled: without them nothing is stated about pages."""
    row_counts: bool = True
    """Compare rows, objects and next numbers with the facts."""
    row_count_tolerance: float = 0.0
    """Share of its rows by which a table may differ from the facts, for backups taken under traffic."""
    unlogged_lost: tuple[str, ...] = ()
    """Unlogged tables that a base backup may bring back empty; patterns as of shells over ``schema.table``."""
    sequences_behind: tuple[str, ...] = ()
    """Sequences whose next number may be below one in use: production has it so, and nobody draws from them."""
    application_role: str = ""
    """Role that the application logs in as: without it nothing is proven; others that are missing are not judged."""
    newest: Newest | None = None
    """A query for the newest datum that the application dated."""
    newest_row: NewestRow | None = None
    """The same, read by drp from the backup itself before anything restored runs."""
    assertions: tuple[Assertion, ...] = ()
    """Queries for one value, and what each must be."""


class PostgresVerifier:
    """Looks at a PostgreSQL server through its own client programs."""

    name: ClassVar[str] = "postgres"
    Options: ClassVar[type] = PostgresOptions
    RecordOptions: ClassVar[type] = PostgresRecords
    parts: ClassVar[tuple[Part, ...]] = PARTS
    gentle_options: ClassVar[Mapping[str, object]] = {"catalogue": False, "amcheck": False, "checksums": "no"}
    """For systems that are in use: no extension is installed, no table locked, not everything read."""

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield the rows of a declared query as they stream. Raises ValueError with the reason when they cannot."""
        assert isinstance(options, PostgresRecords)
        session = Session(
            target,
            Connection(host=options.host, port=options.port, user=options.user, database=options.database),
            options.binaries or find_binaries(target),
            expectation.timeout_seconds,
        )
        try:
            settings = session.settings()
        except NoAnswer as silence:
            raise ValueError(silence.trouble.reason) from silence
        inner = options.query.strip().rstrip(";")
        sql = f"SELECT pg_catalog.row_to_json(q) FROM (\n{inner}\n) AS q"  # noqa: S608 - the plan's own query
        # in pieces: psql would otherwise hold the whole answer in the sandbox's memory
        words = ("-X", "-q", "-A", "-t", "--no-password", "-v", "FETCH_COUNT=5000", "-v", "ON_ERROR_STOP=1")
        argv = (session.tool("psql"), *words, "-d", options.database, "-c", sql)
        yield from read_records(
            target,
            "records_command",
            {"argv": argv, "script": "", "tabs": False},
            environment=session.environment(settings),
            timeout_seconds=expectation.timeout_seconds,
        )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield how many rows the bytes of the backup hold, and the newest datum in them, before anything runs."""
        assert isinstance(options, PostgresOptions)
        asked = Asked(
            database=options.database,
            tolerance=options.row_count_tolerance,
            newest=options.newest_row,
            binaries=options.binaries,
        )
        yield from read(target, asked, expectation)

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield its catalogue and state, rows and objects, newest datum, assertions, checksums, and damage at last.

        A server that does not answer fails its first statement and leaves the others undetermined.
        """
        assert isinstance(options, PostgresOptions)
        session = Session(
            target,
            Connection(
                host=options.host, port=options.port, user=options.user, database=options.database or "postgres"
            ),
            options.binaries or find_binaries(target),
            expectation.timeout_seconds,
        )
        maintenance = options.database or "postgres"
        try:
            server = server_facts(session, maintenance)
            names = (options.database,) if options.database else databases(session, maintenance)
        except NoAnswer as silence:
            yield silence.trouble.result(
                "server", fact("server-answers", "the server answers"), expected=fact("answer", "an answer")
            )
            for check in _declared(options):
                unseen = undetermined(
                    check,
                    fact("needs-server-answers", "needs a server that answers"),
                    observed=fact("server-did-not-answer", "the server did not answer"),
                )
                yield undated(unseen) if check == "newest" else unseen
            return
        if options.catalogue:
            catalogue = _catalogue(session, options, expectation, server)
            yield catalogue.result
            yield from catalogue.code
            if catalogue.altered:
                yield from _count_for_nothing(options)
                return
        yield from _server(server, options)
        if options.row_counts:
            version = server.get("version")
            yield from check_tables(
                session,
                names,
                expectation,
                all_databases=options.database is None,
                tolerance=options.row_count_tolerance,
                allowed=Allowed(unlogged_lost=options.unlogged_lost, sequences_behind=options.sequences_behind),
                version=version if isinstance(version, int) else 0,
                application_role=options.application_role,
            )
        yield from _declared_queries(session, options, maintenance, expectation)
        yield from _damage(session, options, maintenance, names, server)


def _catalogue(
    session: Session, options: PostgresOptions, expectation: Expectation, server: Mapping[str, object]
) -> Catalogue:
    version = server.get("version")
    number = version // 10000 if isinstance(version, int) else 0
    data, accepted = data_folders(expectation), options.accepted_in_catalogue
    return look(session, version=number, binaries=options.binaries, accepted=accepted, data=data)


def _count_for_nothing(options: PostgresOptions) -> Iterator[CheckResult]:
    """Yield that everything else is left open: the catalogue decides what any answer of this server means."""
    for check in ("server", "recovery", *_declared(options)):
        unseen = not_asked(
            check,
            fact("needs-own-catalogue", "needs a server whose catalogue is its own"),
            because="catalogue",
        )
        yield undated(unseen) if check == "newest" else unseen


def _damage(
    session: Session, options: PostgresOptions, maintenance: str, names: tuple[str, ...], server: Mapping[str, object]
) -> Iterator[CheckResult]:
    """Yield damage to pages and indexes: last, since a lock or their size may hold them up until the time is over."""
    checksums = options.checksums != "no" and server.get("checksums") is True
    read = read_pages(session, names) if checksums else None
    if read is not None and not read.unread:
        yield check_checksums(session, maintenance, read, everything_read=True)
    if options.amcheck:
        yield check_indexes(session, options.database, prepared=texts(server, "prepared"))
    if read is not None and read.unread:  # what the server counted while amcheck read is all that there is to know
        everything = options.amcheck and options.database is None
        yield check_checksums(session, maintenance, read, everything_read=everything)


def _declared(options: PostgresOptions) -> Iterator[str]:
    """Yield the name of every statement that the options ask for besides those about the server itself."""
    if options.amcheck:
        yield "amcheck"
    if options.row_counts:
        yield "row-counts"
    if options.newest is not None:
        yield "newest"
    yield from (f"assertion {assertion.name}" for assertion in options.assertions)
    if options.checksums != "no":
        yield "checksums"


def _server(server: dict[str, object], options: PostgresOptions) -> Iterator[CheckResult]:
    checksums = server.get("checksums") is True
    about = {"version": server.get("shown_version"), "timeline": str(server.get("timeline"))}
    observed = (
        fact("postgres-with-checksums", "PostgreSQL {version}, timeline {timeline}, checksums on", **about)
        if checksums
        else fact("postgres-without-checksums", "PostgreSQL {version}, timeline {timeline}, checksums off", **about)
    )
    if prepared := texts(server, "prepared"):
        told = fact(
            "prepared-transactions-nobody-has",
            "prepared transactions that nobody has ended: {prepared}",
            prepared=several(prepared),
        )
        observed = joined((observed, told))
    yield passed("server", fact("server-answers", "the server answers"), observed=observed)
    yield judged(
        "recovery",
        fact("recovery-finished-server-takes", "recovery is finished and the server takes writes"),
        holds=server.get("in_recovery") is False,
        observed=fact("recovery", "in recovery")
        if server.get("in_recovery") is not False
        else fact("not-recovery", "not in recovery"),
        expected=fact("not-recovery", "not in recovery"),
    )
    if options.checksums == "required" and not checksums:
        statement = fact("data-checksums-enabled", "data checksums are enabled")
        yield failed(
            "checksums",
            statement,
            observed=fact("off", "off"),
            expected=fact("enable-them-with-pg", "on: enable them with `pg_checksums --enable`"),
        )


def _declared_queries(
    session: Session, options: PostgresOptions, maintenance: str, expectation: Expectation
) -> Iterator[CheckResult]:
    if options.newest is not None:
        found = _newest(session, options.newest, maintenance, expectation)
        yield found if found.watermark is not None else undated(found)
    for assertion in options.assertions:
        try:
            rows = session.query(assertion.database or maintenance, assertion.sql)
        except NoAnswer as silence:
            yield silence.trouble.result(
                f"assertion {assertion.name}", quoted(assertion.name), expected=assertion.expected
            )
        else:
            yield judge_rows(assertion, rows, session.target, timeout_seconds=expectation.timeout_seconds)


def _newest(session: Session, newest: Newest, maintenance: str, expectation: Expectation) -> CheckResult:
    database, connection = newest.database or maintenance, session.connection
    store = f"postgres {connection.host}:{connection.port}/{database}"
    try:
        rows = session.query(database, newest.query)
    except NoAnswer as silence:
        return silence.trouble.result("newest", fact("newest-datum", "the newest datum"))
    match rows:
        case []:
            return judge(None, newest, expectation, store=store)
        case [dict(row)] if len(row) == 1:
            value = next(iter(row.values()))
            return judge(None if value is None else str(value), newest, expectation, store=store)
        case _:
            return undetermined(
                "newest",
                fact("newest-datum", "the newest datum"),
                observed=fact("not-one-row-with", "not one row with one column"),
            )
