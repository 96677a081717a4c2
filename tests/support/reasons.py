"""Reasons of verdicts, as the domain concludes them."""

from __future__ import annotations

from drp.domain.phrase import Phrase, fact

MISSED = fact("objective", "{objective} {attainment}", objective="RTO", attainment="missed")


def about(application: str, said: Phrase) -> Phrase:
    """Return a reason that is about one application."""
    return fact("of-application", "{application}: {reason}", application=application, reason=said)


def found(code: str, subject: str) -> Phrase:
    """Return that there is a finding."""
    return fact("finding", "{finding} {subject}", finding=code, subject=subject)


def unreached(phase: str) -> Phrase:
    """Return that a phase did not complete."""
    return fact("phase-not-completed", "phase {phase} did not complete", phase=phase)


def check(name: str, outcome: str) -> Phrase:
    """Return that a check did not pass."""
    return fact("check-not-passed", "check {check}: {outcome}", check=name, outcome=outcome)
