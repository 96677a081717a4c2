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
from postgres_difference import differences
from postgres_fresh import Fresh, Lacking
from postgres_system import FILTERS, LEFT_OUT, PINNED, READ, Catalogue

MOST = 40
"""Differences that are named."""
TEMPLATE1 = 1
"""Its number, and so its folder, in every cluster."""
UNSENT = {1033, 1034, 2277}
"""Types that cannot be sent: privileges, and arrays of any element."""


class Silent(Exception):
    """The server did not answer."""


def quoted(name):
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def query(table, columns):
    """Return what reads a table, as it lies."""
    names = ", ".join(f'"{name}"' for name, _ in columns)
    where = f" WHERE {FILTERS[table]}" if table in FILTERS else ""
    return (
        f"COPY (SELECT {names} FROM ONLY pg_catalog.{table}{where}) TO"
        if where
        else f"COPY pg_catalog.{table} ({names}) TO"
    )


class New:
    """The new cluster, and what was read of it."""

    def __init__(self, request):
        """Make it. Raises Lacking."""
        self.cluster = Fresh(request["version"], request["programs"], request["seconds"])
        try:
            self.names, self.columns = self._columns()
            self.catalogue = self.read()
            self.types = postgres_types.types(self.cluster.data, TEMPLATE1, request["version"])
        except (Broken, postgres_types.Unread) as error:
            self.cluster.close()
            raise Lacking(f"a new cluster could not be read: {error}") from None
        except Lacking:
            self.cluster.close()
            raise
        self.extended = {}

    def with_extensions(self, wanted):
        """Return what the new cluster holds with extensions, each of a version. Raises Lacking.

        They are made in a database of their own; what one of them needs is made with it.
        """
        key = tuple(sorted(wanted.items()))
        if key not in self.extended:
            name = f"extended{len(self.extended)}"
            self.cluster.single(f"CREATE DATABASE {name}\n")
            made = "".join(f'CREATE EXTENSION IF NOT EXISTS {quoted(one)} SCHEMA {quoted(schema)} VERSION {quoted(version)} CASCADE\n'
                           for one, (schema, version) in wanted.items())  # fmt: skip
            self.cluster.single(made, name)
            self.extended[key] = self.read(name)
        return self.extended[key]

    def _file(self, number):
        return f"{self.cluster.folder}/{number}"

    def _columns(self):
        """Return the number and the columns of every table of the catalogue that is read."""
        first = "COPY pg_catalog.pg_class (oid, relname, relkind) TO '{}' (FORMAT binary)\n".format(self._file("class"))
        second = "COPY pg_catalog.pg_attribute (attrelid, attname, atttypid, attnum) TO '{}' (FORMAT binary)\n".format(
            self._file("attribute")
        )
        self.cluster.single(first + second)
        with open(self._file("class"), "rb") as stream:
            listed, _ = rows(stream.read())
        found = {number(oid): text(name) for oid, name, kind in listed if number(oid) < PINNED and kind == b"r"}
        wanted = {oid: name for oid, name in found.items() if name in READ}
        columns = {name: [] for name in wanted.values()}
        with open(self._file("attribute"), "rb") as stream:
            listed, _ = rows(stream.read())
        for relation, name, kind, place in listed:
            table = wanted.get(number(relation))
            left = text(name) in LEFT_OUT.get(table, ()) or number(kind) in UNSENT
            if table and int.from_bytes(place, "big", signed=True) > 0 and not left:
                columns[table].append((text(name), number(kind)))
        return {name: oid for oid, name in wanted.items()}, columns

    def read(self, database="template1"):
        """Return what the new cluster holds."""
        tables = list(self.columns)
        script = "".join(
            f"{query(table, self.columns[table])} '{self._file(table)}' (FORMAT binary)\n" for table in tables
        )
        self.cluster.single(script, database)
        found = {}
        for table in tables:
            with open(self._file(table), "rb") as stream:
                found[table], _ = rows(stream.read())
            os.remove(self._file(table))
        return Catalogue(self.columns, found)


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
        ended = subprocess.run([*self.words(database), "-f", "-"], input=script.encode(), capture_output=True, check=False,
                               cwd="/", timeout=self.request["seconds"], env=self.environment)  # fmt: skip
        if ended.returncode:
            raise Silent(ended.stderr.decode("utf-8", "replace").strip()[:300] or f"psql ended with {ended.returncode}")
        return ended.stdout

    def read(self, database, new):
        """Return what a database holds, and which tables have taken another's name, as what, was, is. Raises Silent, Broken.

        ``'1255'::regclass`` is read and printed by the server's own code, whatever its table of relations says.
        """
        listed = sorted((oid, name) for name, oid in new.names.items())
        script = "COPY (SELECT " + ", ".join(f"'{oid}'::pg_catalog.regclass" for oid, _ in listed) + ") TO STDOUT;\n"
        script += "".join(
            f"{query(table, columns)} STDOUT (FORMAT binary);\n" for table, columns in new.columns.items()
        )
        answer = self.said(database, script)
        at = answer.find(b"\n") + 1
        said = text(answer[: max(0, at - 1)]).split("\t")
        if len(said) != len(listed):
            raise Silent("the tables of the catalogue cannot be named")
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
    script = "CHECKPOINT;\nSHOW data_directory;\nCOPY pg_catalog.pg_database (oid, datname, datallowconn) TO STDOUT (FORMAT binary);\n"
    folder, _, answer = server.said(server.request["database"], script).partition(b"\n")
    listed, _ = rows(answer)
    return {text(name): number(oid) for oid, name, takes in listed if takes == b"\x01"}, server.request[
        "data"
    ] or os.fsdecode(folder)


def judge(new, server, database, oid, data):
    """Return what one database's catalogue is like: what differs, what could not be compared, what code it holds."""
    told = {"differences": [], "unknown": [], "code": [], "types": "read"}
    try:
        found = postgres_types.compare(data, oid, server.request["version"], new.types)
    except postgres_types.Unread as error:
        found, told["types"] = [], str(error)
    try:
        old, renamed = server.read(database, new)
    except (Silent, Broken) as error:
        return {**told, "silent": str(error), "differences": found[:MOST], "number": len(found)}
    found += renamed
    differ = list(differences(new.catalogue, old))
    wanted = {}
    extensions = {text(old.raw("pg_extension", row, "extname")): row for row in old.tables["pg_extension"]}
    for name in {one.extension for one in differ if one.extension}:
        row = extensions[name]
        schema = old.schemas.get(old.value("pg_extension", row, "extnamespace"), "public")
        wanted[name] = (
            schema if schema in ("pg_catalog", "public") else "public",
            text(old.raw("pg_extension", row, "extversion")),
        )
    if wanted:
        try:
            extended = new.with_extensions(wanted)
        except Lacking as error:
            told["unknown"] = [f"{name} {version}: {error}" for name, (_, version) in sorted(wanted.items())]
            differ = [one for one in differ if not one.extension]
        else:
            differ = list(differences(extended, old))
    found += [one.told for one in differ]
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
        print(json.dumps({"lacking": str(error)}))
        return
    try:
        listed, data = databases(server)
        for name, oid in sorted(listed.items()):
            answer["databases"][name] = judge(new, server, name, oid, data)
    except (Silent, Broken, subprocess.TimeoutExpired, Lacking) as error:
        answer["silent"] = str(error)
    finally:
        new.cluster.close()
    print(json.dumps(answer))


main()
