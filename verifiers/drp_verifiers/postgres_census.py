"""Asks a PostgreSQL database once, inside one snapshot, for all that it holds: rows, sequences, large objects, objects.

The rows of many tables are counted by one statement; what breaks off is asked for again, one by one, so that a damaged
table takes no other's count away. Locks are given back after each statement: as many tables as there are need no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.domain.phrase import fact
from drp_verifiers.postgres_objects import OF_A_DATABASE, OF_THE_SERVER, ObjectClass, script
from drp_verifiers.postgres_session import Session, errors_in, json_lines, trouble_of
from drp_verifiers.statements import NoAnswer, Trouble

_TOGETHER = 64
"""So many relations are counted by one statement."""
_FROM_THE_TABLE = "SET LOCAL enable_indexscan = off", "SET LOCAL enable_bitmapscan = off"
"""Rows are counted where they are: an index that lost some would count less, or more. The catalogue keeps its indexes."""
_RELATIONS = """SELECT class.oid, class.relkind AS kind, class.relpersistence AS kept, class.relispopulated AS populated,
  schema.nspname || '.' || class.relname AS name, pg_catalog.format('%%I.%%I', schema.nspname, class.relname) AS quoted
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
WHERE class.relkind IN ('r', 'm', 'S') AND class.relpersistence IN ('p', 'u')
  AND schema.nspname NOT IN ('pg_catalog', 'information_schema') AND schema.nspname !~ '^pg_(toast|temp)' %s"""
_USES = """
users AS (SELECT sequence.seqrelid, sequence.seqincrement, used.relation, used.number FROM pg_catalog.pg_sequence AS sequence
  JOIN (SELECT objid AS sequence, refobjid AS relation, refobjsubid::int AS number FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND deptype IN ('a', 'i') AND refobjsubid > 0
  UNION SELECT need.refobjid, value.adrelid, value.adnum FROM pg_catalog.pg_depend AS need
    JOIN pg_catalog.pg_attrdef AS value ON value.oid = need.objid
    WHERE need.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND need.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS used ON used.sequence = sequence.seqrelid
  WHERE NOT sequence.seqcycle),
columns AS (SELECT users.seqrelid, users.seqincrement, users.relation, field.attname FROM users JOIN pg_catalog.pg_attribute
  AS field ON field.attrelid = users.relation AND field.attnum = users.number
  WHERE field.atttypid IN ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype,
    'numeric'::pg_catalog.regtype)),
below AS (SELECT * FROM columns UNION SELECT below.seqrelid, below.seqincrement, heir.inhrelid, below.attname FROM below
  JOIN pg_catalog.pg_inherits AS heir ON heir.inhparent = below.relation),
used AS (SELECT below.relation, pg_catalog.string_agg(pg_catalog.format('%L, %L, %s(%I)::pg_catalog.text', of_schema.nspname || '.' || of.relname,
  below.attname, CASE WHEN below.seqincrement > 0 THEN 'pg_catalog.max' ELSE 'pg_catalog.min' END, below.attname), ', ') AS words FROM below
  JOIN pg_catalog.pg_class AS of ON of.oid = below.seqrelid JOIN pg_catalog.pg_namespace AS of_schema
  ON of_schema.oid = of.relnamespace GROUP BY below.relation)
"""
_DIGEST = """(SELECT 'coalesce(pg_catalog.sum((''x'' || pg_catalog.encode(pg_catalog.substring(pg_catalog.sha256(pg_catalog.convert_to(ROW('
  || pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attname COLLATE "C") || ')::pg_catalog.text,'
  || ' pg_catalog.getdatabaseencoding())), 1, 8), ''hex''))::pg_catalog.bit(64)::pg_catalog.int8), 0)::pg_catalog.text'
  FROM pg_catalog.pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped)"""
"""Of a table's rows in any order: the sum of each one's SHA-256, its columns in the order of their names."""
_COUNTING = """
WITH RECURSIVE relation AS MATERIALIZED (%(relations)s), %(uses)s,
queries AS (SELECT pg_catalog.row_number() OVER (ORDER BY relation.oid) AS place, CASE WHEN kind = 'S' THEN pg_catalog.format(
  'SELECT pg_catalog.json_build_array(%%L, %%L, CASE WHEN is_called THEN last_value::pg_catalog.numeric + %%s ELSE last_value END, %%s) FROM %%s',
  'sequence', name, sequence.seqincrement, sequence.seqincrement, quoted) ELSE pg_catalog.format(
  'SELECT pg_catalog.json_build_array(%%L, %%L, pg_catalog.count(*), %%s, pg_catalog.json_build_array(%%s)) FROM %%s %%s',
  'rows', name, coalesce(%(digest)s, 'NULL'), coalesce(used.words, ''), CASE kind WHEN 'r' THEN 'ONLY' ELSE '' END, quoted) END AS query
  FROM relation LEFT JOIN used ON used.relation = relation.oid LEFT JOIN pg_catalog.pg_sequence AS sequence ON sequence.seqrelid = relation.oid
  WHERE kind <> 'm' OR populated)
SELECT 'SAVEPOINT counting', '%(from_the_table)s', pg_catalog.string_agg(query, ' UNION ALL '), 'ROLLBACK TO SAVEPOINT counting'
FROM queries GROUP BY (place - 1) / %(together)d ORDER BY pg_catalog.min(place) \\gexec
"""
_LARGE = """
SELECT pg_catalog.json_build_array('large', coalesce(pg_catalog.sum(number), 0), pg_catalog.json_object_agg(owner, number))
FROM (SELECT pg_catalog.pg_get_userbyid(lomowner) AS owner, pg_catalog.count(*) AS number
  FROM pg_catalog.pg_largeobject_metadata GROUP BY 1) AS q;
SELECT pg_catalog.json_build_array('large bytes', coalesce(pg_catalog.sum(ends), 0)%(digest)s) FROM (SELECT
  pg_catalog.max(pageno::pg_catalog.int8 * (pg_catalog.current_setting('block_size')::int / 4) + pg_catalog.length(data)) AS ends%(sum)s
  FROM pg_catalog.pg_largeobject GROUP BY loid) AS q;
"""
_LARGE_SUM = """, pg_catalog.sum(CASE WHEN pg_catalog.length(pg_catalog.rtrim(data, '\\x00'::pg_catalog.bytea)) > 0 THEN
  ('x' || pg_catalog.encode(pg_catalog.substring(pg_catalog.sha256(pg_catalog.convert_to(loid::text || ' ' || pageno::text || ' ', 'SQL_ASCII')
  || pg_catalog.rtrim(data, '\\x00'::pg_catalog.bytea)), 1, 8), 'hex'))::pg_catalog.bit(64)::pg_catalog.int8 ELSE 0 END) AS one"""
"""A hole reads as zeros, and is written as zeros by a load."""
_TEXT = """
SELECT pg_catalog.json_build_array('text', pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database();
"""


@dataclass(slots=True)
class Census:
    """What one database holds. None where something could not be read to its end."""

    tables: dict[str, int | None] = field(default_factory=dict)
    unlogged: dict[str, int | None] = field(default_factory=dict)
    materialized: dict[str, int | None] = field(default_factory=dict)
    """Rows of those that are populated."""
    sequences: dict[str, int | None] = field(default_factory=dict)
    """The number that each gives next."""
    steps: dict[str, int] = field(default_factory=dict)
    uses: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By sequence: columns that take their numbers from it, and the last number in each."""
    digests: dict[str, str] = field(default_factory=dict)
    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    """By class that could be read: a digest of each object's definition."""
    unread: tuple[str, ...] = ()
    large: tuple[int, int] | None = None
    """How many large objects, and how many bytes they are long."""
    large_owners: dict[str, int] = field(default_factory=dict)
    large_digest: str = ""
    text: tuple[str, str, str] | None = None
    """Encoding, collation, character classes."""
    errors: tuple[str, ...] = ()
    _kinds: dict[str, tuple[int, dict[str, int | None]]] = field(default_factory=dict)

    def missed(self) -> list[int]:
        """Return the numbers of relations that were not counted."""
        return [number for name, (number, place) in self._kinds.items() if place[name] is None]

    def take(self, row: object) -> None:
        """Note one line of an answer. Raises NoAnswer for one of another form."""
        match row:
            case ["relation", int(number), str(name), str(kind), str(kept), bool(populated)]:
                place = {"S": self.sequences, "m": self.materialized}.get(
                    kind, self.unlogged if kept == "u" else self.tables
                )
                if kind != "m" or populated:
                    place.setdefault(name, None)
                    self._kinds[name] = (number, place)
            case ["rows", str(name), int(rows), digest, list(used)] if name in self._kinds:
                self._kinds[name][1][name] = rows
                if isinstance(digest, str):
                    self.digests[name] = digest
                for at in range(0, len(used), 3):
                    self._use(name, *used[at : at + 3])
            case ["sequence", str(name), int() | float() as following, int(step)]:
                self.sequences[name] = int(following)
                self.steps[name] = step
            case ["object", str(kind), str(name), str(digest)]:
                self.objects.setdefault(f"{kind} …", {})[name] = digest
            case ["class", str(kind)]:
                self.objects[kind] = self.objects.pop(f"{kind} …", {})
            case ["large", int(number), owners]:
                self.large = (number, 0)
                self.large_owners = (
                    {str(k): v for k, v in owners.items() if isinstance(v, int)} if isinstance(owners, dict) else {}
                )
            case ["large bytes", int(size), *rest] if self.large is not None:
                self.large = (self.large[0], size)
                self.large_digest = str(rest[0]) if rest else ""
            case ["text", str(encoding), str(collate), str(ctype)]:
                self.text = (encoding, collate, ctype)
            case _:
                raise NoAnswer(
                    Trouble(
                        outcome="undetermined",
                        reason=fact("server-answered-something-else", "the server answered something else than counts"),
                    )
                )

    def _use(self, table: str, sequence: object, column: object, last: object) -> None:
        if isinstance(last, str) and last.lstrip("-").replace(".", "", 1).isdigit():
            self.uses.setdefault(str(sequence), []).append(
                (f"{table}.{column}", int(float(last)) if "." in last else int(last))
            )


def _text(*, snapshot: str, only: str = "", together: int = _TOGETHER, digest: bool, lists: str) -> str:
    """Return the script of one pass."""
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
    if snapshot:
        escaped = snapshot.replace("'", "''")
        begin += f"SET TRANSACTION SNAPSHOT '{escaped}';\n"
    relations = _RELATIONS % only
    listed = f"SELECT pg_catalog.json_build_array('relation', oid::pg_catalog.int8, name, kind, kept, populated) FROM ({relations}) AS found;\n"
    counting = _COUNTING % {
        "relations": relations,
        "uses": _USES.strip(),
        "digest": _DIGEST if digest else "NULL",
        "together": together,
        "from_the_table": "', '".join(_FROM_THE_TABLE),
    }
    return f"{begin}\\set ON_ERROR_ROLLBACK on\n{lists}{listed}{counting}\nROLLBACK;\n"


def take(session: Session, database: str, *, snapshot: str = "", digest: bool = False, shared: bool = False) -> Census:
    """Return what a database holds; ``shared``: what its whole server does too. Raises NoAnswer when it cannot be asked.

    ``snapshot`` is an exported snapshot (``pg_export_snapshot()``) to look in, for facts that fit a dump exactly.
    """
    classes: tuple[ObjectClass, ...] = (*OF_A_DATABASE, *(OF_THE_SERVER if shared else ()))
    version, _ = session.opening()
    large = _LARGE % {
        "digest": ", coalesce(pg_catalog.sum(one), 0)::pg_catalog.text" if digest else "",
        "sum": _LARGE_SUM if digest else "",
    }
    census = Census()
    lists = f"{script(classes, version)}\n{large}{_TEXT}"
    errors = _ask(session, database, _text(snapshot=snapshot, digest=digest, lists=lists), census)
    if missed := census.missed():
        one_by_one = f"AND class.oid IN ({', '.join(map(str, missed))})"
        errors = _ask(
            session, database, _text(snapshot=snapshot, only=one_by_one, together=1, digest=digest, lists=""), census
        )
    census.unread = tuple(one.name for one in classes if version >= one.since and one.name not in census.objects)
    census.errors = tuple(f"{state}: {message}" for state, message in errors)
    return census


def _ask(session: Session, database: str, text: str, census: Census) -> tuple[tuple[str, str], ...]:
    """Note what a script answers; returns its errors. Raises NoAnswer when nothing came."""
    execution = session.psql(database, ("-f", "-"), stdin=text.encode())
    errors = errors_in(execution)
    rows = json_lines(execution.stdout) if not execution.exit_code or execution.stdout else []
    if (execution.exit_code or errors) and not rows:
        raise NoAnswer(trouble_of(execution))
    for row in rows:
        census.take(row)
    return errors


def counts_of(objects: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Return how many objects of each class there are."""
    return {kind: len(names) for kind, names in sorted(objects.items()) if names}
