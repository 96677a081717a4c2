"""What many drills cost: looking at a site, listing, and beginning a drill, with 100 drills and with 100,000.

The drills are synthesised: one sample drill, under other names, an hour apart, with a record each. `drp` runs as a user
types it; the processor's time of whole processes counts, for a busy machine tells no wall time.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from drp.clock import SystemClock
from drp.codec import canonical, to_data
from drp.domain.events import EvidenceSealed
from drp.domain.fold import fold
from drp.domain.summary import DrillSummary, summarise
from drp.evidence.deposits import Deposits, note_all_known
from drp.journal import SqlJournal
from drp.journal import summaries as short
from drp.journal.chain import GENESIS, digest, link
from drp.journal.marks import mark_at, write_mark
from drp.journal.verification import note_verified
from drp.sinks import DirectorySink
from tests.support.sample_journal import Teller, tale, tell

FEW, MANY, ROUNDS = 100, 100_000, 5
AIM = 1.2
VERBS = (("status",), ("drill", "list"), ("evidence", "list"), ("drill", "show", "latest"))
RECORD = b'{"sample":"record"}'


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="drp-bench-", dir="/var/tmp") as folder:
        sites = {number: make_site(Path(folder) / str(number), number) for number in (FEW, MANY)}
        for name, cost in costs(sites).items():
            few, many = cost[FEW], cost[MANY]
            met = "met" if many <= AIM * few else "MISSED"
            row = f"{name:<20} {FEW} drills {few:.3f} s, {MANY} drills {many:.3f} s, ratio {many / few:.2f}, aim {AIM} {met}"
            sys.stdout.write(row + "\n")


def make_site(folder: Path, number: int) -> Path:
    """Lay down a site that has held so many drills."""
    subprocess.run([sys.executable, "-m", "drp", "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    state, evidence = folder / "state", folder / "evidence"
    state.mkdir(exist_ok=True, mode=0o750)
    evidence.mkdir(exist_ok=True, mode=0o750)
    synthesise(state / "journal.sqlite", evidence, number)
    for drill in range(number):
        place = evidence / name_of(drill)
        place.mkdir(mode=0o750)
        (place / "record.json").write_bytes(RECORD)
    with closing(SqlJournal(state / "journal.sqlite", SystemClock())) as journal:
        note_all_known(Deposits([DirectorySink(evidence)]), journal, SystemClock())
    return folder


def name_of(drill: int) -> str:
    """Return a drill's id."""
    return f"nightly-{drill:06d}"


def sample(evidence: Path) -> tuple[list[str], DrillSummary]:
    """Return the bodies of a sample drill with places for what is another in every drill, and what it is in short."""
    teller = Teller("sample")
    teller.entries = tell(tale(), drill="sample")
    location = str(evidence / "sample/record.json")
    teller.say(EvidenceSealed(record_digest=hashlib.sha256(RECORD).hexdigest(), location=location), 100)
    bodies = []
    for entry in teller.entries:
        told = {"drill": "@drill@", "sequence": entry.sequence, "previous": "@previous@"}
        stamp = {**to_data(entry.stamp), "wall": "@wall@"}
        text = canonical({**told, "stamp": stamp, "event": to_data(entry.event)}).decode()
        bodies.append(text.replace("/sample/", "/@drill@/"))
    return bodies, summarise(fold(teller.entries))


def synthesise(path: Path, evidence: Path, number: int) -> None:
    """Write so many drills into a new journal, with what is noted of them in short."""
    SqlJournal(path, SystemClock()).close()
    bodies, summary = sample(evidence)
    position, chained = -1, GENESIS
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        for drill in range(number):
            told = renamed(summary, name_of(drill), drill)
            assert told.declared_at is not None
            wall, previous = to_data(told.declared_at), GENESIS
            note(connection, position + 1, told)
            for sequence, body in enumerate(bodies):
                text = body.replace("@drill@", told.drill).replace("@previous@", previous).replace("@wall@", wall)
                position, previous = position + 1, digest(text)
                chained = link(position, previous, chained)
                row = (position, told.drill, sequence, text, previous, chained)
                connection.execute("INSERT INTO drp_journal VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("COMMIT")
    with closing(SqlJournal(path, SystemClock())) as journal:
        with journal._database.writing() as writing:
            write_mark(writing, short.MARK, mark_at(writing, position, f"{short.FORM} {short.totals(writing)}"))
        note_verified(journal._database, position + 1, SystemClock().now().wall)


def renamed(summary: DrillSummary, name: str, drill: int) -> DrillSummary:
    """Return what another drill is in short."""
    assert summary.declared_at is not None
    assert summary.sealed is not None
    sealed = replace(summary.sealed, location=summary.sealed.location.replace("sample", name))
    declared_at = summary.declared_at + timedelta(hours=drill - MANY)
    return replace(summary, drill=name, declared_at=declared_at, sealed=sealed, sealed_at=declared_at)


def note(connection: sqlite3.Connection, first: int, summary: DrillSummary) -> None:
    """Write a drill's rows as `write_summary` does."""
    body = canonical(to_data(summary)).decode()
    row = (first, summary.drill, int(summary.settled), body, short._digest(first, body))
    connection.execute("INSERT INTO drp_journal_drills VALUES (?, ?, ?, ?, ?)", row)
    by_table = zip(short.BY_DRILL, short.rows_of(first, summary), strict=True)
    for table, found in ((table.name, found) for table, rows in by_table for found in rows):
        columns = ", ".join(found)
        marks = ", ".join("?" for _ in found)
        connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(found.values()))


def costs(sites: dict[int, Path]) -> dict[str, dict[int, float]]:
    """Return the median processor seconds of every verb on every site, run in turn, and of beginning a drill."""
    found: dict[str, dict[int, list[float]]] = {}
    for _ in range(ROUNDS):
        for verb in (*VERBS, ("begin",)):
            for number, site in sites.items():
                begins = verb == ("begin",)
                words = (
                    [sys.executable, __file__, str(site)]
                    if begins
                    else [sys.executable, "-m", "drp", "--site", str(site), *verb]
                )
                found.setdefault(" ".join(verb), {}).setdefault(number, []).append(cpu_seconds(words))
    return {name: {number: statistics.median(taken) for number, taken in cost.items()} for name, cost in found.items()}


def cpu_seconds(words: list[str]) -> float:
    """Return the processor's seconds of a program and all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, capture_output=True, check=False, env=environment)
    if done.returncode not in {0, 1, 2}:
        raise RuntimeError(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def begin(site: Path) -> None:
    """Do what a worker does with the history before and while it begins a drill."""
    from drp.config.site import load_site
    from drp.drill.declare import unfinished
    from drp.drill.history import earlier
    from drp.evidence.deposits import recent, require_sealed
    from drp.service.wiring import Wiring

    wiring = Wiring(load_site(site))
    journal, now = wiring.journal(), wiring.clock.now().wall
    journal.verify(whole=False)
    require_sealed(wiring.deposits(), recent(journal), journal)
    assert unfinished(journal) == ()
    journal.history.beginning("nightly-2026", 1000)
    assert journal.history.newest(1)
    assert earlier(journal, "ehr", before=now, restored_state=now).code is not None


if __name__ == "__main__":
    begin(Path(sys.argv[1]))
