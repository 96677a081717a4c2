"""Runs inside the sandbox: reads the records of a query from an SQLite database, or from a copy of it."""

import json
import os
import sqlite3
import sys
import tempfile

from database import cell
from records_out import Records
from regular import is_regular, led_out
from said import told_of
from sqlite_open import Clock, NoRoom, connected


def read(request, folder, out):
    """Write every record."""
    connection = connected(request["path"], folder, request, Clock(request.get("seconds") or 3600))
    cursor = connection.execute(request["query"])
    names = [column[0] for column in cursor.description or ()]
    for row in cursor:
        out.record(dict(zip(names, map(cell, row))))
    connection.close()


if __name__ == "__main__":
    given, records = json.load(sys.stdin), Records()
    elsewhere = led_out(given["path"], given.get("within"))
    given["path"] = os.path.realpath(given["path"])
    ended = None
    with tempfile.TemporaryDirectory() as scratch:
        if elsewhere or not is_regular(given["path"]):
            ended = ["no-file", given["path"]]
        else:
            try:
                read(given, scratch, records)
            except (NoRoom, sqlite3.Error, OSError) as error:
                ended = ["locked", str(error)] if "locked" in str(error) else told_of(error)
    records.end(ended)
