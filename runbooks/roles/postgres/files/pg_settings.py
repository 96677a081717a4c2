"""What becomes of each setting of a restored server (the view pg_settings, versions 12 to 18).

Overrides stand on the command line, where they outrank every restored file and ALTER SYSTEM. What a role or database
sets for itself outranks even that, for its sessions: the sessions of a check set such settings themselves.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

OLDEST, NEWEST = 12, 18


class Override(NamedTuple):
    """A setting that a drill gives itself; ``told``: a restored value that differs would have mattered, and is told."""

    name: str
    value: str
    since: int = OLDEST
    until: int = NEWEST
    told: bool = False
    private: bool = False
    """The restored value may hold a password: that it was set is told, and no more."""


STEERS = (  # where recovery ends is the drill's to say; what it says itself comes after these
    *(Override(f"recovery_target{kind}", "", told=True) for kind in ("", "_lsn", "_name", "_xid", "_time")),
    Override("recovery_target_inclusive", "on", told=True),
    Override("recovery_target_action", "promote", told=True),
    Override("recovery_target_timeline", "latest", told=True),
    Override("restore_command", "false", told=True, private=True),
    Override("recovery_end_command", "", told=True, private=True),
    Override("archive_cleanup_command", "", told=True, private=True),
    Override("primary_conninfo", "", told=True, private=True),
    Override("primary_slot_name", "", told=True),
    Override("recovery_min_apply_delay", "0", told=True),
    Override("recovery_prefetch", "try", since=15),
    Override("promote_trigger_file", "", until=15, told=True),
    Override("hot_standby", "off"),
)
SILENCES = (  # what would hide damage from whoever looks for it
    Override("ignore_checksum_failure", "off", told=True),
    Override("zero_damaged_pages", "off", told=True),
    Override("ignore_invalid_pages", "off", since=13, told=True),
    Override("ignore_system_indexes", "off", told=True),
    Override("track_counts", "on", told=True),
)
ACTS = (  # what would work by itself, or reach for other machines
    Override("archive_mode", "off"),
    Override("archive_command", ""),
    Override("archive_library", "", since=15),
    Override("archive_timeout", "0"),
    Override("synchronous_standby_names", ""),
    Override("synchronized_standby_slots", "", since=17),
    Override("sync_replication_slots", "off", since=17),
    Override("max_logical_replication_workers", "0"),
    Override("external_pid_file", ""),
    Override("bonjour", "off"),
)
LOGS = (  # what a statement or a row holds is a patient's, and the end of the log is handed over when a start fails
    Override("logging_collector", "off"),
    Override("log_destination", "stderr"),
    Override("log_min_messages", "warning"),
    Override("log_min_error_statement", "panic"),
    Override("log_statement", "none"),
    Override("log_min_duration_statement", "-1"),
    Override("log_min_duration_sample", "-1", since=13),
    Override("log_transaction_sample_rate", "0"),
    Override("log_parameter_max_length_on_error", "0", since=13),
    Override("log_duration", "off"),
    Override("log_error_verbosity", "terse"),
    Override("log_line_prefix", "%m [%p] "),
    Override("log_timezone", "UTC"),
    Override("log_connections", "off"),
    Override("log_disconnections", "off"),
    Override("lc_messages", "C"),
    *(Override(f"debug_print_{what}", "off") for what in ("parse", "rewritten", "plan")),
    *(Override(f"log_{what}_stats", "off") for what in ("parser", "planner", "executor", "statement")),
)
FITS = (  # the sandbox: who enters, where sockets are, which memory there is
    Override("unix_socket_directories", "/data/sockets,/run,/tmp"),
    Override("unix_socket_group", ""),
    Override("unix_socket_permissions", "0777"),
    Override("db_user_namespace", "off", until=16),
    Override("oauth_validator_libraries", "", since=18),
    Override("pre_auth_delay", "0"),
    Override("post_auth_delay", "0"),
    Override("timezone", "UTC"),
    Override("dynamic_shared_memory_type", "posix"),
    Override("min_dynamic_shared_memory", "0", since=14),
    Override("wal_buffers", "16MB"),
    Override("shared_memory_type", "mmap"),
    Override("stats_temp_directory", "pg_stat_tmp", until=14),
    Override("io_method", "worker", since=18),
    Override("debug_io_direct", "", since=16),
)
ALWAYS = (*STEERS, *SILENCES, *ACTS, *LOGS, *FITS)
BY_THE_DRILL = {
    "config_file", "data_directory", "hba_file", "ident_file", "port", "listen_addresses", "ssl",
    "shared_preload_libraries", "max_worker_processes", "autovacuum", "shared_buffers", "huge_pages", "wal_level",
    "max_wal_senders", "max_wal_size", "lc_monetary", "lc_numeric", "lc_time",
}  # fmt: skip
"""Settings whose value depends on the backup or on the application's file."""

HARMLESS_LIBRARIES = re.compile(
    r"(pg_stat_statements|auto_explain|pgaudit|pg_hint_plan|pg_stat_kcache|pg_qualstats|passwordcheck|auth_delay"
    r"|pg_prewarm|set_user|pgextwlist|credcheck|plpgsql|sepgsql|pg_stat_monitor|wal2json)(\.so)?$"
)
"""Libraries that do nothing by themselves but read and write down; every other may bring workers of its own."""
SCHEDULERS = re.compile(
    r"(pg_cron|pg_partman_bgw|pgagent|pglogical|bdr|spock|repmgr|pg_later|pg_net|pg_squeeze|pg_auto_failover|worker_spi"
    r"|pg_task|pg_timetable|pg_failover_slots)"
)
"""Libraries whose point it is to work by themselves: not loaded at all."""


def words(overrides: Any, version: int) -> list[str]:
    """Return overrides that a version knows, as ``name=value``."""
    return [f"{one.name}={one.value}" for one in overrides if one.since <= version <= one.until]


def quiet(library: str) -> bool:
    """Return whether a library does nothing by itself, and can be left out where it is not installed."""
    return HARMLESS_LIBRARIES.match(library.rpartition("/")[2]) is not None


def libraries(configured: str) -> tuple[list[str], list[str], bool]:
    """Return which libraries stay, which are left out, and whether one that stays may bring workers of its own."""
    kept, braked, workers = [], [], False
    for word in configured.split(","):
        library = word.strip().strip('"')
        name = library.rpartition("/")[2]
        if not library:
            continue
        if SCHEDULERS.match(name):
            braked.append(library)
            continue
        kept.append(library)
        workers = workers or not quiet(library)
    return kept, braked, workers


def differs(one: Override, restored: str) -> bool:
    """Return whether a restored value means something else than the drill's."""
    return _plain(restored) != _plain(one.value)


def _plain(value: str) -> str:
    value = value.strip().lower()
    return {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0ms": "0", "off": "off"}.get(
        value, "off" if value == "0" else value
    )
