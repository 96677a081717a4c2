"""Judges the region as a drill does: its drill file's declaration, every record prepared by it, one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from drp.config.document import read_document
from drp.config.lists import lines_of
from drp.config.schema_reconciliation import ReconciliationFile, reconciliation
from drp.config.validate import validate
from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.declaration import Reconciliation, RecordSource
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.merges import maps_of, pair_of
from drp.domain.reconciliation.preparation import Circumstances
from drp.domain.reconciliation.result import ReconciliationResult, ReferenceResult
from drp.verifiers.preparing import Preparation
from drp.verifiers.records import _row
from tests.support.region.history import BACKUP
from tests.support.region.sets import FOREIGN_NUMBER, IN_OUR_FORM, Region

DRILL = Path(__file__).with_name("drill.yml").read_text(encoding="utf-8")
TODAY = date(2026, 11, 21)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it."""

    declaration: Reconciliation
    result: ReconciliationResult
    read: Mapping[str, int] = field(default_factory=dict)
    """Set → records that its reader gave."""

    def reference(self, name: str) -> ReferenceResult:
        """Return what became of a reference."""
        return next(reference for reference in self.result.references if reference.name == name)

    def kinds(self, name: str) -> dict[str, int]:
        """Return how many keys of each kind dangle in both ways of a reference."""
        return {kind.kind: kind.count for way in self.reference(name).ways for kind in way.kinds if kind.count}

    @property
    def codes(self) -> list[tuple[str, str]]:
        """Return the findings: application and code, in the alphabet's order."""
        return sorted((application, found.code) for application, found in findings_of(self.declaration, self.result))


def judged(region: Region, folder: Path, *, changed: Callable[[str], str] = lambda text: text) -> Judged:
    """Read every set of the region and judge; ``changed`` is what is done to the drill file first."""
    declaration = declared(region, folder, changed(DRILL))
    read: dict[str, int] = {}
    pairs = {}
    for merge in declaration.merges:
        if merge.listed is not None:
            pairs[merge.name] = [pair_of(line) for line in lines_of(merge.listed)]
        else:
            tells = Collected(declaration, merge.records)
            _gather(region, _source(declaration, merge.records), declaration, tells)
            pairs[merge.name] = tells.pairs[merge.name]
    maps, wrong = maps_of(declaration.merges, pairs)
    assert not wrong
    collected = {source.name: Collected(declaration, source.name, maps) for source in declaration.records}
    for source in declaration.records:
        read[source.name] = _gather(region, source, declaration, collected[source.name])
    restored = {name: max(BACKUP, getattr(region.cut, name)) * 1_000_000 for name in ("ehr", "lis", "pacs", "mpi")}
    listed = [exception.listed for exception in declaration.exceptions if exception.listed is not None]
    circumstances = Circumstances(
        point_in_time=frozenset({"ehr", "lis"}),
        restored_at=restored,
        today=TODAY,
        listed={each.path: frozenset(lines_of(each)) for each in listed},
    )
    return Judged(declaration=declaration, result=judge(declaration, collected, circumstances), read=read)


def declared(region: Region, folder: Path, text: str) -> Reconciliation:
    """Return what a drill file declares, with the lists that it names beside it."""
    pairs = region.history.temporary.items()
    lines = "".join(f"TMP-{number},{patient}\n" for patient, number in pairs)
    (folder / "temporary.csv").write_text(lines, encoding="utf-8")
    lines = "".join(f"{FOREIGN_NUMBER + number}\n" for number in range(IN_OUR_FORM))
    (folder / "foreign.txt").write_text(lines, encoding="utf-8")
    file = folder / "drill.yml"
    file.write_text(text, encoding="utf-8")
    said, problems = validate(read_document(file, file.name), ReconciliationFile)
    assert said is not None, [str(problem) for problem in problems]
    return reconciliation(said, folder)


def _source(declaration: Reconciliation, name: str) -> RecordSource:
    return next(source for source in declaration.records if source.name == name)


def _gather(region: Region, source: RecordSource, declaration: Reconciliation, found: Collected) -> int:
    """Hand every record on as `Records.read` does, and return how many there were."""
    preparation = Preparation(source, declaration.fields_of(source.name))
    for row in region.rows(source.name):
        instant, values = _row(row, preparation.fields, zone=source.zone)
        prepared = preparation.prepared(values)
        if prepared is not None:
            found.receive((instant, prepared))
    found.trouble = preparation.trouble()
    return preparation.read
