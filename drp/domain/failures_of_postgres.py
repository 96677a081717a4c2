"""Why drp's runbook for PostgreSQL could not start what was restored: a closed table of its messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.worded import worded

FAILURES: Mapping[str, str] = dict(
    (
        worded(
            "runbook-backup-manifest-names-backup",
            "backup_manifest names backup_label, which is missing: without it PostgreSQL begins to recover at the "
            "wrong place, and opens with old and new pages mixed",
        ),
        worded(
            "runbook-base-incremental-backup-combine",
            "the base is an incremental backup: combine it with its full one (pg_combinebackup) before",
        ),
        worded("runbook-backup-label-damaged-does", "backup_label is damaged: it does not say where the log begins"),
        worded("runbook-base-backup-damaged", "the base backup is damaged: {how}"),
        worded("runbook-tablespace-map-damaged", "tablespace_map is damaged"),
        worded("runbook-tablespace-restored", "tablespace {number} was at {wanted}, which was not restored"),
        worded("runbook-leads-restored", "{link} leads to {wanted}, which was not restored"),
        worded(
            "runbook-roles-restored-server-cannot",
            "the roles of the restored server cannot be read, so nobody can be let in: {error}",
        ),
        worded(
            "runbook-postgresql-installed-drills-run",
            "PostgreSQL {version} is not installed where drills run: install its server package",
        ),
        worded("runbook-there-no-pg-version", "there is no PG_VERSION in {data}: is data_directory right?"),
        worded("runbook-does-hold-version", "{path} does not hold a version"),
        worded(
            "runbook-postgresql-too-old-this",
            "PostgreSQL {version} is too old for this runbook, which knows 12 and later: upgrade a copy of it",
        ),
        worded(
            "runbook-recovery-target-time-has-no",
            "recovery_target_time {text} has no time zone, or is no instant: write 2026-11-21T02:00:00Z",
        ),
        worded("runbook-did-end-within-s", "{program} did not end within {seconds} s"),
        worded(
            "runbook-recovery-target-time-no-instant",
            "recovery_target_time {text} is no instant: write 2026-11-21T02:00:00Z",
        ),
        worded("runbook-control-file-cannot-read", "the control file cannot be read: {how}"),
        worded("runbook-global-pg-control-damaged", "global/pg_control is damaged: it does not fit its own checksum"),
        worded("runbook-global-pg-control-does", "global/pg_control does not hold what a server writes into it"),
        worded(
            "runbook-this-machine-s-server",
            "this machine's server does not take the restored configuration: {complaints}",
        ),
        worded("runbook-there-no-config-file", "there is no {path}: is config_file right?"),
        worded("runbook-there-no-folder-dumps", "there is no folder {folder}: is dumps right?"),
        worded(
            "runbook-there-no-dump-dump",
            "there is no dump in {folder}: *.dump, *.pgdump, *.backup, or a folder with toc.dat",
        ),
        worded("runbook-dump-damaged", "the dump {name} is damaged: {how}"),
        worded(
            "runbook-dump-damaged-contents-do",
            "the dump {name} is damaged: its contents do not say where it came from",
        ),
        worded(
            "runbook-there-no-dump-loaded",
            "there is no dump in {folder} that is loaded here: *.dump, *.pgdump, *.backup, or a folder with toc.dat "
            "({unread})",
        ),
        worded(
            "runbook-both-database-keep-folder",
            "{files} are both of the database {database}: keep one in the folder",
        ),
        worded("runbook-dump", "the dump {name} {what}"),
        worded(
            "runbook-server-has-opened-without",
            "the server has opened without a recovery: it wrote no history of a new time line",
        ),
        worded(
            "runbook-server-recovered-along-time",
            "the server recovered along time line {line} instead of {wanted}",
        ),
        worded("runbook-reached-recovery-ended", "{target} was not reached: recovery ended at {position}, {why}"),
        worded("runbook-log-goes-behind-end", "the log goes on behind the end of recovery ({position}): {why}"),
        worded("runbook-base-s-own-log", "the base's own log is damaged: {beyond}"),
        worded(
            "runbook-damaged-recovery-ended-what",
            "{subject} is damaged: recovery ended in it at {position}, and what was written behind it could not be "
            "used",
        ),
        worded(
            "runbook-no-postgresql-installed-drills",
            "no PostgreSQL is installed where drills run: install its server package",
        ),
        worded(
            "runbook-dumps-came-from-postgresql",
            "the dumps came from PostgreSQL {origin}, and only {here} is installed here",
        ),
        worded("runbook-empty-server-could-made", "an empty server could not be made: {how}"),
        worded(
            "runbook-dump-needs-extension-installed",
            "the dump {name} needs the extension {extension}, which is not installed where drills run: install its "
            "package there; nothing is wrong with the dump",
        ),
        worded("runbook-could-loaded", "{what} could not be loaded: {how}"),
        worded("runbook-there-no-wal-archive", "there is no {folder}: are wal_archive and wal_stream right?"),
        worded(
            "runbook-there-no-wal-log",
            "there is no WAL in {label}: the log that should carry the base forward was not kept",
        ),
        worded(
            "runbook-differ-two-servers-wrote",
            "{first} and {second} differ: two servers wrote {name}, or one of the files is damaged",
        ),
        worded("runbook-restored-server-does-answer", "the restored server does not answer: {how}"),
        worded("runbook-dump-holds-instant-cannot", "a dump holds one instant: it cannot be rolled to {target}"),
        worded(
            "runbook-earlier-start-began-recover",
            "an earlier start began to recover and did not end well: restore again",
        ),
        worded(
            "runbook-copied-while-server-started",
            "{data} was copied while its server was started again: its log goes on behind the shutdown",
        ),
        worded(
            "runbook-cannot-reached-base-itself",
            "{target} cannot be reached: the base itself holds a checkpoint of {at}; take an older backup",
        ),
        worded("runbook-server-did-stop", "the server did not stop: {how}"),
        worded("runbook-history-empty", "the history {subject} is empty"),
        worded("runbook-history-damaged-line", "the history {subject} is damaged in line {number}"),
        worded(
            "runbook-log-holds-commits-two",
            "the log holds commits on two time lines, and only one is production's: {one} ({first}) and {other} "
            "({second}), which parted at {parted}: declare timeline: with its number",
        ),
        worded(
            "runbook-two-servers-made-time",
            "two servers made a time line {line}: {first} left {one} at {place}, {second} left {other} at "
            "{other_place}",
        ),
        worded("runbook-time-line-does-go", "time line {wanted} does not go on from the base, which is on {base}"),
        worded("runbook-server-has-recovered-within", "the server has not recovered within {ready_seconds} s"),
        worded(
            "runbook-dump-breaks-off-rows",
            "the dump {name} breaks off: the rows in its {member} do not go to their end",
        ),
        worded(
            "runbook-dump-holds-another-behind",
            "the dump {name} holds another one behind it, which pg_restore does not read: keep each dump in a file "
            "of its own",
        ),
        worded("runbook-breaks-off-lacks-last", "{name} breaks off: it lacks its last line, {line}"),
        worded("runbook-dump-breaks-off", "the dump {name} breaks off: {error}"),
        worded(
            "runbook-wal-archive-has-gap",
            "the WAL archive has a gap: recovery ended at {position} in {segment}, and {subject} cannot be used",
        ),
        worded(
            "runbook-wal-archive-has-gap-recovery",
            "the WAL archive has a gap: recovery ended at {position} in {segment}, and {subject} cannot be used; {why}",
        ),
        worded(
            "runbook-wal-archive-has-gap-recovery-ended",
            "the WAL archive has a gap: recovery ended at {position} in {segment}, and {subject} cannot be used "
            "({number} segments up to {last})",
        ),
        worded(
            "runbook-wal-archive-has-gap-recovery-ended-cannot",
            "the WAL archive has a gap: recovery ended at {position} in {segment}, and {subject} cannot be used "
            "({number} segments up to {last}); {why}",
        ),
        worded(
            "runbook-history-time-line-cannot",
            "the history of time line {line} cannot be read ({why}), so {subject} cannot be used: keep it with the "
            "log, or declare timeline: {base} if {line} is not production's",
        ),
        worded(
            "runbook-history-time-line-missing",
            "the history of time line {line} is missing ({file}), so {subject} cannot be used: keep it with the log, "
            "or declare timeline: {base} if {line} is not production's",
        ),
        worded("runbook-server-ended", "the server ended: {why}"),
        worded(
            "runbook-server-ended-library-this",
            "the server ended: {why}: a library of this server is not installed where drills run; nothing is wrong "
            "with the backup",
        ),
        worded(
            "runbook-server-ended-more-than",
            "the server ended: {why}: more than the sandbox has; give it more, or the server less by postgres_settings",
        ),
        worded(
            "runbook-copy-server-running-has",
            "{data} is a copy of a server that was running ({state}) and has no backup_label: files that were copied "
            "one after another prove nothing, whatever crash recovery says; back up with pg_basebackup or "
            "pg_backup_start, or declare copied_while_running: atomic-snapshot if they were copied from an atomic "
            "snapshot of all of its volumes",
        ),
        worded("runbook-dump-could-loaded", "the dump {name} could not be loaded: {why}"),
        worded(
            "runbook-dump-could-loaded-installed",
            "the dump {name} could not be loaded: {why}; {extension} is not installed where drills run, nothing is "
            "wrong with the dump",
        ),
        worded(
            "runbook-dump-could-loaded-there",
            "the dump {name} could not be loaded: {why}; there is no globals.sql with the roles beside the dumps",
        ),
    )
)
"""By message: its code."""
