"""Runs where nothing restored has run: counts the rows of PostgreSQL dumps from their bytes, without any server.

``pg_restore`` of this machine writes what it would load as text; each table is one COPY whose lines are its rows.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import regular

PIECE = 1 << 20
MOST_LISTED = 64 << 20
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_NAME = rb'("(?:[^"]|"")*"|[^\s".(]+)'
_COPY = re.compile(rb"COPY " + _NAME + rb"\." + _NAME + rb" (?:\((.*)\))? ?FROM stdin;\n\Z")
_COLUMN = re.compile(rb'"(?:[^"]|"")*"|[^\s",]+')
_BESIDE = (b"--", b"SET ", b"SELECT pg_catalog.set_config(", b"\\restrict ", b"\\unrestrict ", b"\n")
_STAMP = re.compile(rb"(\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)((?:[+-]\d\d(?::\d\d){0,2})?)\Z")
_CODECS = {"UTF8": "utf-8", "LATIN1": "latin-1", "LATIN9": "iso8859-15", "WIN1252": "cp1252", "SQL_ASCII": "utf-8"}


def programs():
    """Return the newest pg_restore of this machine, empty if there is none."""
    found = glob.glob("/usr/lib/postgresql/*/bin/pg_restore") + glob.glob("/usr/pgsql-*/bin/pg_restore")
    return max(
        found, key=lambda path: int(re.sub(r"\D", "", path.replace("postgresql", "").replace("pgsql", ""))), default=""
    )


def dumps(folder):
    """Yield the dumps of a folder, by what they are."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            if regular.is_regular(f"{entry.path}/toc.dat"):
                yield entry.path
        elif regular.is_regular(entry.path):
            with regular.opened(entry.path) as stream:
                first = stream.read(512)
            if first.startswith(b"PGDMP") or (first[257:262] == b"ustar" and first.startswith(b"toc.dat\0")):
                yield entry.path


def plain(name, codec):
    """Return a name without the quotes that SQL puts around it."""
    if name.startswith(b'"'):
        name = name[1:-1].replace(b'""', b'"')
    return name.decode(codec, "backslashreplace")


class Rows:
    """What one dump holds."""

    def __init__(self, wanted):
        """Count; ``wanted``: the table and column whose newest value is kept, or None."""
        self.wanted = wanted
        self.tables, self.twice, self.unexpected = {}, [], None
        self.newest = {}
        self.statements = False
        self.codec = "utf-8"
        self.place = None

    def read(self, stream):
        """Read all that pg_restore writes."""
        table, whole = None, True
        while line := stream.readline(PIECE):
            begins, whole = whole, line.endswith(b"\n")
            if table is None:
                table = self._outside(line) if begins else None
            elif begins and line == b"\\.\n":
                table = None
            else:
                self.tables[table] += whole
                if self.place is not None and begins and whole:
                    self._dated(line)
        if table is not None:
            self.unexpected = self.unexpected or ["no-end", table]

    def _outside(self, line):
        """Return the table whose rows begin here, None: none do."""
        if found := _COPY.match(line):
            name = f"{plain(found[1], self.codec)}.{plain(found[2], self.codec)}"
            if name in self.tables:
                self.twice.append(name)
            self.tables.setdefault(name, 0)
            columns = [plain(one, self.codec) for one in _COLUMN.findall(found[3] or b"")]
            here = self.wanted is not None and self.wanted[0] == name and self.wanted[1] in columns
            self.place = columns.index(self.wanted[1]) if here else None
            return name
        if line.startswith(b"SET client_encoding = '"):
            self.codec = _CODECS.get(line.split(b"'")[1].decode("ascii", "replace"), "utf-8")
        self.statements = self.statements or line.startswith(b"INSERT INTO ")
        if not line.startswith((*_BESIDE, b"INSERT INTO ")) and not self.statements:
            self.unexpected = self.unexpected or ["line", line[:60].decode("utf-8", "backslashreplace")]
        return None

    def _dated(self, line):
        fields = line[:-1].split(b"\t")
        value = fields[self.place] if self.place < len(fields) else b"\\N"
        if value == b"\\N":
            return
        found = _STAMP.match(value)
        key, stamp = (found[2], found[1]) if found else (b"?", value[:60])
        if stamp > self.newest.get(key, b""):
            self.newest[key] = stamp


def look(tool, path, wanted):
    """Return what a dump holds."""
    told = {"name": os.path.basename(path)}
    listed = subprocess.run(
        [tool, "-l", path], capture_output=True, check=False, env=ENVIRONMENT, stdin=subprocess.DEVNULL
    )
    contents = listed.stdout[:MOST_LISTED].decode("utf-8", "backslashreplace")
    database = re.search(r"^; *dbname: (.*)$", contents, re.MULTILINE)
    if listed.returncode or database is None:
        return dict(told, unread=complaint(listed.stderr) or ["says-nothing"])
    own = wanted if wanted is not None and wanted[2] in ("", database[1]) else None
    rows = Rows(own)
    entries = re.findall(r"^\d+; \d+ \d+ TABLE DATA ", contents, re.MULTILINE)
    with tempfile.NamedTemporaryFile("w") as chosen:
        chosen.write("".join(f"{entry}\n" for entry in entries))
        chosen.flush()
        words = [tool, "-L", chosen.name, "-f", "-", path]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, stdin=subprocess.DEVNULL
        ) as reading:
            rows.read(reading.stdout)
            said = reading.stderr.read(1 << 16)
            ended = reading.wait()
    if ended:
        told["unread"] = complaint(said) or ["pg-restore-ended", ended]
    if not rows.statements and not ended and len(entries) != len(rows.tables):
        rows.unexpected = rows.unexpected or ["contents", len(rows.tables), len(entries)]
    if rows.twice:
        rows.unexpected = rows.unexpected or ["twice", rows.twice[0]]
    newest = [
        (stamp + zone).decode("ascii", "backslashreplace")
        if zone != b"?"
        else stamp.decode("utf-8", "backslashreplace")
        for zone, stamp in rows.newest.items()
    ]
    return dict(
        told,
        database=database[1],
        tables=rows.tables,
        unexpected=rows.unexpected,
        statements=rows.statements,
        extensions=" EXTENSION - " in contents,
        newest=newest,
        asked=own is not None,
    )


def complaint(stderr):
    """Return the first thing that a program had against its input, without what stands in quotes; None for nothing."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if "error" in line]
    return ["words", re.sub(r'"[^"]*"', '"…"', lines[0])[:200]] if lines else None


def main():
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    tool = programs()
    if not tool:
        sys.stdout.write(json.dumps({"lacking": ["no-pg-restore"]}))
        return
    try:
        found = [look(tool, path, request["newest"]) for path in dumps(request["folder"])]
    except OSError as error:
        sys.stdout.write(json.dumps({"lacking": ["folder", str(error.strerror)]}))
        return
    sys.stdout.write(json.dumps({"dumps": found}))


main()
