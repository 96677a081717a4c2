"""Runs inside the sandbox: opens an SQLite database read-only, or a copy of it, and asks it everything at once."""

import json
import os
import sqlite3
import sys
import tempfile

from regular import is_regular, led_out
from said import told_of
from sqlite_census import LISTED, census
from sqlite_open import Clock, Kept, NoRoom, connected
from write_ahead import trouble


def rows_of(connection, sql, most):
    """Return rows as lists, all if ``most`` is negative, or the error as text."""
    try:
        cursor = connection.execute(sql)
        rows = cursor.fetchall() if most < 0 else cursor.fetchmany(most)
        return {"rows": [[cell(value) for value in row] for row in rows]}
    except sqlite3.Error as error:
        if "interrupted" in str(error):
            return {"error": ["too-long"], "about_data": False}
        return {
            "error": ["words", str(error)],
            "about_data": isinstance(error, sqlite3.DatabaseError) and damaged(error),
        }


def damaged(error):
    """Tell errors of the data (damage, missing table) from errors of the query."""
    return any(
        word in str(error) for word in ("malformed", "not a database", "no such table", "no such column", "disk I/O")
    )


def cell(value):
    """Return a value as JSON can hold it."""
    return value.hex() if isinstance(value, bytes) else value


def everything(path, request, folder):
    """Return all that a database answers. Raises NoRoom, OSError, sqlite3.Error."""
    clock = Clock(request.get("seconds") or 3600)
    answer = {"exists": True, "reason": "", "log": trouble(path)}
    connection = connected(path, folder, request, clock)
    if request.get("queries_only"):
        return dict(answer, queries=queries(connection, request["queries"], clock, -1))
    answer["integrity"] = rows_of(connection, f"PRAGMA integrity_check({LISTED})", LISTED)
    if "locked" in answer["integrity"].get("error", [""])[-1]:
        raise Kept("locked")
    answer["foreign_keys"] = rows_of(connection, "PRAGMA foreign_key_check", LISTED)
    answer["census"] = census(connection, request.get("digest"))
    answer["queries"] = queries(connection, request["queries"], clock, 2)
    connection.close()
    return answer


def queries(connection, asked, clock, most):
    """Return the answer of every query; each may take half of the time that is left."""
    found = []
    for sql in asked:
        clock.share(0.5)
        found.append(rows_of(connection, sql, most))
    return found


if __name__ == "__main__":
    given = json.load(sys.stdin)
    elsewhere = led_out(given["path"], given.get("within"))
    given["path"] = os.path.realpath(given["path"])
    answered = {"exists": is_regular(given["path"]) and not elsewhere, "reason": ""}
    if answered["exists"]:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                answered = everything(given["path"], given, scratch)
            except (NoRoom, sqlite3.Error, OSError) as error:
                answered = {"exists": True, "reason": told_of(error)}
    json.dump(answered, sys.stdout)
