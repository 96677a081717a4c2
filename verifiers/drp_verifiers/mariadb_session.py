"""Asks a MariaDB or MySQL server inside the sandbox through its own client, in a session that nothing restored sets.

Restored option files, ``init_connect`` and global settings may choose another zone, a limit of rows or a moment of the
past for every session. Ours sets its own first, ends with a word that nobody knows before, and says beside it what was
in force in the end: rows without that end are no answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from drp.domain.check import CheckOutcome, Commands, Execution, Expectation
from drp.domain.phrase import Phrase, fact, quoted
from drp_verifiers.clinical import inside, trouble_of
from drp_verifiers.inside import PYTHON, whole_program
from drp_verifiers.mariadb_said import said_of
from drp_verifiers.statements import NoAnswer, Trouble, why_it_ended

SETTINGS = """SET NAMES utf8mb4;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET SESSION time_zone = '+00:00', sql_select_limit = 18446744073709551615, timestamp = DEFAULT;
SET SESSION sql_big_selects = 1, completion_type = 0, autocommit = 1;
/*M!100100 SET SESSION max_statement_time = 0 */;
/*M!100300 SET SESSION system_versioning_asof = DEFAULT */;
"""
"""What every session begins with. TIMESTAMP columns are shown in the session's zone; the machine's may be any. What a
transaction prepared and never ended (XA) is seen by those who read uncommitted rows.
"""
_MADE = (
    "'' /*M!100000 , (SELECT variable_value FROM information_schema.session_status"
    " WHERE variable_name = 'COM_CREATE_TEMPORARY_TABLE') */"
)
"""How many temporary tables were made for this session before it asked: one hides the table that has its name."""
KEY = "/data/sockets/mysqld.cnf"
_EARLIER_KEY = "/run/drp-mariadb/client.cnf"
"""Where the runbook of an earlier drp left it, as applications' files still say."""
_NONE_MADE = ([""], ["", "0"])
_IN_FORCE = "@@session.time_zone, '' /*M!100300 , @@session.system_versioning_asof */"
_WANTED = (["+00:00", ""], ["+00:00", "", "DEFAULT"])
_ERROR = re.compile(r"ERROR (\d{1,5})\b")
_NOT_ABOUT_THE_DATA = {1040, 1044, 1045, 1064, 1142, 1143, 1203, 1205, 1227, 1286, 1317, 1370, 1698, 1792, 1969}
"""Errors that tell of the query, the user, the clock, or a storage engine that is not installed where drills run."""
_LONGEST = 300

Rows = list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a server is reached inside the sandbox; no password ever travels in arguments."""

    database: str
    defaults_file: str = ""
    """Option file inside; relative to the restored tree. Empty: none, and not those of the sandbox's image."""
    socket: str = ""
    user: str = ""

    @property
    def by_its_key(self) -> Connection:
        """Return the same; where nothing is said, as the runbook's administrator, with the key beside the socket.

        Where there is no key, as on production, that is the same as nothing.
        """
        if self.defaults_file == _EARLIER_KEY:
            return replace(self, defaults_file=KEY)
        return self if self.defaults_file or self.socket or self.user else replace(self, defaults_file=KEY)


@dataclass(frozen=True, slots=True)
class Session:
    """Asks a server through its own client program."""

    target: Commands
    connection: Connection
    expectation: Expectation

    def words(self) -> list[str]:
        """Return how the client is called; what comes later outranks the option file."""
        asked = self.connection.by_its_key
        file = inside(asked.defaults_file, self.expectation)
        words = [PYTHON, "-I", "-c", whole_program("mariadb_client"), file] if file else ["mariadb", "--no-defaults"]
        words += [f"--socket={asked.socket}"] if asked.socket else []
        words += [f"--user={asked.user}"] if asked.user else []
        words += ["--batch", "--delimiter=;", "--skip-force", "--default-character-set=utf8mb4"]
        return [*words, "--skip-local-infile"]

    def rows(self, sql: str) -> list[list[str]]:
        """Return rows as lists of cells, as the client shows them. Raises NoAnswer."""
        return [line.split("\t") for line in self.lines(sql)]

    def each(self, statements: Sequence[str], *, first: str = "", after: str = "") -> list[Rows | Trouble]:
        """Return the rows of every statement, or why it has none: one that breaks off takes no other's rows away.

        ``first`` prepares the session, ``after`` follows each statement. Raises NoAnswer where nothing is answered.
        """
        word = secrets.token_hex(16)
        asked = "".join(
            f"{sql}\n;\nSELECT '{word}', {number}, @@error_count;\n{after}" for number, sql in enumerate(statements)
        )
        argv = (*self.words(), "--force", "--skip-reconnect", "--skip-column-names", self.connection.database)
        script = f"{SETTINGS}SELECT '{word}', {_MADE};\n{first}{asked}SELECT '{word}', {_IN_FORCE}, {_MADE};\n"
        execution = self.target.run(argv, stdin=script.encode(), timeout_seconds=self.expectation.timeout_seconds)
        if (trouble := trouble_of("mariadb", execution)) is not None:
            raise NoAnswer(trouble)
        complaints = [line for line in execution.stderr.decode("utf-8", "replace").splitlines() if _ERROR.match(line)]
        pieces = _pieces(execution.stdout.decode("utf-8", "replace").split("\n")[:-1], word)
        if (end := next(pieces, None)) is None or end[0] or end[1] not in _NONE_MADE:
            if complaints:
                raise NoAnswer(_complaint(complaints[0]))
            if end is None and execution.exit_code != 0:
                raise NoAnswer(Trouble(outcome="undetermined", reason=_words(execution)))
            raise NoAnswer(_not_as_asked(end[1] if end is not None else []))
        found: list[Rows | Trouble] = []
        said = iter(complaints)
        for rows, mark in pieces:
            if len(mark) == 2 and mark[0] == str(len(found)) and len(found) < len(statements):
                found.append(rows if mark[1] == "0" else _complaint(next(said, "")))
            elif not any(mark == [*wanted, *made] for wanted in _WANTED for made in _NONE_MADE):
                reason = fact(
                    "session-changed-while-asked",
                    "the session was changed while it was asked: {end}",
                    end=" ".join(mark)[:80],
                )
                raise NoAnswer(Trouble(outcome="undetermined", reason=reason))
        if len(found) < len(statements):  # the server died over this one, and nobody can say of the others
            found.append(_complaint(next(said, "")))
        gone = Trouble(
            outcome="undetermined",
            reason=fact("server-gone-before-could", "the server was gone before it could be asked"),
        )
        return [*found, *[gone] * (len(statements) - len(found))]

    def lines(self, sql: str) -> list[str]:
        """Return rows as lines. Raises NoAnswer for an error, and for an answer that is not framed as it was asked."""
        word = secrets.token_hex(16)
        script = f"{SETTINGS}SELECT '{word}', {_MADE};\n{sql}\nSELECT '{word}', {_IN_FORCE};\n"
        argv = (*self.words(), "--skip-column-names", self.connection.database)
        execution = self.target.run(argv, stdin=script.encode(), timeout_seconds=self.expectation.timeout_seconds)
        if (trouble := trouble_of("mariadb", execution)) is not None:
            raise NoAnswer(trouble)
        if execution.exit_code != 0:
            raise NoAnswer(Trouble(outcome=_outcome(execution), reason=_words(execution)))
        lines = execution.stdout.decode("utf-8", "replace").split("\n")[:-1]
        begin, end = (lines[at].split("\t") if lines else [""] for at in (0, -1))
        if len(lines) < 2 or begin[0] != word or end[0] != word or begin[1:] not in _NONE_MADE:
            raise NoAnswer(_not_as_asked(begin[1:]))
        if end[1:] not in _WANTED:
            reason = fact(
                "session-changed-while-asked",
                "the session was changed while it was asked: {end}",
                end=" ".join(end[1:])[:80],
            )
            raise NoAnswer(Trouble(outcome="undetermined", reason=reason))
        return lines[1:-1]


def _not_as_asked(begun: Sequence[str]) -> Trouble:
    """Return why a session is none of ours; ``begun`` is what was said of it first."""
    reason = fact(
        "client-did-not-answer", "the client did not answer as it was asked: look at the options in defaults_file"
    )
    if len(begun) == 2 and begun[1] != "0":
        reason = fact(
            "server-makes-temporary-tables",
            "the server makes temporary tables for every session, which hide those of the backup: init_connect",
        )
    return Trouble(outcome="undetermined", reason=reason)


def _pieces(lines: Sequence[str], word: str) -> Iterator[tuple[Rows, list[str]]]:
    """Yield rows up to each line that begins with the word, and what that line says."""
    rows: Rows = []
    for line in lines:
        cells = line.split("\t")
        if cells[0] == word:
            yield rows, cells[1:]
            rows = []
        else:
            rows.append(cells)


def _complaint(said: str) -> Trouble:
    """Return what the server said of one statement."""
    found = _ERROR.match(said)
    unasked = found is None or int(found[1]) in _NOT_ABOUT_THE_DATA
    return Trouble(
        outcome="undetermined" if unasked else "failed",
        reason=quoted(_veiled(said)) or fact("no-answer", "no answer"),
    )


def error_number(execution: Execution) -> int:
    """Return the number of the server's first error, 0 if the client shows none."""
    found = _ERROR.search(execution.stderr.decode("utf-8", "replace"))
    return int(found[1]) if found else 0


def _outcome(execution: Execution) -> CheckOutcome:
    return "undetermined" if error_number(execution) in _NOT_ABOUT_THE_DATA else "failed"


def _words(execution: Execution) -> Phrase:
    """Return the server's words without what may be a patient's: what it quotes after ``near`` or as a value."""
    ended = fact("mariadb-ended-with", "mariadb ended with {exit_code}", exit_code=str(execution.exit_code))
    return said_of(execution) or quoted(_veiled(why_it_ended(execution))) or ended


def _veiled(words: str) -> str:
    return re.sub(r"( near |Duplicate entry |value: )'.*", r"\1…", words)[:_LONGEST]
