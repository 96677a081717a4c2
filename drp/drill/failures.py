"""What is to be said of a phase that could not be exercised: the event tells all of it."""

from __future__ import annotations

from drp.domain.events import PhaseFailed
from drp.domain.findings.catalogue import (
    MATERIALS_CHANGED,
    MEDIUM_ABSENT,
    PHASE_UNEXERCISED,
    REPOSITORY_UNUSABLE,
    RESTORE_UNCERTAIN,
    START_UNCERTAIN,
)
from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.points import POINT_GONE
from drp.domain.phase import PhaseName
from drp.domain.phrase import fact
from drp.errors import (
    DrpError,
    MaterialsChanged,
    MediaNeeded,
    PointGone,
    RepositoryError,
    RunbookError,
    StorageFull,
    walk,
)


def failure_finding(failed: PhaseFailed) -> Finding:
    """Return the finding of a phase that could not be exercised."""
    kind = next((kind for kind in walk() if kind.code == failed.code), DrpError)
    return _code_for(failed.phase, kind).finding(
        subject=failed.phase,
        observed=fact("phase-failed", "{error} {why}", error=failed.code, why=failed.message),
        expected=fact("can-exercised", "{phase} can be exercised", phase=failed.phase),
        remedy=failed.hint,
    )


def _code_for(phase: PhaseName, kind: type[DrpError]) -> FindingCode:
    if issubclass(kind, MaterialsChanged):
        return MATERIALS_CHANGED
    if issubclass(kind, MediaNeeded):
        return MEDIUM_ABSENT
    if issubclass(kind, PointGone):
        return POINT_GONE
    if issubclass(kind, RepositoryError):
        return REPOSITORY_UNUSABLE
    if phase == "restore":
        return RESTORE_UNCERTAIN
    if phase == "start" and issubclass(kind, RunbookError | StorageFull):
        return START_UNCERTAIN
    return PHASE_UNEXERCISED
