"""Runs where a check looks from: a new PostgreSQL cluster, and what its catalogue holds."""

import os

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


def quoted(name):
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def source(table, columns):
    """Return what COPY takes to read a table as it lies."""
    names = ", ".join(f'"{name}"' for name, _ in columns)
    if table in FILTERS:
        return f"(SELECT {names} FROM ONLY pg_catalog.{table} WHERE {FILTERS[table]})"
    return f"pg_catalog.{table} ({names})"


class New:
    """The new cluster, and what was read of it."""

    def __init__(self, request):
        """Make it. Raises Lacking."""
        self.version = request["version"]
        self.cluster = Fresh(self.version, request["programs"], request["seconds"])
        try:
            self.names, self.columns = self._columns()
            self.catalogue = self.read()
            self.types = postgres_types.types(self.cluster.data, TEMPLATE1, request["version"])
        except (Broken, postgres_types.Unread) as error:
            self.cluster.close()
            raise Lacking("not-read", error.told) from None
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
            made = "".join(
                f"CREATE EXTENSION IF NOT EXISTS {quoted(one)} SCHEMA {quoted(schema)}"
                f" VERSION {quoted(version)} CASCADE\n"
                for one, (schema, version) in wanted.items()
            )
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
            f"COPY {source(table, self.columns[table])} TO '{self._file(table)}' (FORMAT binary)\n" for table in tables
        )
        self.cluster.single(script, database)
        found = {}
        for table in tables:
            with open(self._file(table), "rb") as stream:
                found[table], _ = rows(stream.read())
            os.remove(self._file(table))
        return Catalogue(self.columns, found)

    def differences(self, old):
        """Return how a database differs from a new one, and extensions that cannot be made here to compare with.

        What an extension added to the system's own schemas is compared with what it adds to a new database.
        """
        found = list(differences(self.catalogue, old))
        versions = {text(old.raw("pg_extension", row, "extname")): row for row in old.tables["pg_extension"]}
        wanted = {}
        for name in {one.extension for one in found if one.extension}:
            schema = old.schemas.get(old.value("pg_extension", versions[name], "extnamespace"), "public")
            version = text(old.raw("pg_extension", versions[name], "extversion"))
            wanted[name] = (schema if schema in ("pg_catalog", "public") else "public", version)
        if not wanted:
            return [one.told for one in found], []
        try:
            return [one.told for one in differences(self.with_extensions(wanted), old)], []
        except Lacking as error:
            unknown = [["extension", name, version, error.told] for name, (_, version) in sorted(wanted.items())]
            return [one.told for one in found if not one.extension], unknown
