"""Runs inside the sandbox: opens an SQLite database read-only, or a copy of it, and asks it everything at once."""

import json
import os
import sqlite3
import sys
import tempfile
from urllib.parse import quote

from regular import copied as copy_of
from regular import is_regular
from sqlite_census import LISTED, census
from write_ahead import trouble


def copied(path, folder):
    """Copy a database with its write-ahead log or journal, for a running application that keeps it locked."""
    copy = os.path.join(folder, "database")
    for suffix in ("", "-wal", "-journal"):
        if os.path.lexists(path + suffix):
            copy_of(path + suffix, copy + suffix)
    return copy


def is_in_the_middle(path):
    """Return whether a transaction was under way when the database was copied: read-only, it cannot be rolled back."""
    return os.path.lexists(path + "-journal")


def rows_of(connection, sql, most):
    """Return rows as lists, all if ``most`` is negative, or the error as text."""
    try:
        cursor = connection.execute(sql)
        rows = cursor.fetchall() if most < 0 else cursor.fetchmany(most)
        return {"rows": [[cell(value) for value in row] for row in rows]}
    except sqlite3.Error as error:
        return {"error": str(error), "about_data": isinstance(error, sqlite3.DatabaseError) and damaged(error)}


def damaged(error):
    """Tell errors of the data (damage, missing table) from errors of the query."""
    return any(
        word in str(error) for word in ("malformed", "not a database", "no such table", "no such column", "disk I/O")
    )


def cell(value):
    """Return a value as JSON can hold it."""
    return value.hex() if isinstance(value, bytes) else value


if __name__ == "__main__":
    request = json.load(sys.stdin)
    request["path"] = os.path.realpath(request["path"])
    request["copy"] = request["copy"] or is_in_the_middle(request["path"])
    with tempfile.TemporaryDirectory() as folder:
        answer = {"exists": is_regular(request["path"]), "reason": ""}
        if answer["exists"]:
            try:
                path = copied(request["path"], folder) if request["copy"] else request["path"]
                answer["log"] = trouble(request["path"])
                mode = "rw" if request["copy"] else "ro"
                connection = sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, timeout=2)
                if request.get("queries_only"):
                    answer["queries"] = [rows_of(connection, sql, -1) for sql in request["queries"]]
                    json.dump(answer, sys.stdout)
                    sys.exit()
                answer["integrity"] = rows_of(connection, f"PRAGMA integrity_check({LISTED})", LISTED)
                if "unable to open" in answer["integrity"].get("error", ""):
                    raise sqlite3.OperationalError("it cannot be opened where nothing is written: use the option copy")
                if "locked" in answer["integrity"].get("error", ""):
                    raise sqlite3.OperationalError("its application keeps it locked: use the option copy")
                answer["foreign_keys"] = rows_of(connection, "PRAGMA foreign_key_check", LISTED)
                answer["census"] = census(connection, request.get("digest"))
                answer["queries"] = [rows_of(connection, sql, 2) for sql in request["queries"]]
                connection.close()
            except (sqlite3.Error, OSError) as error:
                answer = {"exists": True, "reason": str(error)}
        json.dump(answer, sys.stdout)
