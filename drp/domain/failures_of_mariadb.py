"""Why drp's runbook for MariaDB could not start what was restored: a closed table of its messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.worded import worded

FAILURES: Mapping[str, str] = dict(
    (
        worded("runbook-binary-log-goes", "{name}, with which the binary log goes on, is not in {path}"),
        worded(
            "runbook-cannot-reached-backup-itself",
            "{before} cannot be reached: the backup itself holds a transaction of {base}",
        ),
        worded("runbook-cut-off-more-follows", "{name} is cut off at {end}, and more follows it"),
        worded("runbook-ends-before-backup-ends", "{name} ends at {end}, before {start} where the backup ends"),
        worded(
            "runbook-cannot-told-binary-log",
            "{before} cannot be told in the binary log: {name} holds an event of the future at {start}",
        ),
        worded(
            "runbook-cannot-reached-newest-transaction",
            "{before} cannot be reached: the newest transaction in the binary log is of {newest}",
        ),
        worded(
            "runbook-log-this-backup-no",
            "{name} is not the log of this backup: no event ends at {start}, where the backup does",
        ),
        worded("runbook-binary-log-has-gap", "the binary log has a gap: {name} is missing"),
        worded(
            "runbook-cannot-told-binary-log-holds",
            "{before} cannot be told in the binary log: {other} holds a younger event at {stop}, and {name} began "
            "earlier",
        ),
        worded(
            "runbook-binary-log-has-gap-missing",
            "the binary log has a gap: {name} is missing, which {stem}.index names",
        ),
        worded(
            "runbook-binary-log-has-gap-missing-names",
            "the binary log has a gap: {name} is missing, which {other} names as the next",
        ),
        worded("runbook-no-binary-log", "{name} is no binary log"),
        worded("runbook-damaged-event-does-fit", "{name} is damaged at {position}: an event does not fit its checksum"),
        worded("runbook-damaged", "{name} is damaged at {position}"),
        worded(
            "runbook-damaged-does-begin-format",
            "{name} is damaged at {position}: it does not begin with its format",
        ),
        worded("runbook-encrypted-key-here", "{name} is encrypted, and its key is not here"),
        worded("runbook-became-shorter-while-read", "{name} became shorter while it was read"),
        worded("runbook-damaged-has-hole", "{name} is damaged at {position}: it has a hole"),
        worded(
            "runbook-same-file-binary-log",
            "{name} and {other} are the same file of the binary log and differ: keep the whole one",
        ),
        worded(
            "runbook-backup-says-binary-log",
            "the backup says that its binary log goes on in {name}, which is no name of such a file",
        ),
        worded(
            "runbook-binary-log-goes-there",
            "{name}, with which the binary log goes on, is not in {path}: there is no such folder",
        ),
        worded(
            "runbook-client-here-has-no",
            "the client here has no --sandbox: install that of MariaDB 10.5.25, 10.6.18, 10.11.8 or later",
        ),
        worded(
            "runbook-there-no-program-drills",
            "there is no program {program} where drills run: install MariaDB's packages",
        ),
        worded("runbook-there-no-dump-sql", "there is no dump in {folder}: *.sql or *.sql.gz"),
        worded(
            "runbook-dump-mydumper-this-runbook",
            "{folder} is a dump of mydumper, which this runbook does not load: call myloader in one of your own",
        ),
        worded(
            "runbook-dump-breaks-off-dumps",
            "the dump {name} breaks off: of {number} dumps in it, {completed} have their last line",
        ),
        worded(
            "runbook-holds-dumps-databases-does",
            "{name} holds dumps of {number} databases and does not say where each belongs: keep one in a file",
        ),
        worded(
            "runbook-holds-twice-keep-declared",
            "{name} holds {place} twice: keep in the declared folder only what is to come back",
        ),
        worded(
            "runbook-dump-breaks-off-lacks",
            "the dump {name} breaks off: it lacks its last line, -- Dump completed",
        ),
        worded(
            "runbook-dump-breaks-off-does",
            "the dump {name} breaks off: it does not restore the settings that it changed at its head",
        ),
        worded("runbook-dump-breaks-off-middle", "the dump {name} breaks off in the middle of a statement"),
        worded(
            "runbook-dumps-end-different-places",
            "the dumps end at different places of the binary log, which cannot be replayed onto them: {places}",
        ),
        worded("runbook-nothing-can-loaded-here", "nothing in {folder} can be loaded here: {name}: {observed}"),
        worded(
            "runbook-both-hold-keep-declared",
            "{other} and {name} both hold {place}: keep in the declared folder only what is to come back",
        ),
        worded("runbook-came-from-newer-server", "{failure}; it came from a newer server, or from MySQL"),
        worded(
            "runbook-what-loaded-set-whole",
            "what was loaded set {setting} for the whole server, and it cannot be set back",
        ),
        worded(
            "runbook-binary-log-replayed-part",
            "the binary log was replayed in part, by a start that was cut off: restore again",
        ),
        worded(
            "runbook-backup-does-say-binary",
            "the backup does not say where its binary log goes on: neither xtrabackup_binlog_info nor --master-data",
        ),
        worded(
            "runbook-recovery-target-time-has",
            "recovery_target_time {target} has no time zone: write 2026-11-21T02:00:00Z",
        ),
        worded(
            "runbook-cannot-reached-without-binary",
            "{target} cannot be reached: without a binary log the backup holds one instant",
        ),
        worded(
            "runbook-recovery-target-time-no",
            "recovery_target_time {target} is no instant: write 2026-11-21T02:00:00Z",
        ),
        worded("runbook-damaged-ended", "{name} is damaged: {program} ended with {code}"),
        worded("runbook-damaged-42", "{name} is damaged: {damage}"),
        worded("runbook-setting-has-more-than", "the setting {setting} has more than one line"),
        worded(
            "runbook-backup-apply-incremental-backups",
            "the backup is {kind}: apply incremental backups to their base before they are backed up",
        ),
        worded(
            "runbook-there-no-mysql-data",
            "there is no {data}/mysql: is data_directory the folder of a physical backup?",
        ),
        worded(
            "runbook-physical-backup-pipe-tool",
            "{pipe} in the physical backup is a pipe, on which its tool would wait for ever",
        ),
        worded(
            "runbook-backup-came-from-mariadb",
            "the backup came from MariaDB {series}, and {version} is installed here",
        ),
        worded("runbook-there-no-configuration-right", "there is no {path}: is configuration right?"),
        worded(
            "runbook-log-this-backup-holds",
            "{where} is not the log of this backup: it holds {told} there, the backup ends with "
            "{domain}-{by}-{sequence}",
        ),
        worded(
            "runbook-binary-log-has-gap-goes",
            "the binary log has a gap: {name} goes on after {written}, and the file before it ends with {end}",
        ),
    )
)
"""By message: its code."""
