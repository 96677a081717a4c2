"""Keeps what was read of a repository's index files and trees, so that each is read once: they never change.

An SQLite file below the state directory, and beside it a message authentication code over all of its bytes, with a key
that only who has the repository's password can make. A file that does not match it, was left half written, or is of
another version is not looked into: it is removed and made anew. What a point needs is kept too, and good for as long
as index files were only added that hold none of the blobs known before (``generation``).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import sqlite3
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from drp.repositories.restic.needs.formats import Blob

_FORMAT = 1
_PAGES_KIB = 48 << 10
_STEPS = 2_000_000
_CHUNK = 1 << 20
_SCHEMA = """
CREATE TABLE note (format INTEGER NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE source (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE TABLE pack (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE TABLE data (key INTEGER, pack INTEGER, source INTEGER, PRIMARY KEY (key, pack, source)) WITHOUT ROWID;
CREATE TABLE place (tree BLOB, pack INTEGER, source INTEGER, start INTEGER, length INTEGER, raw INTEGER,
                    PRIMARY KEY (tree, pack, source, start)) WITHOUT ROWID;
CREATE TABLE tree (id BLOB PRIMARY KEY, subtrees BLOB NOT NULL, contents BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE needed (point BLOB PRIMARY KEY, generation INTEGER, packs BLOB, sources BLOB) WITHOUT ROWID;
"""
_WORKING = """
CREATE TEMP TABLE new_data (key INTEGER, pack INTEGER, source INTEGER);
CREATE TEMP TABLE wanted (key INTEGER PRIMARY KEY);
"""


def key_of(identity: bytes) -> int:
    """Return the first eight bytes of a blob's id as SQLite's signed number."""
    return int.from_bytes(identity[:8], "big", signed=True)


class Cache:
    """What is known of one repository. One process uses it at a time; another one does without what is kept."""

    def __init__(self, folder: Path | None, key: bytes, alive: Callable[[], None]) -> None:
        """``key`` authenticates the file; ``alive`` is called while the database works. Raises ``sqlite3.Error``."""
        self._key = key
        self._private: tempfile.TemporaryDirectory[str] | None = None
        self._lock = -1
        if folder is None or not self._own(folder):
            self._private = tempfile.TemporaryDirectory(prefix="drp-needs-")
            folder = Path(self._private.name)
        self._file, self._mark = folder / "needs.sqlite", folder / "needs.mac"
        self._changed = False
        if not self._is_sound():
            self._anew()
        self._database = self._opened(alive)
        if self._private is not None:
            self._private.cleanup()  # the open file is enough, and nothing is left of it whatever ends this process

    def _own(self, folder: Path) -> bool:
        """Return whether the folder is private, and this process the only one that works in it."""
        seen = folder.lstat()
        if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
            return False
        try:
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _is_sound(self) -> bool:
        try:
            return hmac.compare_digest(self._mark.read_bytes(), self._code())
        except OSError:
            return False

    def _code(self) -> bytes:
        """Return the code over all bytes of the file."""
        code = hashlib.blake2b(key=self._key, digest_size=32)
        with self._file.open("rb", buffering=0) as stream:
            buffer = bytearray(1 << 20)
            while got := stream.readinto(buffer):
                code.update(memoryview(buffer)[:got])
        return code.digest()

    def _anew(self) -> None:
        for path in (self._file, self._mark, self._file.with_name("needs.sqlite-journal")):
            path.unlink(missing_ok=True)
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _opened(self, alive: Callable[[], None]) -> sqlite3.Connection:
        os.environ["SQLITE_TMPDIR"] = str(self._file.parent.parent if self._private else self._file.parent)
        database = sqlite3.connect(self._file, isolation_level=None)
        database.set_progress_handler(alive, _STEPS)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_PAGES_KIB}", "temp_store = FILE"):
            database.execute(f"PRAGMA {setting}")
        database.execute("PRAGMA temp.cache_size = -8192")
        database.executescript(_WORKING)
        if not self._file.stat().st_size:
            self._begin()
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO note VALUES (?, 0)", (_FORMAT,))
        elif database.execute("SELECT format FROM note").fetchone() != (_FORMAT,):
            database.close()
            self._anew()
            return self._opened(alive)
        return database

    def _begin(self) -> None:
        """Before the first change: what is interrupted from now on is made anew."""
        if not self._changed:
            self._mark.unlink(missing_ok=True)
            self._changed = True

    def save(self) -> None:
        """Keep what was added so far."""
        if not self._changed or self._private is not None:
            return
        with suppress(sqlite3.OperationalError):
            self._database.execute("COMMIT")
        written = self._mark.with_name("needs.mac.new")
        written.unlink(missing_ok=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, self._code())
        finally:
            os.close(descriptor)
        written.replace(self._mark)
        self._changed = False

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
        if self._lock >= 0:
            os.close(self._lock)

    def sources(self) -> dict[bytes, int]:
        """Return the index files that are in it, by id."""
        return dict(self._database.execute("SELECT id, number FROM source"))

    def forget(self, sources: Iterable[int]) -> None:
        """Take out index files that are there no more."""
        numbers = [(number,) for number in sources]
        if not numbers:
            return
        self._begin()
        self._database.execute("CREATE TEMP TABLE gone (number INTEGER PRIMARY KEY)")
        self._database.executemany("INSERT INTO gone VALUES (?)", numbers)
        for table, column in (("data", "source"), ("place", "source"), ("source", "number")):
            self._database.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT number FROM gone)")  # noqa: S608 - names of ours
        self._database.execute("DROP TABLE gone")
        self._age()

    def add(self, source: bytes, packs: Iterable[tuple[bytes, list[Blob]]]) -> None:
        """Take in one index file; `settle` makes it count."""
        self._begin()
        database = self._database
        database.execute("BEGIN")
        number = database.execute("INSERT INTO source (id) VALUES (?)", (source,)).lastrowid or 0
        for identity, blobs in packs:
            pack = self._pack(identity)
            rows = [(key_of(blob.id), pack, number) for blob in blobs if not blob.tree]
            database.executemany("INSERT INTO new_data VALUES (?, ?, ?)", rows)
            for blob in blobs:
                if blob.tree:
                    self._place(blob, pack, number)
        database.execute("COMMIT")

    def _pack(self, identity: bytes) -> int:
        """Return a pack's number. Numbers are dense, and never given twice."""
        found = self._database.execute("SELECT number FROM pack WHERE id = ?", (identity,)).fetchone()
        if found:
            return int(found[0])
        return self._database.execute("INSERT INTO pack (id) VALUES (?)", (identity,)).lastrowid or 0

    def _place(self, blob: Blob, pack: int, source: int) -> None:
        if self._database.execute("SELECT 1 FROM place WHERE tree = ? LIMIT 1", (blob.id,)).fetchone():
            self._age()
        self._database.execute(
            "INSERT OR IGNORE INTO place VALUES (?, ?, ?, ?, ?, ?)",
            (blob.id, pack, source, blob.offset, blob.length, blob.raw),
        )

    def settle(self) -> None:
        """Make the added index files count, in one sorted pass."""
        known = self._database.execute("SELECT 1 FROM needed LIMIT 1").fetchone() is not None
        again = "SELECT 1 FROM new_data JOIN data USING (key) LIMIT 1"
        if known and self._database.execute(again).fetchone():
            self._age()
        self._database.execute("INSERT OR IGNORE INTO data SELECT key, pack, source FROM new_data ORDER BY 1, 2, 3")
        self._database.execute("DELETE FROM new_data")

    def _age(self) -> None:
        self._database.execute("UPDATE note SET generation = generation + 1")

    def places(self, tree: bytes) -> list[tuple[int, int, int, int, int]]:
        """Return where a tree lies: pack, index file, offset, length, length once decompressed."""
        return self._database.execute(
            "SELECT pack, source, start, length, raw FROM place WHERE tree = ?", (tree,)
        ).fetchall()

    def tree(self, identity: bytes) -> tuple[bytes, bytes] | None:
        """Return a tree's subtrees and contents, if it was read before."""
        found = self._database.execute("SELECT subtrees, contents FROM tree WHERE id = ?", (identity,)).fetchone()
        return (found[0], found[1]) if found else None

    def keep_trees(self, trees: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Keep trees that were read: id, subtrees, contents."""
        self._begin()
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR IGNORE INTO tree VALUES (?, ?, ?)", trees)
        self._database.execute("COMMIT")

    def holding(self, keys: array[int]) -> Iterator[tuple[int | None, int | None]]:
        """Yield the packs and index files that hold data; None: some of it is in none. ``keys``: see `key_of`."""
        for start in range(0, len(keys), _CHUNK):
            some = sorted(set(keys[start : start + _CHUNK]))
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM wanted")
            self._database.executemany("INSERT INTO wanted VALUES (?)", ((key,) for key in some))
            self._database.execute("COMMIT")
            yield from self._database.execute(
                "SELECT DISTINCT data.pack, data.source FROM wanted CROSS JOIN data ON data.key = wanted.key"
            )
            lost = "SELECT 1 FROM wanted WHERE NOT EXISTS (SELECT 1 FROM data WHERE data.key = wanted.key) LIMIT 1"
            if self._database.execute(lost).fetchone():
                yield None, None

    def kept(self, point: bytes) -> tuple[bytes, bytes] | None:
        """Return what a point needs, if that is known and still so: packs as bits by number, index files' numbers."""
        found = self._database.execute(
            "SELECT packs, sources FROM needed JOIN note USING (generation) WHERE point = ?", (point,)
        ).fetchone()
        return (found[0], found[1]) if found else None

    def keep(self, point: bytes, packs: bytes, sources: bytes) -> None:
        """Keep what a point needs."""
        self._begin()
        self._database.execute(
            "INSERT OR REPLACE INTO needed SELECT ?, generation, ?, ? FROM note", (point, packs, sources)
        )

    def pack_id(self, number: int) -> bytes:
        """Return the id of a pack."""
        return bytes(self._database.execute("SELECT id FROM pack WHERE number = ?", (number,)).fetchone()[0])

    def pack_ids(self, bits: bytes) -> bytes:
        """Return the ids of packs that are given as bits by number, in the order of their bytes."""
        found = sorted(
            identity
            for number, identity in self._database.execute("SELECT number, id FROM pack")
            if number >> 3 < len(bits) and bits[number >> 3] & 1 << (number & 7)
        )
        return b"".join(found)
