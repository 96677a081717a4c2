"""Findings: stated departures from what was expected. The catalogue of their codes is `catalogue.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drp.domain.phrase import Phrase
from drp.domain.witness import Witness, witness_of_code

Severity = Literal["critical", "inconclusive", "warning", "note"]
"""critical: the recovery failed · inconclusive: something could not be judged · warning, note: to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One departure from what was expected, with what to do about it."""

    code: str
    severity: Severity
    subject: Phrase
    """What it is about: a path, an object of the repository, a task, a check, an objective."""
    observed: Phrase
    expected: Phrase
    remedy: Phrase
    witness: Witness | None = None
    """Who says so, where it is not what its code alone tells."""

    @property
    def said_by(self) -> Witness:
        """Return who says so."""
        return self.witness or witness_of_code(self.code)
