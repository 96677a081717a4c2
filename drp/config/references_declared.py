"""What files say to runbooks and verifiers, against what these declare: at the place where it is said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from drp.config import build
from drp.config.document import Document, Place
from drp.config.inputs import Declared, declared_inputs, input_misfits
from drp.config.misfit import Misfit, OptionJudge
from drp.config.problems import Problem
from drp.config.references import Inventory
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile
from drp.config.schema_reconciliation import record_sources
from drp.domain.phrase import Phrase, say


def cross_check_inputs(inventory: Inventory, runbook_folders: Collection[Path]) -> Iterator[Problem]:
    """Yield every input that a runbook does not take; where one declares nothing, nothing is known."""
    for said, document in inventory.applications.values():
        if said.runbook is None:
            continue
        declared, problems = _declared(inventory, runbook_folders, said.runbook.kind)
        for problem in problems:
            yield document.problem(("runbook", "kind"), _wrong(problem))
        if declared is not None:
            yield from _placed(document, ("runbook", "inputs"), input_misfits(declared, said.runbook.inputs))


def _wrong(problem: Problem) -> Phrase:
    return say("the runbook's declaration is wrong: {problem}", problem=problem.line)


def undeclared(inventory: Inventory, runbook_folders: Collection[Path]) -> tuple[str, ...]:
    """Return the runbooks that take inputs and declare none, so that nobody can check them."""
    kinds = {said.runbook.kind for said, _ in inventory.applications.values() if said.runbook and said.runbook.inputs}
    return tuple(kind for kind in sorted(kinds) if _declared(inventory, runbook_folders, kind) == (None, ()))


def _declared(inventory: Inventory, folders: Collection[Path], kind: str) -> Declared:
    if kind not in inventory.declared:
        inventory.declared[kind] = declared_inputs(folders, kind)
    return inventory.declared[kind]


def cross_check_options(
    inventory: Inventory, installed: Collection[str], judge: OptionJudge, site: Path
) -> Iterator[Problem]:
    """Yield every option that a verifier does not understand; one that is not installed is told elsewhere."""
    for said, document in inventory.applications.values():
        yield from _checks(said, document, installed, judge)
    for drill, document in inventory.drills.values():
        yield from _records(drill, document, inventory, (installed, judge, site))


def _checks(
    said: ApplicationFile, document: Document, installed: Collection[str], judge: OptionJudge
) -> Iterator[Problem]:
    for index, check in enumerate(said.checks):
        if check.verifier in installed:
            yield from _placed(document, ("checks", index, "options"), judge.options(check.verifier, check.options))


def _records(
    drill: DrillFile, document: Document, inventory: Inventory, known: tuple[Collection[str], OptionJudge, Path]
) -> Iterator[Problem]:
    installed, judge, site = known
    if drill.reconciliation is None:
        return
    for source in record_sources(drill.reconciliation):
        if source.reader in installed and source.application in inventory.applications:
            application = build.application(inventory.applications[source.application][0], site)
            place: Place = ("reconciliation", "records", source.name, "options")
            yield from _placed(document, place, judge.records(source, application))


def _placed(document: Document, place: Place, misfits: Iterable[Misfit]) -> Iterator[Problem]:
    for misfit in misfits:
        yield document.problem((*place, *misfit.path), misfit.message, key=misfit.key)
