"""Which stored objects were read whole and found to be what they are called, and when: durable, outside the repository.

An SQLite file of its owner's alone. An entry is written after the whole bytes of its object matched its name, never
before, and in transactions that a ``kill -9`` leaves whole or undone. Nothing in it is proof to others: it says what
this host did, and steers what it reads next.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from drp.atomic import make_folder, storage_errors
from drp.domain.phrase import say
from drp.domain.worm.scrub import Coverage
from drp.errors import Busy, NotReadable

FORM = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, began TEXT NOT NULL, seed TEXT NOT NULL, scope TEXT NOT NULL, ended TEXT);
CREATE TABLE IF NOT EXISTS listings (id INTEGER PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    key TEXT NOT NULL, version TEXT NOT NULL, part TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    modified TEXT NOT NULL, current INTEGER NOT NULL, was_current INTEGER NOT NULL, seen INTEGER NOT NULL,
    first INTEGER NOT NULL, lost TEXT,
    verified TEXT, verified_run INTEGER, damaged TEXT, damaged_run INTEGER, why TEXT,
    PRIMARY KEY (key, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON objects (verified);
"""
_SEE = """
INSERT INTO objects (key, version, part, sha256, size, modified, current, was_current, seen, first)
VALUES (:key, :version, :part, :sha256, :size, :modified, :current, :current * :seen, :seen, :seen)
ON CONFLICT (key, version) DO UPDATE SET
    verified = CASE WHEN size = excluded.size AND modified = excluded.modified THEN verified END,
    verified_run = CASE WHEN size = excluded.size AND modified = excluded.modified THEN verified_run END,
    damaged = CASE WHEN size = excluded.size AND modified = excluded.modified THEN damaged END,
    damaged_run = CASE WHEN size = excluded.size AND modified = excluded.modified THEN damaged_run END,
    size = excluded.size, modified = excluded.modified, current = excluded.current, seen = excluded.seen,
    was_current = max(was_current, excluded.was_current), lost = CASE WHEN excluded.current THEN NULL ELSE lost END
"""
"""What lies under a name anew, by size or time, was never read. ``was_current``: the last listing that had it so."""
_JUDGED = "seen = :listing AND sha256 != '' AND (current OR :all)"


@dataclass(frozen=True, slots=True)
class Listed:
    """One object version as it was listed."""

    key: str
    version: str
    part: str
    sha256: str
    """Empty: its name says nothing about its content."""
    size: int
    modified: str
    current: bool
    """Whether it is what is read by its name."""
    damaged: str | None = None
    """Since when it is known to be damaged, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scrub, which may have been cut off and taken up again."""

    number: int
    began: datetime
    seed: str


@dataclass(frozen=True, slots=True)
class Gone:
    """What was there at an earlier listing, and is not at this one."""

    key: str
    part: str
    lost: bool
    """Whether it was told before, and nothing has accounted for it since."""


class Covered:
    """The coverage of one repository. One process at a time holds it; raises ``Busy``, ``StorageFull``."""

    def __init__(self, path: Path) -> None:
        """Open it, making it when there is none. Raises ``NotReadable`` for what is no coverage of ours."""
        self._path = path
        with storage_errors(path):
            make_folder(path.parent)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._lock)
                raise Busy(say("{path} is held: this repository is being scrubbed already", path=path)) from error
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        with self._translated():
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            found = self._base.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, FORM}:
                raise sqlite3.DatabaseError(f"form {found}")
            self._base.executescript(_SCHEMA)
            self._base.execute(f"PRAGMA user_version = {FORM}")

    def close(self) -> None:
        """Let others have it."""
        self._base.close()
        with suppress(OSError):
            os.close(self._lock)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:  # a fault of ours, and none of the file
            raise
        except sqlite3.DatabaseError as error:
            hint = "what it says of earlier scrubs is lost: move it away, and everything counts as never read"
            raise NotReadable(
                say("{path} cannot be used: {why}", path=self._path, why=error),
                hint=hint if "full" not in str(error) else "make room",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._translated():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def begin(self, now: datetime, seed: str, scope: str, *, not_before: datetime) -> Run:
        """Return the scrub of this scope that was cut off since ``not_before``, or a new one."""
        with self._writing():
            row = self._base.execute(
                "SELECT id, began, seed FROM runs WHERE ended IS NULL AND scope = ? AND began >= ? "
                "AND id = (SELECT max(id) FROM runs)",
                (scope, not_before.isoformat()),
            ).fetchone()
            if row is not None:
                return Run(row[0], datetime.fromisoformat(row[1]), row[2])
            values = (now.isoformat(), seed, scope)
            number = self._base.execute("INSERT INTO runs (began, seed, scope) VALUES (?, ?, ?)", values).lastrowid
        return Run(number or 0, now, seed)

    def end(self, run: Run, now: datetime) -> None:
        """Note that a scrub has ended, by its budget or with everything."""
        with self._writing():
            self._base.execute("UPDATE runs SET ended = ? WHERE id = ?", (now.isoformat(), run.number))

    def list_anew(
        self, objects: Iterable[Listed], at: datetime, hidden: Callable[[str], bool]
    ) -> tuple[int, list[str]]:
        """Note all that is there now, and return the number of the listing: all of it, or nothing when it breaks off.

        An object under whose name there is another content than before counts as never read. ``hidden``: whether a
        delete marker lies over a name, asked once all was listed. Names that are not hidden and of which no version is
        called the current one, as after changes below the store's own interface, are returned: their newest counts.
        """
        with self._writing():
            number = self._base.execute("INSERT INTO listings (at) VALUES (?)", (at.isoformat(),)).lastrowid or 0
            rows = ({**asdict(one), "seen": number} for one in objects)
            self._base.executemany(_SEE, rows)
            question = "SELECT key FROM objects WHERE seen = ? GROUP BY key HAVING max(current) = 0 ORDER BY key"
            headless = [key for (key,) in self._base.execute(question, (number,)) if not hidden(key)]
            self._base.executemany(
                "UPDATE objects SET current = 1, was_current = seen, lost = NULL WHERE key = :key AND version = "
                "(SELECT version FROM objects WHERE key = :key AND seen = :seen ORDER BY modified DESC LIMIT 1)",
                ({"key": key, "seen": number} for key in headless),
            )
            self._base.execute(  # read by its name once, while its versions were not listed
                "DELETE FROM objects WHERE version = '' AND seen < :seen AND "
                "key IN (SELECT key FROM objects WHERE seen = :seen)",
                {"seen": number},
            )
        return number, headless

    def parts(self, listing: int) -> dict[str, int]:
        """Return how many objects of each part are read by their names now; of those below them, as part ``""``."""
        question = "SELECT CASE WHEN current THEN part ELSE '' END, count(*) FROM objects WHERE seen = ? GROUP BY 1"
        with self._translated():
            return dict(self._base.execute(question, (listing,)))

    def gone(self, listing: int) -> tuple[Gone, ...]:
        """Return the keys of which no version is current any more, though one was."""
        question = (
            "SELECT key, min(part), max(lost IS NOT NULL) FROM objects GROUP BY key "
            "HAVING max(was_current) > 0 AND max(was_current) < ? ORDER BY key"
        )
        with self._translated():
            return tuple(Gone(row[0], row[1], bool(row[2])) for row in self._base.execute(question, (listing,)))

    def come(self, listing: int, part: str) -> int:
        """Return how many current objects of a part are there that were at no listing before."""
        question = "SELECT count(*) FROM objects WHERE part = ? AND first = ? AND seen = ? AND current"
        with self._translated():
            return int(self._base.execute(question, (part, listing, listing)).fetchone()[0])

    def forget(self, keys: Iterable[str], listing: int) -> None:
        """Take out what is gone and accounted for; a version that is hidden is only not missed any more."""
        with self._writing():
            for key in keys:
                self._base.execute("UPDATE objects SET was_current = 0, lost = NULL WHERE key = ?", (key,))
            self._base.execute("DELETE FROM objects WHERE was_current = 0 AND seen < ?", (listing,))

    def lose(self, keys: Iterable[str], at: datetime) -> None:
        """Keep in mind what is gone and was not accounted for, until it is."""
        with self._writing():
            values = ((at.isoformat(), key) for key in keys)
            self._base.executemany("UPDATE objects SET lost = coalesce(lost, ?) WHERE key = ?", values)

    def order(self, listing: int, run: Run, *, all_versions: bool) -> Iterator[Listed]:
        """Yield what this scrub has not read yet: damaged ones first, then the oldest-verified, never read before all.

        From a reading of its own: what is noted meanwhile changes nothing of it.
        """
        question = (
            "SELECT key, version, part, sha256, size, modified, current, damaged FROM objects "  # noqa: S608 - of constants
            f"WHERE {_JUDGED} AND verified_run IS NOT :run AND damaged_run IS NOT :run "
            "ORDER BY damaged IS NULL, verified IS NOT NULL, verified, sha256"
        )
        base = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            with self._translated():
                for row in base.execute(question, {"listing": listing, "all": all_versions, "run": run.number}):
                    yield Listed(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), row[7])
        finally:
            base.close()

    def names(self, listing: int, *, all_versions: bool) -> Iterator[tuple[str, str]]:
        """Yield key and version of everything that can be judged, in the order of their names."""
        question = f"SELECT key, version FROM objects WHERE {_JUDGED} ORDER BY key, version"  # noqa: S608 - of constants
        with self._translated():
            yield from self._base.execute(question, {"listing": listing, "all": all_versions})

    def note(self, run: Run, verified: Sequence[tuple[Listed, datetime]]) -> None:
        """Note objects whose whole bytes were read and matched their names, as they were listed then."""
        question = (
            "UPDATE objects SET verified = ?, verified_run = ?, damaged = NULL, damaged_run = NULL, why = NULL "
            "WHERE key = ? AND version = ? AND size = ? AND modified = ?"
        )
        with self._writing():
            self._base.executemany(
                question, ((at.isoformat(), run.number, o.key, o.version, o.size, o.modified) for o, at in verified)
            )

    def condemn(self, run: Run, one: Listed, at: datetime, why: str) -> None:
        """Note an object that is not what it is called: it stays so until it is read whole and matches."""
        with self._writing():
            self._base.execute(
                "UPDATE objects SET damaged = coalesce(damaged, ?), damaged_run = ?, why = ?, verified = NULL, "
                "verified_run = NULL WHERE key = ? AND version = ?",
                (at.isoformat(), run.number, why, one.key, one.version),
            )

    def damaged(self, run: Run) -> tuple[tuple[str, str, str], ...]:
        """Return key, version and why of all that this scrub found damaged, also before it was cut off."""
        question = "SELECT key, version, why FROM objects WHERE damaged_run = ? ORDER BY key, version"
        with self._translated():
            return tuple(self._base.execute(question, (run.number,)))

    def done(self, run: Run) -> tuple[int, int]:
        """Return how many objects and bytes this scrub has read so far, also before it was cut off."""
        question = (
            "SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE verified_run = :run OR damaged_run = :run"
        )
        with self._translated():
            objects, size = self._base.execute(question, {"run": run.number}).fetchone()
        return objects, size

    def read_by(self, run: Run, names: Iterable[tuple[str, str]]) -> int:
        """Return how many of the named object versions this scrub has read."""
        question = "SELECT count(*) FROM objects WHERE key = ? AND version = ? AND ? IN (verified_run, damaged_run)"
        with self._translated():
            return sum(self._base.execute(question, (*name, run.number)).fetchone()[0] for name in names)

    def coverage(self, listing: int, *, all_versions: bool) -> Coverage:
        """Return how far reading everything has come, over all scrubs."""
        question = (
            "SELECT count(*), count(verified), coalesce(sum(size), 0), "  # noqa: S608 - of constants
            "coalesce(sum(CASE WHEN verified IS NOT NULL THEN size END), 0), min(verified) "
            f"FROM objects WHERE {_JUDGED}"
        )
        with self._translated():
            row = self._base.execute(question, {"listing": listing, "all": all_versions}).fetchone()
        oldest = datetime.fromisoformat(row[4]) if row[4] is not None and row[0] == row[1] else None
        return Coverage(objects=row[0], objects_ever=row[1], size=row[2], size_ever=row[3], oldest_at=oldest)
