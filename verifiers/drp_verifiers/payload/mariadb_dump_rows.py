"""Counts the rows that dumps of MariaDB hold, by their own bytes: no server, and nothing restored, says so.

A statement is followed as the client and the server read it: quotes and escapes, comments and those that are carried
out, delimiters. What could change rows otherwise than by ``INSERT … VALUES`` makes a table, or all, uncounted, and is
named. Request: ``{"folder", "database", "seconds"}``. Answer: ``{"tables":
{database: {table: rows}}, "uncounted": {database: {table: why}}, "why": [why nothing is counted]}``.
"""

import json
import os
import re
import subprocess
import sys
import time

from mariadb_dump_files import default_database, dumps
from mariadb_statements import Odd, Statements
from said import told_of

NAME = rb"(?:`((?:[^`]|``)+)`|([\w$]+))"
PLACE = rb"(?:" + NAME + rb"\s*\.\s*)?" + NAME
INSERT = re.compile(rb"INSERT\s+(?:INTO\s+)?" + PLACE + rb"\s*(?:PARTITION\s*)?VALUES?\s*\Z", re.IGNORECASE)
CREATE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + PLACE, re.IGNORECASE)
DROP = re.compile(rb"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?" + PLACE + rb"\s*\Z", re.IGNORECASE)
USE = re.compile(rb"USE\s+" + NAME + rb"\s*\Z", re.IGNORECASE)
KEYS = re.compile(rb"ALTER\s+TABLE\s+" + PLACE + rb"\s+(?:DISABLE|ENABLE)\s+KEYS\s*\Z", re.IGNORECASE)
OTHER_ROWS = re.compile(rb"\b(?:SELECT|LIKE)\b", re.IGNORECASE)
HARMLESS = re.compile(
    rb"(?:SET|LOCK\s+TABLES?|UNLOCK\s+TABLES|COMMIT|BEGIN|START\s+TRANSACTION|GRANT|FLUSH|CHANGE\s+MASTER|DO\s+SETVAL"
    rb"|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:DEFINER\s*=\s*\S+\s+|ALGORITHM\s*=\s*\w+\s+|SQL\s+SECURITY\s+\w+\s+"
    rb"|AGGREGATE\s+)*(?:DATABASE|SCHEMA|VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT|USER|ROLE|SERVER|SEQUENCE|PACKAGE))\b",
    re.IGNORECASE,
)
STEERS = re.compile(rb"SET\s+(?:STATEMENT\b|.*storage_engine\b)", re.IGNORECASE | re.DOTALL)
BY_HAND = re.compile(rb"SET\s.*\bautocommit\s*=\s*(?!1|ON\b|@)", re.IGNORECASE | re.DOTALL)
BEGUN = re.compile(rb"(?:BEGIN|START\s+TRANSACTION)\b", re.IGNORECASE)
ENDED = re.compile(
    rb"(?:COMMIT\s*\Z|(?:CREATE|DROP)\s+(?:TABLE|DATABASE)\b|SET\s+(?:@@)?autocommit\s*=\s*1\s*\Z)", re.IGNORECASE
)
ENGINE = re.compile(rb"\bENGINE\s*=?\s*(\w+)", re.IGNORECASE)
KEEPS_ROWS = {b"innodb", b"myisam", b"aria", b"archive", b"csv", b"memory", b"rocksdb", b"columnstore", b"tokudb"}
LOST = re.compile(rb"DROP\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+EXISTS\s+)?" + NAME + rb"\s*\Z", re.IGNORECASE)
TRIGGER = re.compile(rb"CREATE\s+[^(]*?\bTRIGGER\b", re.IGNORECASE)
FUNCTION = re.compile(rb"CREATE\s+[^(]*?\b(?:FUNCTION|PACKAGE)\b", re.IGNORECASE)
CALLS = ((re.compile(rb"SET\b", re.IGNORECASE), 1), (re.compile(rb"(?:INSERT|DO)\b", re.IGNORECASE), 2))
"""Statements that may call a function, and from which bracket on they do."""
HISTORY = b"system_versioning_insert_history"


class Count:
    """What the dumps hold, statement after statement."""

    def __init__(self, database):
        self.database = database
        self.tables = {}
        self.uncounted = {}
        self.why = []
        self.acts = self.functions = False
        self.by_hand = self.open = self.waiting = False

    def file(self, database):
        """Begin with another file, which is loaded in a session of its own."""
        self.database = database
        self.by_hand = self.open = self.waiting = False

    def end(self):
        """End with a file: what was not committed is not there."""
        if self.waiting:
            self.why.append(["transaction-open"])

    def place(self, found):
        """Return database and table that a statement names."""
        schema, table = (found[at] or found[at + 1] for at in (1, 3))
        name = schema.replace(b"``", b"`").decode("utf-8", "replace") if schema else self.database
        return name, table.replace(b"``", b"`").decode("utf-8", "replace")

    def take(self, words, rows, deepest):
        """Follow one statement; ``words`` is it without what stands in brackets and quotes."""
        self.transaction(words, rows)
        if STEERS.match(words) or (
            self.functions and any(kind.match(words) and deepest >= depth for kind, depth in CALLS)
        ):
            self.odd(words)
        elif found := USE.match(words):
            self.database = (found[1] or found[2]).replace(b"``", b"`").decode("utf-8", "replace")
        elif rows is not None:
            self.insert(words, rows)
        elif found := DROP.match(words):
            schema, table = self.place(found)
            self.tables.get(schema, {}).pop(table, None)
        elif found := CREATE.match(words):
            schema, table = self.place(found)
            self.tables.setdefault(schema, {}).setdefault(table, 0)
            engine = ENGINE.search(words, found.end())
            if engine and engine[1].lower() not in KEEPS_ROWS:
                self.uncounted.setdefault(schema, {})[table] = ["engine", engine[1].decode()[:20]]
            if OTHER_ROWS.search(words, found.end()):
                self.uncounted.setdefault(schema, {})[table] = ["made-of-another"]
        elif found := LOST.match(words):
            self.tables.pop((found[1] or found[2]).replace(b"``", b"`").decode("utf-8", "replace"), None)
        elif HARMLESS.match(words):
            self.acts = self.acts or TRIGGER.match(words) is not None
            self.functions = self.functions or FUNCTION.match(words) is not None
            if HISTORY in words.lower():
                self.why.append(["past"])
        elif words and not KEYS.match(words):
            self.odd(words)

    def transaction(self, words, rows):
        """Follow whether what was inserted is committed."""
        if BEGUN.match(words):
            self.open = True
        elif ENDED.match(words):
            self.open = self.waiting = False
            self.by_hand = self.by_hand and words[:3].upper() != b"SET"
        elif BY_HAND.match(words):
            self.by_hand = True
        elif rows and (self.open or self.by_hand):
            self.waiting = True

    def insert(self, words, rows):
        """Add the rows of one statement."""
        found = INSERT.match(words)
        if not found:
            self.odd(words)
            return
        schema, table = self.place(found)
        own = self.tables.setdefault(schema, {})
        own[table] = own.get(table, 0) + rows
        if self.acts:
            self.uncounted.setdefault(schema, {})[table] = ["after-trigger"]

    def odd(self, words):
        """Note what may change rows in a way that is not followed; names and values stay unsaid."""
        verb = re.match(rb"[A-Za-z]+(?:\s+(?:INTO|TABLE|DATA|IGNORE|FROM|DATABASE)\b)?", words, re.IGNORECASE)
        said = ["verb", verb[0].decode().upper()] if verb else ["no-statement"]
        if len(self.why) < 8 and said not in self.why:
            self.why.append(said)


def count(request):
    """Return the answer to a request."""
    end = time.monotonic() + request["seconds"]
    release = request.get("release") or release_here()
    whole = Count("")
    for path, opened in dumps(request["folder"]):
        with opened() as stream:
            statements = Statements(stream, release)
            whole.file(default_database(path, statements.head, request["database"]))
            for words, rows, deepest in statements:
                whole.take(words, rows, deepest)
                if time.monotonic() > end:
                    raise Odd("too-long")
            whole.end()
    return {"tables": whole.tables, "uncounted": whole.uncounted, "why": whole.why}


def release_here():
    """Return the release of the server that loads them, as comments that are carried out say it."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
    words = ["mariadbd", "--no-defaults", "--version"]
    said = subprocess.run(words, capture_output=True, check=False).stdout
    found = re.search(rb"(\d+)\.(\d+)\.(\d+)-MariaDB", said)
    if not found:
        raise Odd("no-release")
    return int(found[1]) * 10000 + int(found[2]) * 100 + int(found[3])


def main():
    """Answer."""
    try:
        answer = count(json.load(sys.stdin))
    except (Odd, OSError, EOFError) as error:
        answer = {"why": [told_of(error)]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
