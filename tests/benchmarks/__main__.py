"""`make bench`: every figure; `python -m tests.benchmarks PART [OPTIONS]` measures one part.

Parts: start, typed, drill, many, journal, history, orders, schedule, standing, facts, region, reconcile, locks, horizon,
pinned, hashing.

Run it on a quiet machine; ratios are what counts. Without arguments the table of hashing is written beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks import (
    drill,
    hashing,
    hashing_typed,
    history,
    horizon,
    journal,
    locks,
    many,
    orders,
    pinned,
    postgres_facts,
    reconcile_speed,
    region,
    schedule,
    scrub,
    standing,
    start,
)

TABLE = Path(__file__).with_name("hashing.md")


def main(arguments: list[str]) -> int:
    part, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if part in {"", "start"}:
        start.main()
    if part in {"", "typed"}:
        hashing_typed.main(rest if part else [])
    if part in {"", "drill"}:
        drill.main()
    if part in {"", "many"}:
        many.main()
    if part in {"", "journal"}:
        journal.main()
    if part in {"", "history"}:
        history.main()
    if part in {"", "orders"}:
        orders.main(rest if part else [])
    if part in {"", "schedule"}:
        schedule.main()
    if part in {"", "standing"}:
        standing.main()
    if part in {"", "facts"}:
        postgres_facts.main(rest if part else [])
    if part in {"", "region"}:
        region.main(rest if part else [])
    if part in {"", "reconcile"}:
        reconcile_speed.main(rest if part else [])
    if part in {"", "horizon"}:
        horizon.main(int(rest[0]) if rest else 1_000_000)
    if part in {"", "locks"}:
        locks.main(rest if part else [])
    if part in {"", "scrub"}:
        scrub.main(rest if part else [])
    if part in {"", "pinned"}:
        pinned.main(rest if part else [])
    if part in {"", "hashing"}:
        return hashing.main(rest if part else ["--table", str(TABLE)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
