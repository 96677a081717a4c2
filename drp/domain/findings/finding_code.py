"""What one finding code is; the table of them is `catalogue.py`."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.findings.finding import Finding, Severity
from drp.domain.phrase import Phrase, own_words, quoted
from drp.domain.witness import Witness, witness_of_code


@dataclass(frozen=True, slots=True)
class FindingCode:
    """What a code means, how grave it is, and what to do when it appears."""

    code: str
    severity: Severity
    title: str
    meaning: str
    remedy: str

    def finding(
        self, *, subject: str, observed: str, expected: str, remedy: str | None = None, witness: Witness | None = None
    ) -> Finding:
        """Return a finding of this code; the catalogue's remedy unless a better one is known, and who says so."""
        return Finding(
            code=self.code,
            severity=self.severity,
            subject=quoted(subject),
            observed=quoted(observed),
            expected=quoted(expected),
            remedy=own_words(remedy) if remedy is not None else Phrase(self.remedy),
            witness=witness or witness_of_code(self.code),
        )
