"""Runs inside: makes an empty MariaDB of the release that is installed here, and says what its own schema is like.

Request: ``{"queries": {name: sql}}``. Answer: ``{"rows": {name: [line, …]}}``, or ``{"why": …}`` where there is none.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SHARED = ("/usr/share/mysql", "/usr/share/mariadb")
SCRIPTS = (
    ("mysql_system_tables.sql", "mariadb_system_tables.sql"),
    ("mysql_performance_tables.sql", "mariadb_performance_tables.sql"),
    ("maria_add_gis_sp_bootstrap.sql",),
)
LINES = 10000


def scripts():
    """Return the SQL that makes the server's own schema, as its packages brought it."""
    found = []
    for names in SCRIPTS:
        path = next((p for p in (Path(s, n) for s in SHARED for n in names) if p.is_file()), None)
        if path is not None:
            found.append(path.read_text(encoding="utf-8", errors="replace"))
    return found


def make(queries, folder):
    """Return the lines that each query gives."""
    data = folder / "data"
    (data / "mysql").mkdir(parents=True)
    begin = ["CREATE DATABASE IF NOT EXISTS mysql;", "USE mysql;", "SET @auth_root_socket = NULL;"]
    parts = scripts()
    if not parts:
        return {"why": ["no-sql"]}
    # in this mode a statement ends with a line, and the last asks in plain words
    asked = ["SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';"]
    asked += [f"{sql.rstrip(';')} INTO OUTFILE '{folder}/{name}';" for name, sql in queries.items()]
    words = ["mariadbd", "--no-defaults", "--bootstrap", f"--datadir={data}", f"--tmpdir={folder}", "--skip-networking"]
    words += ["--innodb-use-native-aio=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M"]
    words += ["--innodb-flush-method=nosync", "--max-allowed-packet=8M", "--log-warnings=0", "--lc-messages=en_US"]
    script = "\n".join([*begin, *parts, *asked, ""])
    done = subprocess.run(words, input=script.encode(), capture_output=True, check=False)
    rows = {}
    for name in queries:
        path = folder / name
        if not path.exists():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            bad = [line for line in said if "ERROR" in line] or said[-1:] or [f"mariadbd ended with {done.returncode}"]
            return {"why": ["not-made", bad[-1][:200]]}
        rows[name] = path.read_text(encoding="utf-8", errors="replace").splitlines()[:LINES]
    return {"rows": rows}


def main():
    """Answer."""
    request = json.load(sys.stdin)
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
    with tempfile.TemporaryDirectory(prefix="made-") as folder:
        os.chmod(folder, 0o700)
        try:
            answer = make(request["queries"], Path(folder))
        except FileNotFoundError:
            answer = {"why": ["no-mariadbd"]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
