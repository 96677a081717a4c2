"""What a journal entry costs: durable appends against plain SQLite doing the same, interleaved; reads by the thousand."""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from drp.clock import SystemClock
from drp.domain.events import Progressed
from drp.journal import SqlJournal

EVENT = Progressed(recovery="ehr", phase="restore", message="x" * 80, done_bytes=1)
ENTRIES = 2000


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="drp-bench-", dir="/var/tmp") as folder:
        for row in (append(Path(folder)), read(Path(folder))):
            sys.stdout.write(row + "\n")


def append(folder: Path) -> str:
    """Return what one durable append costs beside a plain durable insert."""
    journal = SqlJournal(folder / "journal.sqlite", SystemClock())
    with closing(sqlite3.connect(folder / "plain.sqlite", isolation_level=None)) as plain:
        plain.execute("PRAGMA journal_mode=WAL")
        plain.execute("PRAGMA synchronous=FULL")
        plain.execute("CREATE TABLE t (body TEXT)")
        ours, theirs = [], []
        for _ in range(6):
            ours.append(_median_ms(lambda: journal.append("d", EVENT), 60))
            theirs.append(_median_ms(lambda: plain.execute("INSERT INTO t VALUES (?)", ("x" * 600,)), 60))
    journal.close()
    drp, sqlite = statistics.median(ours), statistics.median(theirs)
    return f"journal append: {drp:.2f} ms, plain durable insert {sqlite:.2f} ms, ratio {drp / sqlite:.1f}"


def read(folder: Path) -> str:
    """Return how many entries a second are verified and read."""
    journal = SqlJournal(folder / "read.sqlite", SystemClock())
    for _ in range(ENTRIES):
        journal.append("d", EVENT)
    begun = time.perf_counter()
    journal.verify()
    verified = time.perf_counter()
    assert sum(1 for _ in journal.entries("d")) == ENTRIES
    done = time.perf_counter()
    journal.close()
    return f"journal verify {ENTRIES / (verified - begun):.0f}/s, read {ENTRIES / (done - verified):.0f}/s"


def _median_ms(call: Callable[[], object], count: int) -> float:
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
