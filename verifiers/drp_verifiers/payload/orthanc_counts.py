"""Runs beside a running Orthanc and out of its reach: counts what its index and its storage hold, without asking it."""

import json
import os
import sqlite3
import sys
import tempfile
import time

from orthanc_files import KINDS, no_tables, opened_index, plain

TRIES = 3


def counted(given, scratch):
    """Return the resources of each level in an SQLite index, and why not when they cannot be counted."""
    found = {}
    connection = opened_index(given, scratch, found)
    if connection is None:
        return found
    try:
        if reason := no_tables(connection):
            return {"reason": reason}
        kinds = connection.execute("SELECT resourceType, count(*) FROM Resources NOT INDEXED GROUP BY resourceType")
        return {"counts": {**dict.fromkeys(KINDS.values(), 0), **{KINDS[k]: n for k, n in kinds if k in KINDS}}}
    except sqlite3.Error as error:
        return {"unseen": ["index-refused", str(error)]}
    finally:
        connection.close()


def files(storage, ends):
    """Return how many attachments lie in a folder, None when there was no time for all."""
    number = 0
    for _, _, names in os.walk(storage):
        number += sum(1 for name in names if plain(name))
        if time.monotonic() > ends:
            return None
    return number


def main():
    """Answer the request. What Orthanc writes meanwhile can be torn: then it is looked at again."""
    given = json.load(sys.stdin)
    ends, answer = time.monotonic() + given["seconds"], {}
    for _ in range(TRIES if given["sqlite"] else 0):
        with tempfile.TemporaryDirectory() as scratch:
            answer = counted(given, scratch)
        if "counts" in answer or time.monotonic() > ends:
            break
    json.dump({**answer, "files": files(given["storage"], ends)}, sys.stdout)


if __name__ == "__main__":
    main()
