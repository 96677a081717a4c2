"""Runs inside the sandbox: opens a restored SQLite database so that nothing in it acts and nothing of it changes.

What a schema brings is somebody's code: triggers, views, generated columns, indexes of expressions, virtual tables.
None of it may write, attach, load or take for ever (https://www.sqlite.org/security.html). A write-ahead log is read
where it lies; only a transaction that was under way has to be rolled back, on a copy.
"""

import errno
import os
import sqlite3
import time
from urllib.parse import quote

from regular import copied, is_regular, opened
from said import Said

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_RECURSIVE}
WRITING = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
SHADOWS = ("_node", "_parent", "_rowid", "sqlite_master")
"""What R-trees prepare to write as soon as they are opened; ``query_only`` lets none of it run."""
ACTING = {"load_extension", "fts3_tokenizer", "writefile", "edit", "sqlite_compileoption_used", "readfile"}
PLAIN = {"application_id", "auto_vacuum", "collation_list", "compile_options", "data_version", "encoding",
         "foreign_key_check", "foreign_keys", "freelist_count", "function_list", "integrity_check", "journal_mode",
         "module_list", "page_count", "page_size", "pragma_list", "quick_check", "schema_version", "table_list",
         "user_version"}  # fmt: skip
NAMING = {"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo", "integrity_check",
          "quick_check", "table_info", "table_list", "table_xinfo"}  # fmt: skip
STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock."""
SPARE = 16 << 20
LIMITS = (("SQLITE_LIMIT_ATTACHED", 0), ("SQLITE_LIMIT_TRIGGER_DEPTH", 1), ("SQLITE_LIMIT_WORKER_THREADS", 0))
DEFENCES = (("SQLITE_DBCONFIG_DEFENSIVE", True), ("SQLITE_DBCONFIG_TRUSTED_SCHEMA", False),
            ("SQLITE_DBCONFIG_ENABLE_TRIGGER", False), ("SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION", False))  # fmt: skip
PRAGMAS = ("trusted_schema = OFF", "writable_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0",
           "temp_store = MEMORY")  # fmt: skip


class NoRoom(Said):
    """The copy that would have to be made does not fit where this runs."""


class Kept(Said, sqlite3.OperationalError):
    """The database is kept by its application."""


class Clock:
    """One deadline for everything that a database is asked; a part of what is left for each question."""

    def __init__(self, seconds):
        """Begin now."""
        self.ends = time.monotonic() + seconds
        self.until = self.ends

    def share(self, part):
        """Let the next question take a part of what is left."""
        left = max(0.0, self.ends - time.monotonic())
        self.until = min(self.ends, time.monotonic() + left * part)

    def over(self):
        """Return whether the next question took too long: other than 0 stops SQLite."""
        return int(time.monotonic() > self.until)


def under_way(path):
    """Return whether a transaction was under way: its journal begins with something (SQLite: hasHotJournal)."""
    journal = path + "-journal"
    if not is_regular(journal):
        return os.path.lexists(journal)
    with opened(journal) as file:
        return file.read(1) not in {b"", b"\0"}


def has_log(path):
    """Return whether there is a write-ahead log with something in it. Raises OSError when that is no file."""
    log = path + "-wal"
    if not os.path.lexists(log):
        return False
    if not is_regular(log):
        raise OSError(errno.EINVAL, "is no regular file", log)
    return os.lstat(log).st_size > 0


def copy_of(path, folder):
    """Copy a database with its log or journal. Raises NoRoom before anything is written, OSError."""
    parts = [suffix for suffix in ("", "-wal", "-journal") if os.path.lexists(path + suffix)]
    size = sum(os.lstat(path + suffix).st_size for suffix in parts)
    place = os.statvfs(folder)
    room = place.f_bavail * place.f_frsize - SPARE
    if size > room:
        raise NoRoom("no-room", size, max(0, room))
    copy = os.path.join(folder, "database")
    for suffix in parts:
        copied(path + suffix, copy + suffix)
    return copy


def connected(path, folder, request, clock):
    """Return a connection to a database or to a copy of it. Raises NoRoom, OSError, sqlite3.Error.

    ``still``: nothing runs that could change it, which only holds where nothing can be written. There the same is tried
    of one that may change: SQLite cannot make the shared memory that it needs, unless the application has made it.
    """
    logged, fixed = has_log(path), bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    still = fixed and bool(request.get("still"))
    if under_way(path) or (request.get("copy") and not still):
        return guarded(linked(copy_of(path, folder), "mode=rw"), clock)
    if not still:
        connection = linked(path, "mode=ro")
        if not cannot_open(connection):
            return guarded(connection, clock)
        connection.close()
        if not fixed:
            raise Kept("not-opened")
    # without locks and shared memory: a log is read where it lies
    connection = linked(path, "mode=ro&vfs=unix-none" if logged else "immutable=1")
    if logged:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return guarded(connection, clock)


def cannot_open(connection):
    """Return whether SQLite cannot open a database at all, as where it cannot make a file that it needs."""
    try:
        connection.execute("SELECT 1 FROM sqlite_schema")
    except sqlite3.Error as error:
        return "unable to open" in str(error)
    return False


def linked(path, how):
    """Return a bare connection."""
    return sqlite3.connect(f"file:{quote(path)}?{how}", uri=True, timeout=2)


def guarded(connection, clock):
    """Return a connection through which nothing of a schema acts."""
    for name, value in LIMITS:
        if hasattr(connection, "setlimit"):  # Python 3.11
            connection.setlimit(getattr(sqlite3, name), value)
    for name, value in DEFENCES:
        if hasattr(connection, "setconfig"):  # Python 3.12
            connection.setconfig(getattr(sqlite3, name), value)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.set_progress_handler(clock.over, STEPS)
    connection.set_authorizer(allowed)
    return connection


def allowed(action, one, two, _database, _inside):
    """Tell SQLite whether a statement, or what a schema makes of it, may do something."""
    name = str(one or "").lower()
    if action in READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if str(two or "").lower() in ACTING else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if name in (NAMING if two else PLAIN | NAMING) else sqlite3.SQLITE_DENY
    if action in WRITING and name.endswith(SHADOWS):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
