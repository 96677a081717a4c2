"""Every class of object that a MariaDB database has besides rows, as queries over the server's own catalogue.

Each gives names (in hexadecimal: they hold anything), a digest of what defines the object, and how many stand behind it.
What a dump and its load give anew (instants, statistics, blanks in bodies) is in no digest.
"""

from __future__ import annotations

from dataclasses import dataclass

HERE = "DATABASE()"
_QUOTED = r"""('(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+"|`[^`]*+`)"""
"""A literal or a name, which stays as it is; possessive, so that a long one needs no way back (PCRE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectClass:
    """One class of objects: how they are found, named and defined."""

    name: str
    select: str
    """Gives a name, a digest and a number, one row an object."""
    catalogue: tuple[str, ...]
    shared: bool = False
    """Of the whole server, not of one database."""
    must_return: bool = True
    """Its loss fails; otherwise a difference is said as not judged."""


def _quoted(*columns: str) -> str:
    parts = ", '.', ".join(f"'`', REPLACE({column}, '`', '``'), '`'" for column in columns)
    return f"CONCAT({parts})"


def words(*columns: str) -> str:
    """Return SQL for columns as one text."""
    parts = ", ".join(f"COALESCE(CONVERT({column} USING utf8mb4), '<NULL>')" for column in columns)
    return f"CONCAT_WS('|', {parts})"


def one_by_one(name: str, definition: str, rest: str) -> str:
    """Return a query that digests each object."""
    return f"SELECT HEX(CONVERT({name} USING utf8mb4)), LEFT(SHA2({definition}, 256), 32), 1 {rest};"


def together(name: str, definition: str, rest: str, by: str) -> str:
    """Return a query that digests all members of an object, in any order (each says its own place)."""
    half = "CAST(CONV(SUBSTR(SHA2({0}, 256), {1}, 15), 16, 10) AS UNSIGNED)"
    digest = ", '-', ".join(f"HEX(BIT_XOR({half.format(definition, start)}))" for start in (1, 16))
    return f"SELECT HEX(CONVERT({name} USING utf8mb4)), LOWER(CONCAT({digest})), COUNT(*) {rest} GROUP BY {by};"


def bare(column: str) -> str:
    """Return SQL for a text without what is only blank outside of quotes."""
    return f"TRIM({_replaced(column, f'{_QUOTED}|[[:space:]]+', chr(92) + '1 ')})"


def of_view(column: str) -> str:
    """Return SQL for an expression's text without what a server adds when it reads its own words: blanks and introducers.

    Brackets stay: without them `a or (b and c)` is `(a or b) and c`.
    """
    return _replaced(column, f"{_QUOTED}|[[:space:]]+|_utf8mb[34]|_latin1", chr(92) + "1")


def _replaced(column: str, pattern: str, by: str) -> str:
    """Return SQL that replaces; both are sent as bytes, since what a backslash means is a setting."""
    words = (f"CONVERT(0x{text.encode().hex()} USING utf8mb4)" for text in (pattern, by))
    return f"REGEXP_REPLACE(CONVERT({column} USING utf8mb4), {', '.join(words)})"


_I = "FROM information_schema"
_OWN = f"NULLIF(COALESCE(referenced_table_schema, {HERE}), {HERE})"
_OTHERS = "user NOT IN ('root', 'mariadb.sys', 'mysql', '')"
"""The server's own accounts, which its installation makes on each host, are nobody's loss."""
_WHO = "CONCAT(user, '@', host)"
_AND_DB = f"{HERE} LIKE db AND {_OTHERS}"

OF_A_DATABASE: tuple[ObjectClass, ...] = (
    ObjectClass(
        name="tables", catalogue=("TABLES",),
        select=one_by_one(_quoted("table_name"), words("table_type", "engine", "table_collation", "TRIM(REGEXP_REPLACE(create_options, ' ?page_checksum=[01]', ''))", "table_comment"),
                    f"{_I}.tables WHERE table_schema = {HERE} AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND engine IS NOT NULL"),
    ),
    ObjectClass(
        name="columns", catalogue=("COLUMNS", "GEOMETRY_COLUMNS"),
        select=together(
            _quoted("table_name"),
            words("ordinal_position", "column_name", "column_default", "is_nullable", "column_type", "character_set_name",
                   "collation_name", "extra", "column_comment", "is_generated", of_view("generation_expression")),
            f"{_I}.columns WHERE table_schema = {HERE} AND table_name NOT IN"
            f" (SELECT table_name {_I}.views WHERE table_schema = {HERE})", "table_name"),
    ),
    ObjectClass(
        name="indexes", catalogue=("STATISTICS",),
        select=together(
            _quoted("table_name", "index_name"),
            words("seq_in_index", "column_name", "collation", "sub_part", "index_type", "non_unique", "comment", "index_comment"),
            f"{_I}.statistics WHERE table_schema = {HERE}", "table_name, index_name"),
    ),
    ObjectClass(
        name="keys and constraints", catalogue=("TABLE_CONSTRAINTS", "KEY_COLUMN_USAGE"),
        select=together(
            _quoted("table_name", "constraint_name"),
            words("ordinal_position", "column_name", _OWN, "referenced_table_name", "referenced_column_name"),
            f"{_I}.key_column_usage WHERE table_schema = {HERE}", "table_name, constraint_name"),
    ),
    ObjectClass(
        name="foreign keys", catalogue=("REFERENTIAL_CONSTRAINTS",),
        select=one_by_one(_quoted("table_name", "constraint_name"), words("update_rule", "delete_rule", "referenced_table_name"),
                    f"{_I}.referential_constraints WHERE constraint_schema = {HERE}"),
    ),
    ObjectClass(
        name="check constraints", catalogue=("CHECK_CONSTRAINTS",),
        select=one_by_one(_quoted("table_name", "constraint_name"), of_view("check_clause"),
                    f"{_I}.check_constraints WHERE constraint_schema = {HERE}"),
    ),
    ObjectClass(
        name="partitions", catalogue=("PARTITIONS",),
        select=one_by_one(
            _quoted("table_name", "partition_name", "COALESCE(subpartition_name, '')"),
            words("partition_ordinal_position", "partition_method", "partition_expression", "partition_description",
                   "subpartition_method", "subpartition_expression"),
            f"{_I}.partitions WHERE table_schema = {HERE} AND partition_name IS NOT NULL"),
    ),
    ObjectClass(
        name="views", catalogue=("VIEWS",),
        select=one_by_one(_quoted("table_name"),
                    words(of_view("view_definition"), "check_option", "definer", "security_type", "algorithm"),
                    f"{_I}.views WHERE table_schema = {HERE}"),
    ),
    ObjectClass(
        name="triggers", catalogue=("TRIGGERS",),
        select=one_by_one(
            _quoted("trigger_name"),
            words("event_manipulation", "event_object_table", "action_order", "action_timing", bare("action_statement"),
                   "definer", "sql_mode", "character_set_client", "collation_connection"),
            f"{_I}.triggers WHERE trigger_schema = {HERE}"),
    ),
    ObjectClass(
        name="routines", catalogue=("ROUTINES", "PARAMETERS", "proc"),
        select=one_by_one(
            f"CONCAT(LOWER(type), ' ', {_quoted('name')})",
            words(bare("param_list"), bare("returns"), bare("body"), "definer", "sql_mode", "security_type",
                   "sql_data_access", "is_deterministic", "comment", "character_set_client", "collation_connection", "aggregate"),
            f"FROM mysql.proc WHERE db = {HERE}"),
    ),
    ObjectClass(
        name="events", catalogue=("EVENTS", "event"),
        select=one_by_one(
            _quoted("event_name"),
            words(bare("event_definition"), "event_type", "execute_at", "interval_value", "interval_field", "sql_mode",
                   "starts", "ends", "status", "on_completion", "definer", "event_comment", "time_zone", "character_set_client"),
            f"{_I}.events WHERE event_schema = {HERE}"
            " AND NOT (on_completion = 'NOT PRESERVE' AND (event_type = 'ONE TIME' OR ends IS NOT NULL))"),
    ),
)  # fmt: skip
OF_THE_SERVER: tuple[ObjectClass, ...] = (
    ObjectClass(
        name="accounts and roles", catalogue=("global_priv", "user", "USER_PRIVILEGES"), shared=True,
        select=one_by_one(_WHO, words("REPLACE(REPLACE(COALESCE(JSON_VALUE(priv, '$.access'), '0'), 'true', '1'), 'false', '0')", "REPLACE(REPLACE(COALESCE(JSON_VALUE(priv, '$.is_role'), 'false'), 'true', '1'), 'false', '0')",
                                 "REPLACE(REPLACE(COALESCE(JSON_VALUE(priv, '$.account_locked'), 'false'), 'true', '1'), 'false', '0')", "REPLACE(REPLACE(COALESCE(JSON_VALUE(priv, '$.default_role'), ''), 'true', '1'), 'false', '0')"),
                    f"FROM mysql.global_priv WHERE {_OTHERS}"),
    ),
    ObjectClass(
        name="grants on the database", catalogue=("db", "SCHEMA_PRIVILEGES"), shared=True,
        select=one_by_one(f"CONCAT({_WHO}, ' on ', db)",
                    words(*(f"{right}_priv" for right in (
                        "select", "insert", "update", "delete", "create", "drop", "grant", "references", "index", "alter",
                        "create_tmp_table", "lock_tables", "create_view", "show_view", "create_routine", "alter_routine",
                        "execute", "event", "trigger"))),
                    f"FROM mysql.db WHERE {_AND_DB}"),
    ),
    ObjectClass(
        name="grants on tables", catalogue=("tables_priv", "TABLE_PRIVILEGES"), shared=True,
        select=one_by_one(f"CONCAT({_WHO}, ' on ', {_quoted('table_name')})", words("table_priv", "column_priv"),
                    f"FROM mysql.tables_priv WHERE db = {HERE} AND {_OTHERS}"),
    ),
    ObjectClass(
        name="grants on columns", catalogue=("columns_priv", "COLUMN_PRIVILEGES"), shared=True,
        select=one_by_one(f"CONCAT({_WHO}, ' on ', {_quoted('table_name', 'column_name')})", words("column_priv"),
                    f"FROM mysql.columns_priv WHERE db = {HERE} AND {_OTHERS}"),
    ),
    ObjectClass(
        name="grants on routines", catalogue=("procs_priv",), shared=True,
        select=one_by_one(f"CONCAT({_WHO}, ' on ', LOWER(routine_type), ' ', {_quoted('routine_name')})", words("proc_priv"),
                    f"FROM mysql.procs_priv WHERE db = {HERE} AND {_OTHERS}"),
    ),
    ObjectClass(
        name="members of roles", catalogue=("roles_mapping", "APPLICABLE_ROLES"), shared=True,
        select=one_by_one("CONCAT(user, '@', host, ' in ', role)", words("admin_option"),
                    f"FROM mysql.roles_mapping WHERE {_OTHERS}"),
    ),
    ObjectClass(
        name="loadable functions", catalogue=("func",), shared=True,
        select=one_by_one("name", words("ret", "dl", "type"), "FROM mysql.func"),
    ),
    ObjectClass(
        name="plugins", catalogue=("plugin", "PLUGINS", "ALL_PLUGINS"), shared=True, must_return=False,
        select=one_by_one("name", words("dl"), "FROM mysql.plugin"),
    ),
    ObjectClass(
        name="foreign servers", catalogue=("servers",), shared=True, must_return=False,
        select=one_by_one("server_name", words("host", "db", "port", "wrapper"), "FROM mysql.servers"),
    ),
    ObjectClass(
        name="time zones", shared=True, must_return=False,
        catalogue=("time_zone", "time_zone_leap_second", "time_zone_name", "time_zone_transition", "time_zone_transition_type"),
        select="SELECT HEX('zones'), COUNT(*), COUNT(*) FROM mysql.time_zone_name HAVING COUNT(*) > 0;",
    ),
)  # fmt: skip
SHARED = frozenset(one.name for one in OF_THE_SERVER)
ADVISORY = frozenset(one.name for one in OF_THE_SERVER if not one.must_return)
ORPHANS = (
    "SELECT HEX(CONVERT(object USING utf8mb4)), HEX(CONVERT(definer USING utf8mb4)) FROM ("
    f"SELECT table_name AS object, definer {_I}.views WHERE table_schema = {HERE}"
    f" UNION ALL SELECT trigger_name, definer {_I}.triggers WHERE trigger_schema = {HERE}"
    f" UNION ALL SELECT routine_name, definer {_I}.routines WHERE routine_schema = {HERE}"
    f" UNION ALL SELECT event_name, definer {_I}.events WHERE event_schema = {HERE}) AS defined"
    " WHERE definer NOT IN (SELECT CONCAT(user, '@', host) FROM mysql.global_priv)"
    " AND definer NOT IN (SELECT user FROM mysql.global_priv WHERE host = '') ORDER BY 1;"
)
"""Who defines something and does not exist, so that what is defined cannot be used."""
