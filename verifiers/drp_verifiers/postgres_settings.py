"""Settings that every session of a check gives itself, whatever files, roles and databases of the server say.

They are options of the connection, which outrank ``ALTER ROLE … SET`` and ``ALTER DATABASE … SET``; those outrank a
server's command line. Each name of the view pg_settings that a role or database could set to alter what a query
answers, or whether damage is seen, is among them.
"""

from __future__ import annotations

from typing import NamedTuple


class SessionSetting(NamedTuple):
    """A setting of a session; ``superuser``: others may not set it, and a server refuses them the connection."""

    name: str
    value: str
    since: int = 12
    until: int = 99
    superuser: bool = False


HIDING = (
    SessionSetting("ignore_checksum_failure", "off", superuser=True),
    SessionSetting("zero_damaged_pages", "off", superuser=True),
    SessionSetting("ignore_system_indexes", "off"),
    SessionSetting("track_counts", "on", superuser=True),
)
"""What would hide damage: a session in which one of these is otherwise does not judge."""
_PLANNER = (
    "bitmapscan", "gathermerge", "hashagg", "hashjoin", "indexscan", "material", "mergejoin", "nestloop",
    "parallel_append", "parallel_hash", "partition_pruning", "seqscan", "sort", "tidscan",
)  # fmt: skip
SETTINGS = (
    *HIDING,
    *(SessionSetting(f"enable_{name}", "on") for name in _PLANNER),
    SessionSetting("enable_partitionwise_aggregate", "off"),
    SessionSetting("enable_partitionwise_join", "off"),
    SessionSetting("enable_incremental_sort", "on", since=13),
    SessionSetting("enable_async_append", "on", since=14),
    SessionSetting("enable_memoize", "on", since=14),
    SessionSetting("enable_presorted_aggregate", "on", since=16),
    SessionSetting("enable_group_by_reordering", "on", since=17),
    SessionSetting("enable_distinct_reordering", "on", since=18),
    SessionSetting("enable_self_join_elimination", "on", since=18),
    # rows are counted in the table: an index and a visibility map may say otherwise
    SessionSetting("enable_indexonlyscan", "off"),
    SessionSetting("row_security", "off"),
    SessionSetting("role", "none"),
    SessionSetting("session_replication_role", "origin", superuser=True),
    SessionSetting("event_triggers", "off", since=17, superuser=True),
    SessionSetting("session_preload_libraries", "", superuser=True),
    SessionSetting("local_preload_libraries", ""),
    SessionSetting("dynamic_library_path", "$libdir", superuser=True),
    SessionSetting("allow_system_table_mods", "off", superuser=True),
    SessionSetting("lo_compat_privileges", "off", superuser=True),
    SessionSetting("temp_file_limit", "-1", superuser=True),
    SessionSetting("default_transaction_isolation", "repeatable read"),
    SessionSetting("default_transaction_deferrable", "off"),
    SessionSetting("lock_timeout", "0"),
    SessionSetting("idle_in_transaction_session_timeout", "0"),
    SessionSetting("idle_session_timeout", "0", since=14),
    SessionSetting("transaction_timeout", "0", since=17),
    SessionSetting("TimeZone", "UTC"),
    SessionSetting("timezone_abbreviations", "Default"),
    SessionSetting("DateStyle", "ISO, MDY"),
    SessionSetting("IntervalStyle", "postgres"),
    SessionSetting("client_encoding", "UTF8"),
    SessionSetting("client_min_messages", "notice"),
    SessionSetting("extra_float_digits", "1"),
    SessionSetting("bytea_output", "hex"),
    SessionSetting("xmlbinary", "base64"),
    SessionSetting("xmloption", "content"),
    SessionSetting("standard_conforming_strings", "on"),
    SessionSetting("backslash_quote", "safe_encoding"),
    SessionSetting("escape_string_warning", "on"),
    SessionSetting("quote_all_identifiers", "off"),
    SessionSetting("array_nulls", "on"),
    SessionSetting("transform_null_equals", "off"),
    SessionSetting("gin_fuzzy_search_limit", "0"),
    SessionSetting("constraint_exclusion", "partition"),
    SessionSetting("plan_cache_mode", "auto"),
    SessionSetting("jit", "off"),
    SessionSetting("force_parallel_mode", "off", until=15),
    SessionSetting("debug_parallel_query", "off", since=16),
    SessionSetting("default_table_access_method", "heap"),
    SessionSetting("default_tablespace", ""),
    SessionSetting("temp_tablespaces", ""),
    SessionSetting("check_function_bodies", "on"),
    SessionSetting("exit_on_error", "off"),
)
BY_SESSION = ("search_path", "default_transaction_read_only", "statement_timeout", "session_authorization")
"""Set by each session as it needs them; ``session_authorization`` no role or database can set for a new session."""


def options(settings: tuple[SessionSetting, ...], version: int, *, superuser: bool) -> str:
    """Return settings that a version knows as options of a connection (PGOPTIONS)."""
    return " ".join(
        f"-c {one.name}={escaped(one.value)}"
        for one in settings
        if one.since <= version <= one.until and (superuser or not one.superuser)
    )


def escaped(value: str) -> str:
    """Return a value as an option of a connection takes it."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
