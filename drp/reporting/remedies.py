"""What to do about a finding, which the record holds as an English sentence, in a form that can be translated."""

from __future__ import annotations

import re

from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.finding import Finding
from drp.domain.phrase import Data, Phrase, say

_ACCEPT = re.compile(r"(.*); if it is production's own: `(.*)`", re.DOTALL)
_BUMP = re.compile(r"before anybody works with (\S+), run: (.*)", re.DOTALL)
_ROLL = re.compile(r"roll (\S+) to (\S+) \(.*", re.DOTALL)
_AHEAD = re.compile(r"(\S+) cannot be rolled: .* its (\d+) younger records refer to")
_KEEP = re.compile(r"keep (\S+) as restored")


def remedy_of(finding: Finding) -> Phrase | Data:
    """Return the remedy as a phrase where it is the catalogue's or names an application; otherwise as it stands."""
    text = finding.remedy.replace("mend the ", "fix the ")  # as records of 0.1 have it
    known = CATALOGUE.get(finding.code)
    if known is not None and text == known.remedy:
        return Phrase(text)
    if known is not None and (match := _ACCEPT.fullmatch(text)) and match[1] == known.remedy:
        return say(
            "{remedy}; if it is production's own, in the application's file: {line}",
            remedy=Phrase(known.remedy),
            line=Data(match[2]),
        )
    if match := _BUMP.fullmatch(text):
        return say(
            "before anybody works with {application}, run: {command}",
            application=Data(match[1]),
            command=Data(match[2]),
        )
    if match := _ROLL.fullmatch(text):
        return say(
            "roll {application} to {at} (`drp drill run --recover-to`; in a recovery, the runbook's recovery target)",
            application=Data(match[1]),
            at=Data(match[2]),  # exactly, for whoever copies it
        )
    if match := _AHEAD.fullmatch(text):
        return say(
            "{application} cannot be rolled: keep it, and enter again in the other applications what its {n} younger "
            "records refer to",
            application=Data(match[1]),
            n=int(match[2]),
        )
    if match := _KEEP.fullmatch(text):
        return say("keep {application} as restored", application=Data(match[1]))
    return Data(text)
