"""What would happen to patients if the applications were opened as they were restored: rows, the worst first."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.phrase import Data, Phrase, count
from drp.domain.reconciliation.result import Harm
from drp.reporting.words import Tone


@dataclass(frozen=True, slots=True)
class HarmRow:
    """One thing that would happen, to which records, and whose they are."""

    found: Phrase
    application: str
    reference: str
    listed: tuple[tuple[str, str], ...]
    """Keys, each with the beginning of its patient's digest where that is known."""
    more: int
    """So many more than are listed."""
    tone: Tone


def harm_row(harm: Harm, titles: dict[str, str]) -> HarmRow:
    """Return one harm as it is told; the keys go with their patients where there are as many of both."""
    whose = harm.patients if len(harm.patients) == len(harm.listed) else ("",) * len(harm.listed)
    listed = tuple(zip(harm.listed, whose, strict=True)) or tuple(("", patient) for patient in harm.patients)
    return HarmRow(
        found=_found(harm, titles.get(harm.application, harm.application)),
        application=harm.application,
        reference=harm.reference,
        listed=listed,
        more=max(0, harm.count - len(listed)),
        tone="bad" if harm.recent and harm.kind != "enter-again" else "doubt",
    )


def _found(harm: Harm, title: str) -> Phrase:
    where = Data(title)
    match harm.kind:
        case "number-reissued":
            return count(
                "{n} number in use would be given to another patient, in {where}",
                "{n} numbers in use would be given to other patients, in {where}",
                harm.count,
                where=where,
            )
        case "patient-mismatch":
            return count(
                "{n} record would be shown under another patient, in {where}",
                "{n} records would be shown under other patients, in {where}",
                harm.count,
                where=where,
            )
        case "orphaned":
            return count(
                "{n} record of {where} would be orphaned: what it refers to is missing",
                "{n} records of {where} would be orphaned: what they refer to is missing",
                harm.count,
                where=where,
            )
        case "enter-again":
            return count(
                "{n} record to enter again in {where}", "{n} records to enter again in {where}", harm.count, where=where
            )
