"""How long the judgement of a reconciliation takes and how much memory, beside DuckDB that joins the same files.

`python -m tests.benchmarks.reconcile_speed [--records N]`. Two references, one with a patient that must be the same; a
thousandth of each side is missing on the other. Both read the same two CSV files, each in a process of its own on one
processor; DuckDB, where it is installed, is held to the memory that drp promises. What drp adds to a join is not asked
of it: forms of keys, ages, exceptions, the common instant.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.preparation import Circumstances

MOST_MIB = 512
SIDES = ("orders", "images")
FIELDS = ("accession", "patient", "study")


def rows(first: int, count: int) -> Iterator[tuple[int, str, str, str]]:
    """Yield records: instant in microseconds, accession number, patient, study."""
    for number in range(first, first + count):
        study = f"1.2.840.113619.2.{number * 7919 % 1_000_003}.{number}.55"
        yield number * 1_000_000, f"A{number:09d}", f"P{number // 3:08d}", study


def write(folder: Path, records: int) -> None:
    """Write both sides."""
    for first, name in ((0, "orders"), (records // 1000, "images")):
        with (folder / f"{name}.csv").open("w", newline="") as out:
            csv.writer(out).writerows(rows(first, records))


def by_drp(folder: Path) -> dict[str, int]:
    """Read and judge."""
    places = [{field: FieldOf(records=side, field=field) for field in FIELDS} for side in SIDES]
    orders, images = places
    declaration = Reconciliation(
        records=(
            RecordSource(name="orders", application="ehr", reader="none"),
            RecordSource(name="images", application="pacs", reader="none"),
        ),
        references=(
            Reference(
                name="ordered", source=images["accession"], target=orders["accession"], both_ways=True,
                same={"patient": "patient"},
            ),
            Reference(name="studied", source=images["study"], target=orders["study"], both_ways=True),
        ),
    )  # fmt: skip
    collected = {name: Collected(declaration, name) for name in SIDES}
    for name, found in collected.items():
        with (folder / f"{name}.csv").open(newline="") as file:
            for at, *values in csv.reader(file):
                found.receive((int(at), tuple(values)))
    result = judge(declaration, collected, Circumstances(today=date(2026, 11, 30)))
    return {
        "dangling": sum(way.dangling for reference in result.references for way in reference.ways),
        "mismatched": sum(reference.mismatched for reference in result.references),
    }


def by_duckdb(folder: Path) -> dict[str, int]:
    """Read and join."""
    duckdb = importlib.import_module("duckdb")
    connection = duckdb.connect(config={"threads": 1, "memory_limit": f"{MOST_MIB}MiB", "temp_directory": str(folder)})
    for side in SIDES:
        columns = "{'at': 'BIGINT', 'accession': 'VARCHAR', 'patient': 'VARCHAR', 'study': 'VARCHAR'}"
        connection.execute(
            f"create table {side} as select * from read_csv('{folder}/{side}.csv', columns={columns}, header=false)"
        )

    def count(query: str) -> int:
        return int(connection.execute(f"select count(*) from {query}").fetchall()[0][0])

    dangling = sum(
        count(f"{ours} anti join {theirs} using ({key})")
        for key in ("accession", "study")
        for ours, theirs in (SIDES, SIDES[::-1])
    )
    mismatched = count("orders join images using (accession) where orders.patient is distinct from images.patient")
    return {"dangling": dangling, "mismatched": mismatched}


WAYS: dict[str, Callable[[Path], dict[str, int]]] = {"drp": by_drp, "duckdb": by_duckdb}


def one(way: str, folder: Path) -> None:
    """Measure one of them in this process, and print it as JSON."""
    began = time.monotonic()
    found = WAYS[way](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": time.monotonic() - began, "mib": peak, **found}))


def main(arguments: list[str] | None = None) -> None:
    """Print seconds and peak memory of each, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="on each side")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        one(chosen.one[0], Path(chosen.one[1]))
        return
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), chosen.records)
        for way in WAYS:
            if way == "duckdb" and importlib.util.find_spec("duckdb") is None:
                print("duckdb is not installed here: `uv pip install duckdb` (MIT)")
                continue
            program = [sys.executable, "-m", "tests.benchmarks.reconcile_speed", "--one", way, folder]
            said = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
            took[way] = said.pop("seconds")
            print(f"{way}: {chosen.records} records a side: {took[way]:.1f} s, {said.pop('mib')} MiB at most, {said}")
    if len(took) > 1:
        print(f"drp takes {took['drp'] / took['duckdb']:.1f} times as long")


if __name__ == "__main__":
    main()
