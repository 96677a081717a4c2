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
    alike: str = ""
    """Whose all of them are, where they are all the same one's."""


def harm_row(harm: Harm) -> HarmRow:
    """Return one harm as it is told; the keys go with their patients where there are as many of both."""
    alike, told = _different(harm.patients)
    whose = told if len(told) == len(harm.listed) else ("",) * len(harm.listed)
    listed = tuple(zip(harm.listed, whose, strict=True)) or tuple(("", patient) for patient in told)
    return HarmRow(
        found=_found(harm),
        application=harm.application,
        reference=harm.reference,
        listed=listed,
        more=max(0, harm.count - len(listed)),
        tone="bad" if harm.recent and harm.kind != "enter-again" else "doubt",
        alike=alike,
    )


def _different(patients: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return whose all are, if all are the same one's, and otherwise whose each is, by the fields that differ.

    A digest for each field that tells whose a record is, joined by ``+``: those that all have in common say nothing.
    """
    fields = [patient.split("+") for patient in patients]
    if len(fields) < 2 or len({len(each) for each in fields}) > 1:
        return "", patients
    differ = [len(set(column)) > 1 for column in zip(*fields, strict=True)]
    if not any(differ):
        return patients[0], ()
    return "", tuple("+".join(part for part, one in zip(each, differ, strict=True) if one) for each in fields)


def _found(harm: Harm) -> Phrase:
    where = Data(harm.application)
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
