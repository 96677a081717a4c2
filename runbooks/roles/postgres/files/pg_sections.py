"""Load a dump in its three sections: definitions, rows, and what is built over rows.

Only rows make code of the backup run: checks, domains, generated columns. They are loaded by a role that can write
every table and is no superuser, so that this code can do no more than that. What such a role cannot load is loaded by
its owner, where that is no superuser, or else as before; which those are is told.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pg_common import RUN, SOCKETS, Failure, complaint, notice, run_tool
from pg_dumps import Dump

_ENTRY = re.compile(r"^(\d+); \d+ \d+ (TABLE DATA|SEQUENCE SET|BLOBS) (.*) (\S+)$")
_FAILED = re.compile(r"COPY failed for table \"(.*)\": ERROR")
_EMPTIED = """SELECT pg_catalog.format('TRUNCATE ONLY %I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname || ' ' || c.relname IN ({names}) \\gexec
"""
"""Before rows are loaded once more: nothing refers to a table yet, and no trigger is there."""
_OLDEST = 14
"""Since then there is a role that may write every table (pg_write_all_data)."""
_POWERFUL = """SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper OR rolcreaterole OR rolreplication
  OR NOT rolcanlogin OR pg_catalog.pg_has_role(oid, 'pg_execute_server_program', 'MEMBER')
  OR pg_catalog.pg_has_role(oid, 'pg_write_server_files', 'MEMBER')
"""


class Entry(NamedTuple):
    """Something of a dump's table of contents."""

    number: str
    kind: str
    name: str
    owner: str


class Loader:
    """Loads dumps into one server."""

    def __init__(self, request: dict[str, Any], programs: Path, version: int) -> None:
        """Keep how to reach it."""
        self.request, self.programs, self.version = request, programs, version
        self.notices: list[dict[str, str]] = []
        self.role = ""

    def environment(self, user: str = "postgres") -> dict[str, str]:
        """Return the connection. A load that is cut off begins anew, so no single commit of it has to be durable."""
        options = "-c synchronous_commit=off -c lock_timeout=0 -c statement_timeout=0"
        return {"PGUSER": user, "PGHOST": str(SOCKETS), "PGPORT": str(self.request["port"]), "PGOPTIONS": options}

    def sql(self, database: str, text: str) -> list[str]:
        """Return the lines that statements answer. Raises Failure."""
        words = [self.programs / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
        ended = run_tool(words, seconds=None, input=text, environment=self.environment())
        if ended.returncode:
            raise Failure("the restored server does not answer: {how}", how=complaint(ended, "psql"))
        return ended.stdout.splitlines()

    def load(self, dump: Dump) -> subprocess.CompletedProcess[str]:
        """Load a dump; returns how its first failure ended, or its last step."""
        whole = ["-d", dump.database] if not dump.makes_database else ["-C", "-d", "postgres"]
        if self.version < _OLDEST:
            return self.restore(dump, whole)
        ended = self.restore(dump, [*whole, "--section=pre-data"])
        if ended.returncode:
            return ended
        here = ["-d", dump.database]
        entries = list(self._entries(dump))
        left = self._rows(dump, [one for one in entries if one.kind == "TABLE DATA"])
        others = [one for one in entries if one.kind != "TABLE DATA"]  # numbers and large objects run no code
        for only in [*([entry] for entry in left), *([others] if others else [])]:
            ended = self.restore(dump, here, only=only)
            if ended.returncode:
                return ended
        return self.restore(dump, [*here, "--section=post-data"])

    def restore(
        self, dump: Dump, words: Sequence[str], *, user: str = "postgres", only: Sequence[Entry] = (), stop: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run pg_restore over a dump, or over some of its entries."""
        chosen: list[object] = []
        if only:
            listed = RUN / "entries"
            listed.write_text("".join(f"{entry.number}; 0 0 x\n" for entry in only))
            chosen = ["-L", listed]
        jobs = ["-j", self.request["jobs"]] if dump.parallel else []
        end = ["--exit-on-error"] if stop else []
        command = [self.programs / "pg_restore", *words, *end, *jobs, *chosen, dump.path]
        return run_tool(command, seconds=None, environment=self.environment(user))

    def _entries(self, dump: Dump) -> Iterator[Entry]:
        listed = run_tool([self.programs / "pg_restore", "-l", dump.path])
        for line in listed.stdout.splitlines():
            if found := _ENTRY.match(line):
                yield Entry(found[1], found[2], found[3], found[4])

    def _rows(self, dump: Dump, rows: list[Entry]) -> list[Entry]:
        """Load rows by the role that can only write tables; returns what is left for a superuser."""
        if not rows:
            return []
        role, database = self._made(), dump.database.replace('"', '""')
        may = f"pg_catalog.has_database_privilege('{role}', pg_catalog.current_database(), 'CONNECT')"
        closed = self.sql(dump.database, f"SELECT 1 WHERE NOT {may}")
        if closed:
            self.sql("postgres", f'GRANT CONNECT ON DATABASE "{database}" TO {role}')
        ended = self.restore(dump, ["-d", dump.database], user=role, only=rows, stop=False)
        if closed:
            self.sql("postgres", f'REVOKE CONNECT ON DATABASE "{database}" FROM {role}')
        if not ended.returncode:
            return []
        names = tuple(f" {name}" for name in _FAILED.findall(ended.stderr))
        powerful = set(self.sql("postgres", _POWERFUL))
        left = []
        for entry in (one for one in rows if not names or one.name.endswith(names)):
            self._empty(dump, entry)
            own = entry.owner not in powerful
            if own and not self.restore(dump, ["-d", dump.database], user=entry.owner, only=[entry]).returncode:
                continue
            self._empty(dump, entry)
            left.append(entry)
            what = f"{dump.database}: rows of {entry.name}"
            self.notices.append(notice("overridden", what, "loaded as a superuser, since no other role could"))
        return left

    def _empty(self, dump: Dump, entry: Entry) -> None:
        name = entry.name.replace("'", "''")
        self.sql(dump.database, _EMPTIED.format(names=f"'{name}'"))

    def _made(self) -> str:
        """Return the role that writes tables and can do nothing else; it is made once, and gone after the load."""
        if not self.role:
            taken = set(self.sql("postgres", "SELECT rolname FROM pg_catalog.pg_roles"))
            self.role = next(
                name for name in (f"loader{number}" for number in range(len(taken) + 1)) if name not in taken
            )
            self.sql("postgres", f"CREATE ROLE {self.role} LOGIN BYPASSRLS IN ROLE pg_read_all_data, pg_write_all_data")
        return self.role

    def close(self) -> None:
        """Remove the role."""
        if self.role:
            self.sql("postgres", f"DROP ROLE {self.role}")
            self.role = ""
