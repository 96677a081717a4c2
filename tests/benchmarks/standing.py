"""What a large site costs to look at: `drp status`, `drp schedule next` and a tick, with one year of drills and with ten.

1,000 applications with five policies each in windows, monthly: 60,000 slots a year and as many drills, synthesised. Of
each application and level the newest drill has all its entries and every older one its first alone: nobody reads more.
The site is read before; the processor's time counts.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import time as clock_time
from datetime import timedelta
from pathlib import Path
from typing import Any

from drp.clock import SystemClock
from drp.codec import canonical, to_data
from drp.codec import digest as digest_of
from drp.config.site import Site, load_site
from drp.domain.events import DrillDeclared, Entry, EvidenceSealed
from drp.domain.fold import fold
from drp.domain.level import LEVELS
from drp.domain.schedule.policy import Policy, Window
from drp.domain.summary import summarise
from drp.evidence.deposits import Deposits, note_all_known
from drp.journal import SqlJournal
from drp.journal import summaries as short
from drp.journal.chain import GENESIS, digest, link
from drp.journal.marks import mark_at, write_mark
from drp.journal.verification import note_verified
from drp.schedule.ahead import coming
from drp.schedule.site_desk import desk_of
from drp.schedule.tick import tick
from drp.service import changes
from drp.service.overview import overview
from drp.service.wiring import Wiring
from drp.sinks import DirectorySink
from tests.benchmarks.schedule import NOW, policies_of, synthesise
from tests.simulators.schedule import HandClock, MemoryEngine
from tests.support.many_site import APPLICATION, FILES
from tests.support.sample_journal import Teller, tale, tell
from tests.support.sample_outputs import T0

APPLICATIONS, FEW, MANY, ROUNDS = 1_000, 1, 10, 3
AIM, LIMIT_SECONDS = 1.2, 1.0
HELD = (*LEVELS, "sample", "sample")
"""Levels of the five drills of an application in a month: a journal knows three."""
_ALL_DAYS = tuple(range(7))
_MONTH = timedelta(days=31)
Step = Callable[[Wiring], object]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="drp-bench-", dir="/var/tmp") as folder:
        costs = {years: measured(make_site(Path(folder) / str(years), APPLICATIONS, years)) for years in (FEW, MANY)}
    for name in costs[FEW]:
        few, many = costs[FEW][name], costs[MANY][name]
        met = "met" if many <= AIM * few + 0.01 and many < LIMIT_SECONDS else "MISSED"
        row = f"{name:<8} {FEW} year {few:.3f} s, {MANY} years {many:.3f} s, ratio {many / few:.2f}, aim {AIM} and {LIMIT_SECONDS} s {met}"
        sys.stdout.write(row + "\n")


STEPS: dict[str, Step] = {
    "status": overview,
    "next": lambda wiring: _next(wiring),
    "tick": lambda wiring: tick(desk_of(wiring, MemoryEngine())),
}


def _next(wiring: Wiring) -> object:
    desk = desk_of(wiring, None, reads_only=True)
    return coming(desk, desk.policies, desk.clock.now().wall + timedelta(days=30))


def measured(site: Site) -> dict[str, float]:
    """Return the seconds that each thing takes, as in a process that has just begun."""
    note_state(site)
    return {name: _median(site, step) for name, step in STEPS.items()}


def note_state(site: Site) -> None:
    """Note the schedule's state in short, as whoever may write does."""
    with closing(SqlJournal(site.journal, SystemClock())) as journal:
        journal.register.state()


def _median(site: Site, step: Step) -> float:
    taken = []
    for _ in range(ROUNDS):
        wiring = fresh(site)
        begun = time.process_time()
        step(wiring)
        taken.append(time.process_time() - begun)
        wiring.close()
    return statistics.median(taken)


def fresh(site: Site) -> Wiring:
    """Return the wiring of a process that has just begun."""
    changes._DECLARED.clear()
    wiring = Wiring(site)
    wiring.clock = HandClock(NOW)
    return wiring


def make_site(folder: Path, applications: int, years: int) -> Site:
    """Lay down a site that has held so many years of drills, and read it."""
    names = [f"app{number:04d}" for number in range(applications)]
    contents = {
        name: text.format(restic="/usr/bin/restic") if "repositories" in name else text for name, text in FILES.items()
    }
    contents |= {f"inventory/applications/{name}.yml": APPLICATION.format(name=name, files=10) for name in names}
    contents["secrets/password"] = "correct horse\n"
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "secrets/password").chmod(0o600)
    for name in ("state", "evidence"):
        (folder / name).mkdir(mode=0o750)
    site = load_site(folder)
    policies = windowed(policies_of(applications))
    site = replace(site, schedule=replace(site.schedule, policies=policies))
    assert isinstance(site.journal, Path)
    synthesise(site.journal, policies, years)
    hold(site, names, years)
    return site


def windowed(policies: dict[str, Policy]) -> dict[str, Policy]:
    """Return the policies with a window each, in which everything has to fit."""
    nights = (Window(days=_ALL_DAYS, begins=clock_time(20), ends=clock_time(8)),)
    return {key: replace(policy, windows=nights) for key, policy in policies.items()}


class Template:
    """A drill of one level with places for what is another in every drill."""

    def __init__(self, site: Site, level: str) -> None:
        """Tell it, as a drill of the first application."""
        wiring = Wiring(site)
        plan = wiring.declarable(site.ad_hoc_plan("app0000", level=level))
        wiring.close()
        told = tell(tale(application=plan.recoveries[0].application), drill="@drill@")
        teller = Teller("@drill@")
        for entry in told:
            event = entry.event
            if isinstance(event, DrillDeclared):
                event = replace(event, plan=plan, plan_digest=digest_of(plan))
            teller.now_ms = (entry.stamp.wall - T0) // timedelta(milliseconds=1)
            teller.say(event)
        teller.say(EvidenceSealed(record_digest="d" * 64, location="/srv/elsewhere/record.json", host="elsewhere"), 100)
        self.bodies = [self._body(entry) for entry in teller.entries]
        summary = summarise(fold(teller.entries))
        assert summary.took_ms is not None, "a whole drill"
        self.rows = short.rows_of(0, summary)
        wall = to_data(summary.declared_at)
        self.summary = canonical(to_data(summary)).decode().replace(wall, "@wall@").replace("app0000", "@name@")

    def _body(self, entry: Entry) -> str:
        told = {"drill": "@drill@", "sequence": entry.sequence, "previous": "@previous@"}
        stamp = {**to_data(entry.stamp), "wall": "@wall@"}
        text = canonical({**told, "stamp": stamp, "event": to_data(entry.event)}).decode()
        return text.replace("app0000", "@name@")


def hold(site: Site, names: list[str], years: int) -> None:
    """Write the drills of so many years into the journal, with what is noted of them in short."""
    templates = {level: Template(site, level) for level in LEVELS}
    position, chained = -1, GENESIS
    with closing(sqlite3.connect(site.journal, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        for month in range(12 * years - 1, -1, -1):
            for name in names:
                for at, level in enumerate(HELD):
                    template = templates[level]
                    values = {
                        "@name@": name,
                        "@drill@": f"{name}-{month}-{at}",
                        "@wall@": to_data(NOW - month * _MONTH - timedelta(hours=1)),
                    }
                    _note(connection, position + 1, template, values)
                    previous = GENESIS
                    for sequence, body in enumerate(template.bodies if month == 0 else template.bodies[:1]):
                        text = _filled(body, {**values, "@previous@": previous}) if month == 0 else "{}"
                        position, previous = position + 1, digest(text)
                        chained = link(position, previous, chained)
                        row = (position, values["@drill@"], sequence, text, previous, chained)
                        connection.execute("INSERT INTO drp_journal VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("COMMIT")
    with closing(SqlJournal(site.journal, SystemClock())) as journal:
        with journal._database.writing() as writing:
            write_mark(writing, short.MARK, mark_at(writing, position, f"{short.FORM} {short.totals(writing)}"))
        note_verified(journal._database, position + 1, NOW)
        note_all_known(Deposits([DirectorySink(site.journal.parents[1] / "evidence")]), journal, SystemClock())


def _filled(text: str, values: dict[str, str]) -> str:
    for place, value in values.items():
        text = text.replace(place, value)
    return text


def _note(connection: sqlite3.Connection, first: int, template: Template, values: dict[str, str]) -> None:
    """Write a drill's rows as `write_summary` does."""
    body = _filled(template.summary, values)
    row = (first, values["@drill@"], 1, body, short._digest(first, body))
    connection.execute("INSERT INTO drp_journal_drills VALUES (?, ?, ?, ?, ?)", row)
    for table, rows in zip(short.BY_DRILL, template.rows, strict=True):
        for found in rows:
            filled: dict[str, Any] = {**found, "first": first}
            if "recovery" in filled:
                filled["recovery"] = values["@name@"]
            if "plan" in filled:
                filled["plan"] = filled["plan"].replace("app0000", values["@name@"])
            marks = ", ".join("?" for _ in filled)
            connection.execute(
                f"INSERT INTO {table.name} ({', '.join(filled)}) VALUES ({marks})", tuple(filled.values())
            )


if __name__ == "__main__":
    main()
