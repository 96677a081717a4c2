"""What drp's own runbooks say, which run where drp is not: a closed table of words to be told in any language. Pure.

A text is found by all of it, a message with data in it by the message that the program names beside its English words.
What is in neither is data: the words of another runbook, or of restored software.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drp.domain import failures_of_mariadb, failures_of_postgres
from drp.domain.phrase import Phrase, fact, quoted
from drp.domain.runbook_words_clinical import PLAIN as CLINICAL
from drp.domain.runbook_words_clinical import WITH_DATA as CLINICAL_WITH_DATA
from drp.domain.visible import one_line
from drp.domain.worded import worded

_LONGEST = 300
PLAIN: Mapping[str, Phrase] = {
    str(one): one
    for one in (
        fact("folder-not-loaded", "a folder: files of the declared folder alone are loaded"),
        fact("folder-not-read", "a folder: files of the declared folder alone are read"),
        fact("link-not-followed", "a link, which is not followed"),
        fact("neither-file-nor-folder", "neither file nor folder"),
        fact("dump-otherwise-called", "a dump that is not called *.sql"),
        fact("no-known-sql-dump", "no dump that is known here: *.sql, or packed: .gz .bz2 .xz .zst .lz4"),
        fact("no-dump", "no dump"),
        fact("no-known-dump", "no dump that is known here"),
        fact("dump-folder-without-contents", "a folder without toc.dat: no dump that pg_restore reads"),
        fact("plain-dump-not-loaded", "a plain SQL dump, which is not loaded: dump with pg_dump -Fc or -Fd"),
        fact(
            "packed-dump-not-loaded",
            "packed, and not unpacked here: pg_dump -Fc and -Fd pack what they write themselves",
        ),
        fact("encrypted-without-key", "encrypted, and its key is not here"),
        fact(
            "loaded-perhaps-not-whole",
            "loaded, but it does not say whether it is whole: dump without --compact",
        ),
        fact(
            "loaded-in-other-zone",
            "loaded, but its TIMESTAMPs are in production's zone: dump without --skip-tz-utc",
        ),
        fact("set-by-load-set-back", "set for the whole server by what was loaded; set back"),
        fact(
            "events-switched-on",
            "what was loaded switched it on: events may have changed what came back",
        ),
        fact("replication-started-stopped", "what was loaded started it; stopped"),
        fact("no-binary-log-file", "no file of a binary log"),
        fact("no-known-binary-log-file", "no file of a binary log that is known here"),
        fact("binary-log-again", "the same file of the binary log again"),
        fact("administrator-not-closed", "administers the server, and could not be closed to the network"),
        fact(
            "administrator-closed",
            "administers the server; closed to the network here, which others share: see network_administrators",
        ),
        fact("engine-not-installed", "its storage engine is not installed where drills run"),
        fact("plugin-loaded-here", "loaded here; what it would do outside is caught"),
        fact("once", "once"),
        fact("replication", "replication"),
        fact("unit-second", "second"),
        fact("unit-minute", "minute"),
        fact("unit-hour", "hour"),
        fact("unit-day", "day"),
        fact("unit-week", "week"),
        fact("unit-month", "month"),
        fact("unit-quarter", "quarter"),
        fact("unit-year", "year"),
        fact("jobs-and-senders", "jobs and senders"),
        fact("library-not-loaded", "a library that works by itself; not loaded"),
        fact("library-left-out", "a library that is not installed where drills run; left out"),
        fact("recovery-conf-put-aside", "left by a version before 12, and put aside"),
        fact(
            "role-acts-on-machine",
            "can act on the machine: over TCP only from loopback and with its password",
        ),
        fact("loaded-as-superuser", "loaded as a superuser, since no other role could"),
        fact("behind-what-is-unread", "lies behind what cannot be read here"),
        fact("names-lost-segment", "names a segment that was not restored"),
        fact("functions-could-reach-out", "its functions could reach out, and have no way"),
        fact("made-by-pg-partman", "made by pg_partman"),
        fact("segment-copy", "a copy of a segment"),
        fact("none-of-the-log", "none of the log's files"),
        fact("no-regular-file", "is no regular file"),
    )
}


_OF_OURS = ("reason", "again", "unit")
"""Values that are words of the table themselves."""


WITH_DATA: Mapping[str, str] = dict(
    (
        worded("and-more", "{name} and {number} more"),
        worded("number-more", "{number} more"),
        worded("number-in-all", "{number} in all; the last: {last}"),
        worded("in-a-database", "{database}: {subject}"),
        worded("event-of", "event {name}"),
        worded("every-so-often", "every {number} {unit}"),
        worded("replication-of", "replication {name}"),
        worded("from-host", "from {host}"),
        worded("foreign-server", "foreign server {name}"),
        worded("foreign-server-of", "{database}: foreign server {name}"),
        worded("table-of", "table {name}"),
        worded("plugin-of", "plugin {name}"),
        worded("function-of", "function {name}"),
        worded("account-of", "account {name}"),
        worded("role-of", "role {name}"),
        worded("subscription-of", "subscription {name}"),
        worded("replication-slot-of", "replication slot {name}"),
        worded("extension-of", "{database}: extension {name}"),
        worded("event-trigger-of", "{database}: event trigger {name}"),
        worded("cron-job-of", "{database}: cron job {id}"),
        worded("timescaledb-job-of", "{database}: timescaledb job {id}"),
        worded("pgagent-job-of", "{database}: pgagent job {id}"),
        worded("partitions-of", "{database}: partitions of {id}"),
        worded("subscription-enabled", "of database {database}, enabled in production; no worker was started"),
        worded("subscription-disabled", "of database {database}, disabled; no worker was started"),
        worded("slot-kept-for", "kept for {kind} replication"),
        worded("user-mappings-reach-out", "{wrapper}, {number} user mappings: it could reach out, and has no way"),
        worded("event-not-set-off", "on {event}; checks do not set it off"),
        worded("rows-elsewhere", "{engine}: its rows lie elsewhere"),
        worded("library-absent", "there is no {library} where drills run"),
        worded("set-in-production", "set in production's {file}"),
        worded("production-has", "production has {theirs}, the drill {ours}"),
        worded("file-of-application-has", "the application's file has {theirs}, the drill {ours}"),
        worded("backup-file-has", "backup-my.cnf has {theirs}, the drill {ours}"),
        worded("set-otherwise", "set in the restored configuration; {ours} in the drill"),
        worded("set-to-otherwise", "{theirs} in the restored configuration; {ours} in the drill"),
        worded("locale-not-installed", "the locale {value} is not installed where drills run: C"),
        worded("could-not-be-listed", "could not be listed: {error}"),
        worded("not-all-listed", "not all could be listed: {error}"),
        worded(
            "taken-back-role-in-database",
            "{value} for role {role} in database {database}; taken back in the restored copy",
        ),
        worded("taken-back-role", "{value} for role {role}; taken back in the restored copy"),
        worded("taken-back-database", "{value} for database {database}; taken back in the restored copy"),
        worded("taken-back-all", "{value} for all roles; taken back in the restored copy"),
        worded("behind-the-target", "{reason}; it lies behind the target"),
        worded("goes-on-behind", "recovery ended at {position}, and {subject} goes on behind it"),
        worded(
            "ends-in-its-middle",
            "ends in its middle, at {position}, although it is whole by its name: its rest may be lost",
        ),
        worded(
            "ends-before-the-base",
            "ends with {segment}, before the base begins: it does not carry it forward",
        ),
        worded("second-copy-that", "a second copy that {reason}"),
        worded("line-left-before", "time line {line} left before the base"),
        worded("line-without-history", "time line {line} has no history"),
        worded("line-not-declared", "time line {line}: {wanted} is declared"),
        worded(
            "line-without-commit",
            "time line {line} holds no commit, while {other} goes on ({file}): declare timeline",
        ),
        worded("log-ends-in-event", "in the middle of an event, behind {end}; the transactions before are used"),
        worded(
            "log-ends-in-transaction",
            "in the middle of a transaction, behind {end}; the transactions before are used",
        ),
        worded("other-binary-log", "a binary log, but not {stem}, of which the backup speaks"),
        worded("cannot-be-compared", "{again}, and they cannot be compared: {failure}"),
        worded("unread-without-program", "cannot be read: there is no program {program} where drills run"),
        worded("unread-unknown-form", "cannot be read: {suffix} is a form unknown here"),
    )
)


KNOWN: Mapping[str, str] = {
    **WITH_DATA,
    **CLINICAL_WITH_DATA,
    **failures_of_mariadb.FAILURES,
    **failures_of_postgres.FAILURES,
}
"""Every message that may have data in it: its code."""


def words_of(text: str, said: object = None) -> Phrase:
    """Return what a runbook says: by its table where it is drp's own words, else quoted.

    ``said``: the message that the program names beside the text, with its data; both are untrusted.
    """
    match said:
        case {"message": str(message), "values": Mapping() as values} if message in KNOWN:
            try:
                return Phrase(message, values=_typed(values), code=KNOWN[message])
            except ValueError:  # it asks for data that are not there
                return quoted(one_line(text, _LONGEST))
        case _:
            line = one_line(text, _LONGEST)
            return PLAIN.get(line) or CLINICAL.get(line) or quoted(line)


def _typed(values: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: words_of(value) if name in _OF_OURS else quoted(one_line(value, _LONGEST))
        for name, value in values.items()
        if isinstance(value, str)
    }


def known(said: str) -> bool:
    """Return whether words are of the table."""
    return isinstance(said, Phrase) and said.message in KNOWN
