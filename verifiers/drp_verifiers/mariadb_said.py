"""Words for what the programs inside answer about a MariaDB: they say codes and data."""

from __future__ import annotations

from drp.domain.check import Execution
from drp.domain.phrase import Phrase, Size, fact, quoted
from drp.domain.visible import one_line
from drp_verifiers.inside import told_at_end

_LONGEST = 300
_PLAIN = {
    "ends-in-statement": fact("dump-ends-in-statement", "the dump ends in the middle of a statement"),
    "ends-in-text": fact("dump-ends-in-text", "the dump ends in the middle of a text"),
    "ends-in-comment": fact("dump-ends-in-comment", "the dump ends in the middle of a comment"),
    "delimiter-unknown": fact("dump-delimiter-unknown", "a delimiter is set in a way that is not followed here"),
    "delimiter-inside": fact("dump-delimiter-inside", "a delimiter is set in the middle of a statement"),
    "tells-client": fact("dump-tells-client", "the dump tells the client something"),
    "updates": fact("dump-updates-rows", "rows are not only inserted, but update others"),
    "comments-nested": fact("dump-comments-nested", "comments that are carried out lie in one another"),
    "comment-no-end": fact("dump-comment-no-end", "a comment for another release has no end"),
    "comment-several": fact("dump-comment-several", "a comment for another release holds more than one statement"),
    "statement-in-rows": fact("dump-statement-in-rows", "a statement ends in the middle of its rows"),
    "statement-in-comment": fact(
        "dump-statement-in-comment", "a statement ends in the middle of a comment that is carried out"
    ),
    "no-statement": fact("dump-no-statement", "something that is no statement"),
    "transaction-open": fact("dump-transaction-open", "rows in a transaction that does not end"),
    "past": fact("dump-holds-past", "the dumps hold rows of the past too"),
    "made-of-another": fact("dump-table-of-table", "is made of another table"),
    "after-trigger": fact("dump-rows-after-trigger", "rows follow a trigger, which may act on them"),
    "too-long": fact("dumps-too-long", "the dumps are too long to be counted in the time that the check has"),
    "no-release": fact("server-says-no-release", "the server here does not say its release"),
    "links": fact("backup-holds-links", "the backup holds links or pipes, which are not opened a second time"),
    "plugin": fact("backup-needs-plugin", "the backup needs a plugin (encrypted pages), which is not loaded here"),
    "no-sql": fact("no-system-sql", "the SQL that makes a server's own tables is not installed where drills run"),
    "no-mariadbd": fact("no-mariadbd", "there is no program mariadbd where drills run"),
}
"""What is said without data."""


def said_of(execution: Execution) -> Phrase | None:
    """Return why drp's own server did not run a command; None: it is none of it."""
    told = told_at_end(execution)
    return None if told is None else said(told)


def said(told: object) -> Phrase:
    """Return the words for what a program said; what is none of its codes is quoted. Empty for nothing."""
    match told:
        case None | "":
            return quoted("")
        case ["words" | "verb", str(words)]:
            return quoted(_short(words))
        case [str(code)] if code in _PLAIN:
            return _PLAIN[code]
        case [str(code), *data]:
            return _of_statements(code, data) or _of_rows(code, data) or _of_servers(code, data) or _other(told)
        case _:
            return _other(told)


def _other(told: object) -> Phrase:
    return quoted(_short(told))


def _short(text: object) -> str:
    return one_line(str(text), _LONGEST)


def _of_statements(code: str, data: list[object]) -> Phrase | None:
    """Return what about the statements of a dump is not followed."""
    match code, data:
        case "character-set", [str(name)]:
            return fact("dump-character-set", "texts are written in {name}", name=_short(name))
    return None


def _of_rows(code: str, data: list[object]) -> Phrase | None:
    """Return what keeps the rows of a table, or all of them, from being counted."""
    match code, data:
        case "engine", [str(engine)]:
            return fact("dump-table-of-engine", "is a table of {engine}", engine=_short(engine))
        case "program-ended", [str(program), int(code_of_it)]:
            return fact(
                "unpacking-ended",
                "{program} ended with {exit_code}",
                program=_short(program),
                exit_code=str(code_of_it),
            )
    return None


def _of_servers(code: str, data: list[object]) -> Phrase | None:
    """Return why there is no server of drp's own."""
    match code, data:
        case "no-folder", [str(folder)]:
            return fact("no-such-backup-folder", "there is no {folder}", folder=_short(folder))
        case "too-large", [int(size), int(room)]:
            return fact(
                "backup-too-large-for-cell",
                "{size} do not fit into the memory of the cell, which has {room}",
                size=Size(size),
                room=Size(room),
            )
        case "not-prepared", [int(ended)]:
            return fact(
                "copy-not-prepared",
                "the copy could not be prepared: mariadb-backup ended with {exit_code}",
                exit_code=str(ended),
            )
        case "kind", [str(kind)]:
            return fact("backup-of-kind", "the backup is {kind}", kind=_short(kind))
        case "not-opened", [str(words)]:
            return fact(
                "own-server-cannot-open", "a server of drp's own cannot open the copy: {why}", why=_short(words)
            )
        case "not-made", [str(words)]:
            return fact("empty-server-not-made", "an empty server could not be made: {why}", why=_short(words))
    return None
