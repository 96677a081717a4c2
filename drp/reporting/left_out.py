"""What nobody looked at, as a report lists it: once for each thing, with all the checks that leave it out."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import RecoveryRecord
from drp.domain.phrase import Phrase

MOST_LEFT_OUT = 200
"""Rows of the list; how many more there are is said."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not judged. Its words are the verifier's own."""

    part: Phrase
    why: Phrase
    checks: tuple[str, ...]
    """Empty: it is not a check that leaves it out, but drp."""


def left_out_of(record: RecoveryRecord) -> tuple[LeftOut, ...]:
    """Return everything that neither the comparison of files nor the checks judged, in the order of the record."""
    told = (record.hash.not_judged if record.hash is not None else ()) + (
        record.verify.not_judged if record.verify is not None else ()
    )
    found: dict[tuple[Phrase, Phrase], list[str]] = {}
    for one in told:
        checks = found.setdefault((one.part, one.why), [])
        if one.check and one.check not in checks:
            checks.append(one.check)
    return tuple(LeftOut(part, why, tuple(checks)) for (part, why), checks in found.items())
