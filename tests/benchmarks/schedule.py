"""What years of a schedule cost: reading its state, a tick, and what is to come, with one year and with ten.

1,000 applications with five policies each, monthly: 60,000 slots a year, synthesised. The processor's time counts.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drp.clock import SystemClock
from drp.codec import canonical, to_data
from drp.domain.clock import Stamp
from drp.domain.schedule.events import PolicySeen, RegisterEvent, SlotEnded, SlotExpected
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.slot import Slot
from drp.journal import SqlJournal
from drp.journal.chain import GENESIS, digest, link
from drp.journal.register_rows import row_of
from drp.schedule.ahead import coming
from drp.schedule.desk import Desk
from drp.schedule.expected import ExpectedOfAll
from drp.schedule.orders import policy_digest
from drp.schedule.site_desk import Proven
from drp.schedule.tick import tick
from tests.simulators.schedule import HandClock, MemoryEngine

APPLICATIONS, LEVELS, FEW, MANY, ROUNDS = 1_000, ("full", "hash", "sample", "scrub", "worm"), 1, 10, 3
AIM, LIMIT_SECONDS = 1.2, 1.0
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAYS_AHEAD = timedelta(days=30)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="drp-bench-", dir="/var/tmp") as folder:
        costs = {years: measured(Path(folder) / f"{years}.sqlite", years, APPLICATIONS) for years in (FEW, MANY)}
    for name in costs[FEW]:
        few, many = costs[FEW][name], costs[MANY][name]
        met = "met" if many <= AIM * few + 0.01 and many < LIMIT_SECONDS else "MISSED"
        row = f"{name:<8} {FEW} year {few:.3f} s, {MANY} years {many:.3f} s, ratio {many / few:.2f}, aim {AIM} and {LIMIT_SECONDS} s {met}"
        sys.stdout.write(row + "\n")


def measured(path: Path, years: int, applications: int) -> dict[str, float]:
    """Return the seconds that each thing takes on a register of so many years."""
    policies = policies_of(applications)
    synthesise(path, policies, years)
    clock = HandClock(NOW)
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.register.state()  # whoever may write notes the state in short
    steps: dict[str, Callable[[Desk], object]] = {
        "state": lambda desk: desk.register.state(),
        "tick": tick,
        "next": lambda desk: coming(desk, desk.policies, NOW + DAYS_AHEAD),
    }
    return {name: _median(path, clock, policies, step) for name, step in steps.items()}


def _median(path: Path, clock: HandClock, policies: dict[str, Policy], step: Callable[[Desk], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        with closing(SqlJournal(path, clock)) as journal:  # as a process that has just begun
            desk = Desk(
                policies=policies, register=journal.register, journal=journal, clock=clock, host="bench",
                engine=MemoryEngine(), plan=_no_plan, proofs=Proven(journal),
                expected=ExpectedOfAll(journal.history, policies.values()),
            )  # fmt: skip
            begun = time.process_time()
            step(desk)
            taken.append(time.process_time() - begun)
    return statistics.median(taken)


def policies_of(applications: int) -> dict[str, Policy]:
    """Return five monthly policies of each application, spread over the days of a month."""
    made = (
        Policy(
            application=f"app{number:04d}",
            level=level,
            cron=f"{number % 60} {number % 24} {1 + (number + 7 * at) % 28} * *",
            zone="Europe/Paris",
            max_age=timedelta(days=40),
            grace=timedelta(days=10),
        )
        for number in range(applications)
        for at, level in enumerate(LEVELS)
    )
    return {policy.key: policy for policy in made}


def synthesise(path: Path, policies: dict[str, Policy], years: int) -> None:
    """Write a register in which every slot of so many years came and was held."""
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.register.append(PolicySeen(policy="gone/full", digest="d"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM drp_register")
        position, chained = -1, GENESIS
        for wall, event in events(policies, years):
            position += 1
            stamp = Stamp(wall=wall, monotonic_ns=position, boot_id="b")
            body = canonical({"event": to_data(event), "position": position, "stamp": to_data(stamp)}).decode()
            chained = link(position, digest(body), chained)
            row = row_of(position, event, body, chained)
            connection.execute("INSERT INTO drp_register VALUES (:position, :expected, :ended, :body, :link)", row)
        connection.execute("UPDATE drp_register_head SET position = ?, link = ?", (position, chained))
        connection.execute("COMMIT")
        for _, sql in guards:
            connection.execute(sql)


def events(policies: dict[str, Policy], years: int) -> Iterator[tuple[datetime, RegisterEvent]]:
    """Yield what a register says of these years, up to now."""
    begins = NOW - timedelta(days=31 * 12 * years)
    for key, policy in policies.items():
        yield begins, PolicySeen(policy=key, digest=policy_digest(policy))
    for month in range(12 * years, 0, -1):
        at = (NOW - timedelta(days=31 * (month - 1))).replace(second=0)
        for policy in policies.values():
            slot = Slot(application=policy.application, level=policy.level, at=at)
            drill = f"{policy.application}-{month}"
            yield at, SlotExpected(slot=slot, start_by=at + timedelta(hours=12))
            yield (
                at + timedelta(hours=1),
                SlotEnded(
                    slot=slot, ending="held", reason="held", values={"drill": drill}, drill=drill, verdict="passed",
                    record_digest="d" * 64, host="bench",
                ),
            )  # fmt: skip


def _no_plan(_values: object) -> None:
    raise AssertionError("nothing is due")


if __name__ == "__main__":
    main()
