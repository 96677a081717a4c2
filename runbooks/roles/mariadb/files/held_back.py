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

from client import Notices, Said, rows, run, said

EVENTS = """SELECT event_schema, event_name,
COALESCE(CONCAT(interval_value, ' ', LOWER(interval_field)), 'once')
FROM information_schema.events WHERE status = 'ENABLED' ORDER BY 1, 2 LIMIT 1000"""
TABLES = """SELECT table_schema, table_name, engine FROM information_schema.tables
WHERE engine IN ('FEDERATED', 'SPIDER', 'CONNECT', 'S3', 'SPHINX', 'MROONGA') ORDER BY 1, 2 LIMIT 1000"""
UNKNOWN = """SELECT table_schema, table_name FROM information_schema.tables
WHERE table_comment LIKE 'Unknown storage engine%' ORDER BY 1, 2 LIMIT 1000"""
SERVERS = "SELECT server_name, wrapper FROM mysql.servers ORDER BY 1 LIMIT 1000"
PLUGINS = "SELECT name, dl FROM mysql.plugin ORDER BY 1 LIMIT 1000"
FUNCTIONS = "SELECT name, dl FROM mysql.func ORDER BY 1 LIMIT 1000"
LOADED = "SELECT plugin_name FROM information_schema.plugins WHERE plugin_status = 'ACTIVE'"


def _absent(library: str) -> Said:
    return said("there is no {library} where drills run", library=library[:60])


def look() -> Notices:
    """Return what was found."""
    notices = Notices()
    for schema, name, often in rows(EVENTS):
        many, unit = often.split(" ", 1) if " " in often else ("", "")
        when = said("every {number} {unit}", number=many, unit=unit) if many else "once"
        notices.add("held-back", said("event {name}", name=f"{schema}.{name}"), when)
    for connection in rows("SHOW ALL SLAVES STATUS"):
        named = said("replication {name}", name=connection[0]) if connection[0] else "replication"
        notices.add("held-back", named, said("from {host}", host=connection[3][:100]))
    for name, wrapper in rows(SERVERS):
        notices.add("held-back", said("foreign server {name}", name=name), wrapper)
    for schema, name, engine in rows(TABLES):
        lies = said("{engine}: its rows lie elsewhere", engine=engine)
        notices.add("held-back", said("table {name}", name=f"{schema}.{name}"), lies)
    loaded = {name.upper() for (name,) in rows(LOADED)}
    for schema, name in rows(UNKNOWN):
        named = said("table {name}", name=f"{schema}.{name}")
        notices.add("unused", named, "its storage engine is not installed where drills run")
    for name, library in rows(PLUGINS):
        plugin = said("plugin {name}", name=name)
        if name.upper() in loaded:
            notices.add("held-back", plugin, "loaded here; what it would do outside is caught")
        else:
            notices.add("unused", plugin, _absent(library))
    for name, library in rows(FUNCTIONS):
        if not present(library):
            notices.add("unused", said("function {name}", name=name), _absent(library))
    return notices


def present(library: str) -> bool:
    """Return whether the server has a library here."""
    ((folder,),) = rows("SELECT @@plugin_dir")
    return library == os.path.basename(library) and os.path.isfile(os.path.join(folder, library))


if __name__ == "__main__":
    run(lambda: print(json.dumps({"notices": look().told()})))
