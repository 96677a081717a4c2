"""Runs inside the sandbox: all that an SQLite database holds, in one read transaction.

Definitions are the text that SQLite keeps (`sqlite_schema.sql`), blanks put together outside of quotes: a copy and a
reloaded dump have the same. What only the application brings (functions, collations, modules) is not here: what needs
it is told apart.
"""

import hashlib
import re
import sqlite3

LISTED = 20
OWN = (
    "name NOT IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat2', 'sqlite_stat3', 'sqlite_stat4')"
    " AND NOT (type = 'index' AND sql IS NULL)"
)
"""All but SQLite's own. What else begins with sqlite_ was written past it, to be passed over."""
KINDS = {"table": "tables", "index": "indexes", "view": "views", "trigger": "triggers"}
REFUSED = ("interrupted", "too big", "out of memory", "not authorized", "authorization denied", "unsafe use", "is full")
"""What the reader does not let a database do, or has no time and room for."""
BROUGHT = ("no such module", "no such function", "no such collation", "unknown tokenizer", "unable to use function")
SETTINGS = ("encoding", "user_version", "application_id")
VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\b", re.IGNORECASE)
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)
BLANKS = re.compile(f"({QUOTED.pattern})|\\s+", re.DOTALL)
SIXTEEN_BYTES = 1 << 128
CODE = {"trigger": re.compile(""), "view": re.compile(""),
        "table": re.compile(r"\bGENERATED\b|\bAS\s*\(|\bCHECK\b|\bDEFAULT\s*\(|^\s*CREATE\s+VIRTUAL\b", re.IGNORECASE),
        "index": re.compile(r"\(.*\(|\)\s*WHERE\b", re.IGNORECASE | re.DOTALL)}  # fmt: skip
"""Objects that do or compute something, by what their definition says outside of quotes."""


class Text(bytes):
    """What SQLite holds as text, told from a blob of the same bytes."""


def census(connection, with_digests):
    """Return tables with their rows, definitions, counters, views that do not work, settings; one snapshot of all."""
    connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    found = {"tables": {}, "errors": [], "definitions": {}, "sequences": {}, "highest": {}, "broken_views": {},
             "unopened": {}, "unread": {}, "settings": {}, "digests": {}}  # fmt: skip
    try:
        connection.execute("BEGIN")
        rows = connection.execute(f"SELECT type, name, sql FROM sqlite_schema WHERE {OWN}").fetchall()
        for name in SETTINGS:
            found["settings"][name] = connection.execute(f"PRAGMA {name}").fetchone()[0]
    except sqlite3.Error as error:
        return dict(found, errors=[str(error)], code={})
    found["code"] = code(rows)
    for kind, name, sql in rows:
        is_virtual = kind == "table" and VIRTUAL.match(sql or "") is not None
        label = "virtual tables" if is_virtual else KINDS.get(kind, str(kind))
        found["definitions"].setdefault(label, {})[name] = definition(sql)
        if kind == "table":
            count(connection, found, name)
            if "AUTOINCREMENT" in QUOTED.sub("", sql or "").upper():
                highest(connection, found, name)
            if with_digests and not is_virtual and found["tables"].get(name) is not None:
                content(connection, found, name)
        elif kind == "view":
            usable(connection, found, name)
    counters(connection, found)
    connection.rollback()
    connection.text_factory = str
    return dict(found, errors=found["errors"][:LISTED])


def code(rows):
    """Return the objects of a schema (type, name, sql) that do or compute something, with digests of their text."""
    found = {}
    for kind, name, sql in rows:
        if kind in CODE and CODE[kind].search(QUOTED.sub("''", sql or "")):
            found[f"{kind} {name}"] = hashlib.sha256((sql or "").encode("utf-8", "surrogatepass")).hexdigest()
    return found


def definition(sql):
    """Return a digest of a definition, blanks put together but for those that it quotes."""
    text = BLANKS.sub(lambda found: found[1] or " ", sql or "").strip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def quoted(name):
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def is_brought(error):
    """Return whether the application brings what lacks here: its functions, collations, modules."""
    return any(word in str(error) for word in BROUGHT)


def is_refused(error):
    """Return whether it was the reader that did not let a database do something, or go on."""
    return any(word in str(error) for word in REFUSED)


def trouble(found, name, error):
    """Keep why a table cannot be read: what lacks here is not the backup's fault."""
    if is_brought(error):
        found["unopened"][name] = str(error)
    elif is_refused(error):
        found["unread"][name] = str(error)
    else:
        found["errors"].append(f"{name}: {error}")


def count(connection, found, name):
    """Count the rows of a table where they are, never in an index."""
    try:
        found["tables"][name] = connection.execute(f"SELECT count(*) FROM {quoted(name)} NOT INDEXED").fetchone()[0]
    except sqlite3.Error as error:
        trouble(found, name, error)
        if name not in found["unopened"] and name not in found["unread"]:
            found["tables"][name] = None


def highest(connection, found, name):
    """Keep the highest number that a table with a counter uses."""
    try:
        columns = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
        (key,) = [column[1] for column in columns if column[5]]
        number = connection.execute(f"SELECT max({quoted(key)}) FROM {quoted(name)}").fetchone()[0]
        found["highest"][name] = number if isinstance(number, int) else 0
    except (sqlite3.Error, ValueError) as error:
        trouble(found, name, error)


def counters(connection, found):
    """Keep where every counter stands; there is no table of them before the first one."""
    try:
        for name, number in connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
            found["sequences"][str(name)] = number if isinstance(number, int) else None
    except sqlite3.Error as error:
        if "no such table" not in str(error):
            trouble(found, "sqlite_sequence", error)


def usable(connection, found, name):
    """Let SQLite prepare a query of a view, as whoever uses it does."""
    try:
        connection.execute(f"SELECT * FROM {quoted(name)} LIMIT 0")
    except sqlite3.Error as error:
        if is_brought(error):
            found["unopened"][name] = str(error)
        elif is_refused(error):
            found["unread"][name] = str(error)
        else:
            found["broken_views"][name] = str(error)


def content(connection, found, name):
    """Keep a digest of a table's rows that does not depend on their order: the sum of the digests of all."""
    total, factory = 0, connection.text_factory
    connection.text_factory = Text
    try:
        for row in connection.execute(f"SELECT * FROM {quoted(name)} NOT INDEXED"):
            digest = hashlib.blake2b(digest_size=16)
            for value in row:
                kind, data = cell(value)
                digest.update(b"%s%d:" % (kind, len(data)) + data)
            total = (total + int.from_bytes(digest.digest(), "big")) % SIXTEEN_BYTES
        found["digests"][name] = f"{total:032x}"
    except sqlite3.Error as error:
        trouble(found, name, error)
    finally:
        connection.text_factory = factory


def cell(value):
    """Return a value's type and bytes."""
    if value is None:
        return b"n", b""
    if isinstance(value, bytes):
        return (b"t" if isinstance(value, Text) else b"b"), value
    return (b"i", b"%d" % value) if isinstance(value, int) else (b"r", value.hex().encode())
