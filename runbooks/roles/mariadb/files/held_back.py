"""Say what a restored MariaDB would do by itself: events, replication, tables elsewhere, plugins. Answers as JSON.

The server runs and none of it happens: the event scheduler is off, replication does not start, and nothing is opened
that lies elsewhere. It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later).
"""

from __future__ import annotations

import json
import os
import sys

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import Notices, rows, run

EVENTS = """SELECT event_schema, event_name,
COALESCE(CONCAT('every ', interval_value, ' ', LOWER(interval_field)), 'once')
FROM information_schema.events WHERE status = 'ENABLED' ORDER BY 1, 2 LIMIT 1000"""
TABLES = """SELECT table_schema, table_name, engine FROM information_schema.tables
WHERE engine IN ('FEDERATED', 'SPIDER', 'CONNECT', 'S3', 'SPHINX', 'MROONGA') ORDER BY 1, 2 LIMIT 1000"""
UNKNOWN = """SELECT table_schema, table_name FROM information_schema.tables
WHERE table_comment LIKE 'Unknown storage engine%' ORDER BY 1, 2 LIMIT 1000"""
SERVERS = "SELECT server_name, wrapper FROM mysql.servers ORDER BY 1 LIMIT 1000"
PLUGINS = "SELECT name, dl FROM mysql.plugin ORDER BY 1 LIMIT 1000"
FUNCTIONS = "SELECT name, dl FROM mysql.func ORDER BY 1 LIMIT 1000"
LOADED = "SELECT plugin_name FROM information_schema.plugins WHERE plugin_status = 'ACTIVE'"
HERE = "where drills run"


def look() -> Notices:
    """Return what was found."""
    notices = Notices()
    for schema, name, often in rows(EVENTS):
        notices.add("held-back", f"event {schema}.{name}", often)
    for connection in rows("SHOW ALL SLAVES STATUS"):
        named = f" {connection[0]}" if connection[0] else ""
        notices.add("held-back", f"replication{named}", f"from {connection[3][:100]}")
    for name, wrapper in rows(SERVERS):
        notices.add("held-back", f"foreign server {name}", wrapper)
    for schema, name, engine in rows(TABLES):
        notices.add("held-back", f"table {schema}.{name}", f"{engine}: its rows lie elsewhere")
    loaded = {name.upper() for (name,) in rows(LOADED)}
    for schema, name in rows(UNKNOWN):
        notices.add("unused", f"table {schema}.{name}", f"its storage engine is not installed {HERE}")
    for name, library in rows(PLUGINS):
        if name.upper() in loaded:
            notices.add("held-back", f"plugin {name}", "loaded here; what it would do outside is caught")
        else:
            notices.add("unused", f"plugin {name}", f"there is no {library[:60]} {HERE}")
    for name, library in rows(FUNCTIONS):
        if not present(library):
            notices.add("unused", f"function {name}", f"there is no {library[:60]} {HERE}")
    return notices


def present(library: str) -> bool:
    """Return whether the server has a library here."""
    ((folder,),) = rows("SELECT @@plugin_dir")
    return library == os.path.basename(library) and os.path.isfile(os.path.join(folder, library))


if __name__ == "__main__":
    run(lambda: print(json.dumps({"notices": look().told()})))
