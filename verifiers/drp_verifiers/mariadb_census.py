"""Asks a MariaDB database once for all that it holds: rows now and before, text, next numbers, objects, content.

Rows are counted in one consistent snapshot, as a dump reads them, where their engine has snapshots (InnoDB); the
catalogue is no part of any snapshot, and neither are MyISAM and Aria. What one table refuses takes nothing from others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drp.domain.phrase import Phrase, fact, say
from drp_verifiers.mariadb_objects import OF_A_DATABASE, OF_THE_SERVER, ORPHANS
from drp_verifiers.mariadb_session import Rows, Session
from drp_verifiers.statements import NoAnswer, Trouble

REMOTE = ("FEDERATED", "SPIDER", "S3", "SPHINX", "CONNECT")
"""Engines whose tables lie elsewhere: opening one would reach out, and there is nothing of it in the backup."""
_MERGED = "MRG_MYISAM"
"""Shows the rows of other tables once more."""
FIRST = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';\n"
"""Restored settings may make other words of quotes and backslashes."""
_SNAPSHOT = f"{FIRST}START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;\nSAVEPOINT before_it;\n"
_RELEASED = "ROLLBACK TO SAVEPOINT before_it;\n"
"""Gives the lock on a table's definition back, as mariadb-dump does; many tables need no more than one."""
_ROWS = "COALESCE(SUM(1), 0)"
"""Counts rows by reading them: ``COUNT(*)`` believes the number that a file of MyISAM or Aria states of itself."""
_TABLES = (
    "SELECT HEX(CONVERT(table_name USING utf8mb4)), table_type, COALESCE(UPPER(engine), ''), COALESCE(auto_increment, 0)"
    " FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name;"
)
_COLUMNS = (
    "SELECT HEX(CONVERT(table_name USING utf8mb4)), HEX(CONVERT(column_name USING utf8mb4)), LOWER(data_type),"
    " COALESCE(character_set_name, ''), COALESCE(HEX(CONVERT(column_default USING utf8mb4)), ''),"
    " COALESCE(generation_expression, '') IN ('ROW START', 'ROW END'), extra LIKE '%auto_increment%'"
    " FROM information_schema.columns"
    " WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position;"
)
_ELSEWHERE = "SELECT COUNT(*) FROM information_schema.tables WHERE engine IN ({});".format(
    ", ".join(f"'{one}'" for one in REMOTE)
)
_ABOUT = "SELECT VERSION(), default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = DATABASE();"
_FIXED = (_ABOUT, _TABLES, _COLUMNS, _ELSEWHERE, ORPHANS)
_DRAWS = re.compile(r"nextval\((?:`(?:[^`]|``)*`\.)?`((?:[^`]|``)*)`\)", re.IGNORECASE)
_WHOLE = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal"}
_BINARY = {"blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary", "geometry", "point", "linestring",
           "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"}  # fmt: skip


@dataclass(slots=True)
class Census:
    """What a database holds. A count of None: that table could not be read, and ``trouble`` says why."""

    version: str = ""
    tables: dict[str, int | None] = field(default_factory=dict)
    history: dict[str, int] = field(default_factory=dict)
    """Rows of the past of system-versioned tables."""
    text: dict[str, list[int]] = field(default_factory=dict)
    """Characters and bytes of all text of a table: replaced characters are other bytes."""
    digests: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    """0: the sequence begins again at its end."""
    uses: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    increments: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By table with an AUTO_INCREMENT: the number that it gives next, and the highest that one of its rows has.

    A running server sets numbers aside that it never gives, and a restart forgets them: only those of rows are sure.
    """
    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    unread: dict[str, Trouble] = field(default_factory=dict)
    """Classes of objects that this account, or this server, does not show."""
    orphans: list[Phrase] | None = None
    unusable: list[str] | None = None
    """Views that cannot be opened; None: not asked."""
    trouble: dict[str, Trouble] = field(default_factory=dict)
    memory: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    default_text: str = ""


def name_of(text: str) -> str:
    """Return a name that the server gave in hexadecimal."""
    return bytes.fromhex(text).decode("utf-8", "replace")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def _literal(words: str) -> str:
    """Return a text as SQL has it, where a backslash is nothing special."""
    return "'" + words.replace("'", "''") + "'"


def take(session: Session, *, digest: bool = False) -> Census:
    """Return what a database holds. Raises NoAnswer where the server tells nothing of it at all."""
    census = Census()
    classes = (*OF_A_DATABASE, *OF_THE_SERVER)
    answers = session.each([*_FIXED, *(one.select for one in classes)], first=FIRST)
    about, tables, columns, elsewhere = map(_required, answers[:4])
    orphans = answers[4]
    if about:
        census.version, census.default_text = about[0][0], "/".join(about[0][1:])
    for one, answer in zip(classes, answers[5:], strict=True):
        if isinstance(answer, Trouble):
            census.unread[one.name] = answer
        else:
            census.objects[one.name] = {name_of(row[0]): row[1] for row in answer}
            census.counts[one.name] = sum(int(row[2]) for row in answer)
    if not isinstance(orphans, Trouble):
        census.orphans = [
            say("{object} by {definer}", object=name_of(row[0]), definer=name_of(row[1])) for row in orphans
        ]
    _count(session, census, tables, _fields(columns), digest=digest, views=elsewhere == [["0"]])
    return census


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    kind: str
    text: bool
    default: str
    instant: bool
    """When a row was written or replaced: a load of a dump sets it anew."""
    increments: bool


def _fields(columns: Rows) -> dict[str, list[_Field]]:
    found: dict[str, list[_Field]] = {}
    for table, name, kind, characters, default, instant, increments in columns:
        one = _Field(
            name=name_of(name),
            kind=kind,
            text=bool(characters),
            default=name_of(default),
            instant=instant == "1",
            increments=increments == "1",
        )
        found.setdefault(name_of(table), []).append(one)
    return found


def _required(answer: Rows | Trouble) -> Rows:
    if isinstance(answer, Trouble):
        raise NoAnswer(answer)
    return answer


def _count(
    session: Session, census: Census, tables: Rows, fields: Mapping[str, Sequence[_Field]], *, digest: bool, views: bool
) -> None:
    """Ask every table, sequence and view, in one snapshot. A view is prepared and not run: its functions would be, too."""
    asked: list[tuple[str, str, str]] = []
    for row in tables:
        name, kind, engine, following = name_of(row[0]), row[1], row[2], int(row[3])
        if kind == "SEQUENCE":
            following_number = "SELECT next_not_cached_value, IF(cycle_option, 0, IF(increment < 0, -1, 1)), minimum_value, maximum_value,"
            settings = "SHA2(CONCAT_WS('|', minimum_value, maximum_value, start_value, increment, cache_size, cycle_option), 256)"
            asked.append(("sequence", name, f"{following_number} {settings} FROM {quoted(name)}"))
        elif kind == "VIEW":
            asked += (
                [("view", name, f"PREPARE looked FROM {_literal(f'SELECT 1 FROM {quoted(name)}')}")] if views else []
            )
        elif engine in {*REMOTE, _MERGED}:
            census.elsewhere.append(f"{name} ({engine})")
        elif engine == "MEMORY":
            census.memory.append(name)
        elif kind in {"BASE TABLE", "SYSTEM VERSIONED"}:
            own = fields.get(name, ())
            asked.append(("table", name, f"SELECT {_measures(own, digest=digest)} FROM {quoted(name)} USE INDEX ()"))
            if kind == "SYSTEM VERSIONED":
                asked.append(("history", name, f"SELECT {_ROWS} FROM {quoted(name)} FOR SYSTEM_TIME ALL USE INDEX ()"))
            for one in own:
                if one.increments:
                    census.increments[name] = (following, 0)
                    highest = f"SELECT COALESCE(MAX(CAST({quoted(one.name)} AS DECIMAL(65))), 0) FROM {quoted(name)}"
                    asked.append(("increment", name, highest))
    asked += [("use", f"{sequence}\t{table}.{column}", sql) for sequence, table, column, sql in _users(fields, tables)]
    census.unusable = [] if views else None
    census.objects["sequences"] = {}
    answers = session.each([sql for _, _, sql in asked], first=_SNAPSHOT, after=_RELEASED)
    for (kind, name, _), answer in zip(asked, answers, strict=True):
        _keep(census, kind, name, answer)
    census.counts["sequences"] = len(census.objects["sequences"])


def _keep(census: Census, kind: str, name: str, answer: Rows | Trouble) -> None:
    if isinstance(answer, Trouble) or (len(answer) != 1 and kind != "view"):
        trouble = (
            answer
            if isinstance(answer, Trouble)
            else Trouble(outcome="undetermined", reason=fact("not-one-row", "not one row"))
        )
        if kind == "view" and census.unusable is not None:
            census.unusable.append(name)
        if kind == "table":
            census.tables[name] = None
        if kind == "sequence":
            census.objects["sequences"][quoted(name)] = ""
        census.trouble.setdefault(f"{kind} {name}" if kind != "table" else name, trouble)
        return
    if kind == "view":
        return
    row = answer[0]
    if kind == "table":
        census.tables[name] = int(row[0])
        census.text[name] = [int(row[1]), int(row[2])]
        if len(row) > 3:
            census.digests[name] = row[3]
    elif kind == "history":
        census.history[name] = int(row[0]) - (census.tables.get(name) or 0)
    elif kind == "sequence":
        census.sequences[name], census.steps[name] = int(row[0]), int(row[1])
        census.objects["sequences"][quoted(name)] = row[4][:32]
    elif kind == "increment":
        census.increments[name] = (census.increments[name][0], int(row[0]))
    elif kind == "use" and row[0] != "NULL":
        sequence, _, column = name.partition("\t")
        census.uses.setdefault(sequence, []).append((column, int(row[0])))


def _measures(fields: Sequence[_Field], *, digest: bool) -> str:
    """Return what one look at every row of a table gives: rows, characters, bytes, and content."""
    text = [quoted(one.name) for one in fields if one.text]
    lengths = [
        "CAST(COALESCE(SUM(" + " + ".join(f"COALESCE({length}({one}), 0)" for one in text) + "), 0) AS DECIMAL(65))"
        if text
        else "0"
        for length in ("CHAR_LENGTH", "LENGTH")
    ]
    return ", ".join((_ROWS, *lengths, *([_digest(fields)] if digest else ())))


def _digest(fields: Sequence[_Field]) -> str:
    """Return SQL for a sum over the digests of all rows, in any order; twice the same row counts twice."""
    values = [
        f"COALESCE(SHA2({quoted(one.name)}, 256), 'NULL')"
        if one.text or one.kind in _BINARY
        else f"COALESCE(HEX(CAST({quoted(one.name)} AS CHAR)), 'NULL')"
        for one in fields
        if not one.instant
    ]
    row = f"SHA2(CONCAT_WS(',', {', '.join(values) or '0'}), 256)"
    sums = [f"COALESCE(SUM(CAST(CONV(SUBSTR({row}, {start}, 15), 16, 10) AS DECIMAL(65))), 0)" for start in (1, 16, 31)]
    return f"LEFT(SHA2(CONCAT_WS('-', {', '.join(sums)}), 256), 32)"


def _users(fields: Mapping[str, Sequence[_Field]], tables: Rows) -> Iterator[tuple[str, str, str, str]]:
    """Yield sequence, table, column and the question of each column whose default draws from a sequence of its database."""
    here = {name_of(row[0]): row for row in tables}
    for table, own in fields.items():
        if table not in here or here[table][1] not in {"BASE TABLE", "SYSTEM VERSIONED"} or here[table][2] in REMOTE:
            continue
        for one in own:
            found = _DRAWS.fullmatch(one.default)
            if found and one.kind in _WHOLE:
                sequence = found[1].replace("``", "`")
                if here.get(sequence, [""] * 2)[1] == "SEQUENCE":
                    yield sequence, table, one.name, f"SELECT MAX({quoted(one.name)}) FROM {quoted(table)}"
