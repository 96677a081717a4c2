"""Whether one restored application fits with the others: what leads nowhere, is mixed up or would be issued again."""

from __future__ import annotations

from drp.domain.evidence import RecoveryRecord
from drp.domain.phrase import say
from drp.domain.reconciliation.result import ReconciliationResult, ReferenceResult
from drp.reporting.tile import NOTHING, Tile
from drp.reporting.words import RESTORED_SYSTEMS

_QUESTION = say("Does it fit with the others?")


def fit_of(record: RecoveryRecord, result: ReconciliationResult | None) -> Tile:
    """Return the tile of an application; ``result`` None: the applications were not compared."""
    if result is None:
        return Tile(_QUESTION, NOTHING, say("Not compared"), "doubt", say("the applications were not compared"))
    name = record.recovery
    own = [each for each in result.references if _concerns(each, name)]
    numbers = [each for each in result.identifiers if each.application == name]
    if not own and not numbers:
        return Tile(_QUESTION, NOTHING, say("Not asked"), "plain", say("nothing of it is compared"))
    holds = [each for each in own if each.judged and not _weighs(each, name)]
    free = [each for each in numbers if each.judged and not each.reissued]
    figure = say("{n} of {all}", n=len(holds) + len(free), all=len(own) + len(numbers))
    note = say("references and numbers that fit")
    if any(finding.severity == "critical" and finding.code.startswith("DRP-A") for finding in record.findings):
        return Tile(_QUESTION, figure, say("Does not fit"), "bad", note, RESTORED_SYSTEMS)
    if not all(each.judged for each in own) or not all(each.judged for each in numbers):
        return Tile(_QUESTION, figure, say("Not judged"), "doubt", note, RESTORED_SYSTEMS)
    if len(holds) < len(own) or len(free) < len(numbers):
        return Tile(_QUESTION, figure, say("Not with all"), "doubt", note, RESTORED_SYSTEMS)
    return Tile(_QUESTION, figure, say("Fits"), "good", note, RESTORED_SYSTEMS)


def _concerns(reference: ReferenceResult, name: str) -> bool:
    """Return whether an application holds or lacks keys of a reference; of one that was not judged nobody knows."""
    return not reference.ways or any(name in {way.holder, way.lacking} for way in reference.ways)


def _weighs(reference: ReferenceResult, name: str) -> bool:
    return bool(reference.mismatched) or any(
        way.dangling and reference.weighs(way) for way in reference.ways if name in {way.holder, way.lacking}
    )
