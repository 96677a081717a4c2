"""Runs inside the sandbox: reads the records of a query from an SQLite database, or from a copy of it."""

import json
import os
import sqlite3
import sys
import tempfile
from urllib.parse import quote

from database import cell, copied, is_in_the_middle
from records_out import Records
from regular import is_regular


def read(request, folder, out):
    """Write every record."""
    path = copied(request["path"], folder) if request["copy"] else request["path"]
    mode = "rw" if request["copy"] else "ro"
    connection = sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, timeout=2)
    connection.execute("PRAGMA query_only = ON")
    cursor = connection.execute(request["query"])
    names = [column[0] for column in cursor.description or ()]
    for row in cursor:
        out.record(dict(zip(names, map(cell, row))))
    connection.close()


if __name__ == "__main__":
    given, records = json.load(sys.stdin), Records()
    given["path"] = os.path.realpath(given["path"])
    given["copy"] = given["copy"] or is_in_the_middle(given["path"])
    ended = ""
    with tempfile.TemporaryDirectory() as scratch:
        if not is_regular(given["path"]):
            ended = f"there is no file {given['path']}"
        else:
            try:
                read(given, scratch, records)
            except (sqlite3.Error, OSError) as error:
                ended = f"{error}: use the option copy" if "locked" in str(error) else str(error)
    records.end(ended)
