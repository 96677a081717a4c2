"""Runs where a check looks from: is the catalogue of a PostgreSQL server what a new cluster of its version has?

Rows are read as they lie: no function, operator, cast or order of the server that is looked at takes part, but for two
operators that are compared themselves. What is said about it is compared here.
"""

import json
import os
import subprocess
import sys

import postgres_code
import postgres_types
from postgres_binary import Broken, number, rows, text
from postgres_fresh import Lacking
from postgres_new import MOST, New, source
from postgres_system import Catalogue
from said import Said


class Silent(Said):
    """The server did not answer."""


class Server:
    """The server that is judged, asked by psql in sessions whose settings are ours."""

    def __init__(self, request):
        """Keep how to reach it."""
        self.request = request
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **request["environment"]}

    def words(self, database):
        """Return how psql is called."""
        tool = f"{self.request['clients']}/psql" if self.request["clients"] else "psql"
        return [
            tool,
            "-X",
            "-q",
            "-A",
            "-t",
            "--no-password",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
            "-d",
            database,
        ]

    def said(self, database, script):
        """Return what statements answer. Raises Silent."""
        ended = subprocess.run(
            [*self.words(database), "-f", "-"],
            input=script.encode(),
            capture_output=True,
            check=False,
            cwd="/",
            timeout=self.request["seconds"],
            env=self.environment,
        )
        if ended.returncode:
            if complaint := ended.stderr.decode("utf-8", "replace").strip()[:300]:
                raise Silent("psql", complaint)
            raise Silent("psql-ended", ended.returncode)
        return ended.stdout

    def read(self, database, new):
        """Return what a database holds, and which tables have taken another's name. Raises Silent, Broken.

        ``'1255'::regclass`` is read and printed by the server's own code, whatever its table of relations says.
        """
        listed = sorted((oid, name) for name, oid in new.names.items())
        script = "COPY (SELECT " + ", ".join(f"'{oid}'::pg_catalog.regclass" for oid, _ in listed) + ") TO STDOUT;\n"
        script += "".join(
            f"COPY {source(table, columns)} TO STDOUT (FORMAT binary);\n" for table, columns in new.columns.items()
        )
        answer = self.said(database, script)
        at = answer.find(b"\n") + 1
        said = text(answer[: max(0, at - 1)]).split("\t")
        if len(said) != len(listed):
            raise Silent("tables-unnamed")
        wrong = [
            (f"table {name} of the catalogue", name, is_now)
            for (_, name), is_now in zip(listed, said)
            if is_now != name
        ]
        found = {}
        for table in new.columns:
            found[table], at = rows(answer, at)
        return Catalogue(new.columns, found), wrong


def databases(server):
    """Return the databases that take connections, with their numbers, and the folder of the server's files.

    What is in memory is written there first. Raises Silent, Broken.
    """
    columns = "(oid, datname, datallowconn)"
    script = f"CHECKPOINT;\nSHOW data_directory;\nCOPY pg_catalog.pg_database {columns} TO STDOUT (FORMAT binary);\n"
    folder, _, answer = server.said(server.request["database"], script).partition(b"\n")
    listed, _ = rows(answer)
    here = next((place for place in server.request["data"] if os.path.exists(f"{place}/PG_VERSION")), "")
    found = {text(name): number(oid) for oid, name, takes in listed if takes == b"\x01"}
    return found, here or os.fsdecode(folder)


def judge(new, server, database, oid, data):
    """Return what one database's catalogue is like: what differs, what could not be compared, what code it holds."""
    told = {"differences": [], "unknown": [], "code": [], "types": "read"}
    try:
        found = postgres_types.compare(data, oid, server.request["version"], new.types)
    except postgres_types.Unread as error:
        found, told["types"] = [], error.told
    try:
        old, renamed = server.read(database, new)
    except (Silent, Broken) as error:
        return {**told, "silent": error.told, "differences": found[:MOST], "number": len(found)}
    found += renamed
    differ, told["unknown"] = new.differences(old)
    found += differ
    told.update(differences=found[:MOST], number=len(found), **postgres_code.code(old, database))
    return told


def main():
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    server = Server(request)
    answer = {"databases": {}}
    try:
        new = New(request)
    except Lacking as error:
        sys.stdout.write(json.dumps({"lacking": error.told}))
        return
    try:
        listed, data = databases(server)
        for name, oid in sorted(listed.items()):
            answer["databases"][name] = judge(new, server, name, oid, data)
    except subprocess.TimeoutExpired:
        answer["silent"] = ["too-long"]
    except (Silent, Broken, Lacking) as error:
        answer["silent"] = error.told
    finally:
        new.cluster.close()
    sys.stdout.write(json.dumps(answer))


main()
