"""What to do about a finding, ready for translation."""

from __future__ import annotations

from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.finding import Finding
from drp.domain.phrase import RECORDED, Phrase
from drp.domain.phrase_form import read


def remedy_of(finding: Finding) -> Phrase:
    """Return the remedy: the catalogue's own is known in every language, also where a record of before says it."""
    known = CATALOGUE.get(finding.code)
    remedy = read(finding.remedy)
    if known is not None and remedy.code == RECORDED and remedy == known.remedy:
        return Phrase(known.remedy)
    return remedy
