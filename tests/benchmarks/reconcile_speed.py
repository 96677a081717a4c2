"""How long the judgement of a reconciliation takes and how much memory: `python -m tests.benchmarks.reconcile_speed`."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

from drp.domain.reconciliation.collected import Collected, Row
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.result import ReconciliationResult
from tests.support.circumstances import rolling


def rows(first: int, count: int) -> Iterator[Row]:
    """Yield records as a reader gives them: a new text each."""
    for number in range(first, first + count):
        yield number * 1000, (f"IMG{number:012d}", f"PAT{number % 100_000:06d}")


def compare(records: int) -> ReconciliationResult:
    """Compare two applications of so many records; a thousandth of each is missing on the other side."""
    orders, studies = FieldOf(records="orders", field="key"), FieldOf(records="studies", field="key")
    reference = Reference(name="r", source=studies, target=orders, both_ways=True, same={"patient": "patient"})
    identifier = Identifier(name="n", issued_by=FieldOf(records="next", field="next"), used_in=(studies,), prefix="IMG")
    names = {"orders": "ehr", "studies": "pacs", "next": "ehr"}
    declaration = Reconciliation(
        records=tuple(RecordSource(name=name, application=app, reader="none") for name, app in names.items()),
        references=(reference,),
        identifiers=(identifier,),
    )
    collected = {name: Collected(declaration, name) for name in names}
    for first, name in ((0, "orders"), (records // 1000, "studies")):
        for row in rows(first, records):
            collected[name].receive(row)
    collected["next"].receive((None, (f"IMG{records}",)))
    return judge(declaration, collected, rolling())


def main() -> None:
    """Print seconds and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="on each side")
    chosen = parser.parse_args()
    began = time.monotonic()
    result = compare(chosen.records)
    seconds, peak = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    dangling = sum(way.dangling for way in result.references[0].ways)
    print(f"{chosen.records} records a side: {seconds:.1f} s, {peak} MiB at most, {dangling} dangling")


if __name__ == "__main__":
    main()
