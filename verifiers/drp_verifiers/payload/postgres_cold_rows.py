"""Runs where nothing restored has run: counts the rows of a PostgreSQL data directory with a server of this machine.

It works on a copy, reads no restored setting, loads no library, opens no socket and is one process. What it answers
counts only if the catalogue is a new one's, which is compared first.
"""

import json
import os
import shutil
import stat
import subprocess
import sys

import postgres_types
from postgres_binary import Broken, number, rows, text
from postgres_fresh import ENVIRONMENT, Lacking
from postgres_new import MOST, New, quoted, source
from postgres_system import Catalogue
from said import Said

ROOM = 160 << 20
"""Bytes beside the copy: a new cluster, the log of its recovery, answers."""
SETTINGS = (
    "shared_buffers=16MB",
    "huge_pages=off",
    "fsync=off",
    "archive_mode=off",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "local_preload_libraries=",
    "dynamic_library_path=$libdir",
    "ignore_checksum_failure=off",
    "zero_damaged_pages=off",
    "restore_command=false",
    "search_path=pg_catalog",
    "TimeZone=UTC",
    "DateStyle=ISO",
    "log_checkpoints=off",
    "exit_on_error=on",
    "enable_indexscan=off",
    "enable_bitmapscan=off",
    "enable_indexonlyscan=off",
    "jit=off",
    "autovacuum=off",
    "row_security=off",
    "max_prepared_transactions=256",
    "max_locks_per_transaction=512",
    "log_min_messages=warning",
)


class NotNow(Said):
    """It cannot be looked at from here."""


def measured(folder):
    """Return how many bytes a tree is long. Raises NotNow for what leads out of it."""
    size = 0
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            about = os.lstat(os.path.join(place, name))
            if stat.S_ISLNK(about.st_mode):
                raise NotNow("elsewhere")
            if stat.S_ISREG(about.st_mode):
                size += about.st_size
    return size


def copied(data, target):
    """Copy the files of a data directory, without its settings. Raises NotNow."""
    size, free = measured(data), os.statvfs(os.path.dirname(target))
    if size + ROOM > free.f_bavail * free.f_frsize:
        raise NotNow("larger", size)
    shutil.copytree(
        data, target, ignore=lambda _, names: [name for name in names if name in LEFT], copy_function=one_file
    )
    os.chmod(target, 0o700)
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        open(f"{target}/{name}", "w").close()


LEFT = (
    "postmaster.pid",
    "postmaster.opts",
    "standby.signal",
    "recovery.signal",
    "postgresql.auto.conf",
    "postgresql.conf",
    "pg_hba.conf",
    "pg_ident.conf",
)


def one_file(source, target):
    """Copy one file that is one."""
    if stat.S_ISREG(os.lstat(source).st_mode):
        shutil.copyfile(source, target, follow_symlinks=False)


class Cold:
    """The copy, asked by one process at a time."""

    def __init__(self, new, data, seconds):
        """Keep where it is."""
        self.new, self.data, self.seconds = new, data, seconds
        self.answers = os.path.dirname(data)

    def ask(self, database, queries):
        """Return what each query answers, as bytes of COPY. Raises NotNow."""
        script = "".join(f"COPY {asked} TO '{self.answers}/{at}'{form}\n" for at, (asked, form) in enumerate(queries))
        words = [f"{self.new.cluster.programs}/postgres", "--single", "-F", "-D", self.data]
        words += [part for setting in SETTINGS for part in ("-c", setting)]
        try:
            ended = subprocess.run(
                [*words, database],
                input=script.encode(),
                capture_output=True,
                check=False,
                cwd="/",
                timeout=self.seconds,
                env=ENVIRONMENT,
            )
        except subprocess.TimeoutExpired:
            raise NotNow("recovery-too-long") from None
        said = [
            line
            for line in ended.stderr.decode("utf-8", "replace").splitlines()
            if "ERROR" in line or "FATAL" in line or "PANIC" in line
        ]
        found = []
        for at in range(len(queries)):
            try:
                with open(f"{self.answers}/{at}", "rb") as stream:
                    found.append(stream.read())
                os.remove(f"{self.answers}/{at}")
            except OSError:
                if said:
                    raise NotNow("words", said[0].partition("]")[2].strip()[:200]) from None
                raise NotNow("server-ended", ended.returncode) from None
        return found

    def databases(self):
        """Return the databases that take connections."""
        (answer,) = self.ask("template1", [("pg_catalog.pg_database (oid, datname, datallowconn)", " (FORMAT binary)")])
        return {text(name): number(oid) for oid, name, takes in rows(answer)[0] if takes == b"\x01"}

    def look(self, database, oid, newest):
        """Return what one database holds: what differs in its catalogue, rows by table, the newest datum."""
        tables = list(self.new.columns)
        answers = self.ask(database, [(source(table, self.new.columns[table]), " (FORMAT binary)") for table in tables])
        old = Catalogue(self.new.columns, {table: rows(answer)[0] for table, answer in zip(tables, answers)})
        types = postgres_types.compare(self.data, oid, self.new.version, self.new.types)
        found, unknown = self.new.differences(old)
        if unknown:
            raise NotNow(*unknown[0])
        if types + found:
            return {"differences": (types + found)[:MOST]}
        names = relations(old)
        asked = [
            (f"(SELECT pg_catalog.count(*) FROM ONLY {quoted(schema)}.{quoted(name)})", "") for schema, name in names
        ]
        wanted = (
            newest is not None
            and newest[2] in ("", database)
            and newest[0] in {f"{schema}.{name}" for schema, name in names}
        )
        if wanted:
            schema, name = next(pair for pair in names if ".".join(pair) == newest[0])
            asked.append(
                (f"(SELECT pg_catalog.max({quoted(newest[1])}) FROM ONLY {quoted(schema)}.{quoted(name)})", "")
            )
        counted = self.ask(database, asked) if asked else []
        told = [answer.decode("utf-8", "replace").strip() for answer in counted[len(names) :]]
        return {
            "tables": {f"{schema}.{name}": int(answer) for (schema, name), answer in zip(names, counted)},
            "newest": [one for one in told if one != "\\N"],
            "asked": wanted,
        }


def relations(catalogue):
    """Return schema and name of the tables of users whose rows are kept."""
    found = []
    for row in catalogue.tables["pg_class"]:
        schema = catalogue.schemas.get(catalogue.value("pg_class", row, "relnamespace"), "")
        kind, kept = (catalogue.raw("pg_class", row, column) for column in ("relkind", "relpersistence"))
        own = not catalogue.is_system("pg_class", row) and not schema.startswith(("pg_toast", "pg_temp"))
        name = text(catalogue.raw("pg_class", row, "relname"))
        if own and kind == b"r" and kept == b"p":
            if "\n" in schema + name:
                raise NotNow("several-lines")
            found.append((schema, name))
    return sorted(found)


def main():
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    new = None
    try:
        with open(f"{request['data']}/PG_VERSION", encoding="ascii", errors="replace") as stream:
            version = stream.read(8).strip()
        new = New({"version": int(version), "programs": request["programs"], "seconds": request["seconds"]})
        target = f"{new.cluster.folder}/cold"
        copied(request["data"], target)
        cold = Cold(new, target, request["seconds"])
        answer = {
            "databases": {
                name: cold.look(name, oid, request["newest"]) for name, oid in sorted(cold.databases().items())
            }
        }
    except (NotNow, Lacking, Broken, postgres_types.Unread) as error:
        answer = {"lacking": error.told}
    except (OSError, ValueError) as error:
        answer = {"lacking": ["files", str(error)]}
    finally:
        if new is not None:
            new.cluster.close()
    sys.stdout.write(json.dumps(answer))


main()
