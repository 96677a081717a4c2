"""The findings that a reconciliation speaks for itself, each with the recovery that it is attributed to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.reconciliation import (
    APPLICATIONS_DISAGREE,
    IDENTIFIER_REISSUED,
    PATIENT_MISMATCH,
    RECONCILIATION_UNDETERMINED,
    REFERENCE_DANGLING,
    REFERENCE_TOLERATED,
)
from drp.domain.phrase import fact
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation
from drp.domain.reconciliation.findings_apart import apart_findings, exception_findings, listed, span
from drp.domain.reconciliation.result import (
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)

Attributed = tuple[str, Finding]
"""Recovery, and what is found of it."""


def findings_of(declaration: Reconciliation, result: ReconciliationResult) -> tuple[Attributed, ...]:
    """Return every finding, dangling references first. A reference's are with the application that lacks."""
    return (
        *(found for reference in result.references for found in _reference(declaration, reference)),
        *(found for identifier in result.identifiers for found in _identifier(identifier)),
        *_agreement(result),
    )


def _reference(declaration: Reconciliation, result: ReferenceResult) -> Iterator[Attributed]:
    declared = next(reference for reference in declaration.references if reference.name == result.name)
    if not result.judged:
        for application in _troubled(declaration, (declared.source, declared.target), result.reason):
            yield application, _undetermined(result.name, result.reason)
        return
    if result.uncompared:
        words = fact(
            "neither-side-for-keys",
            "{same} is on neither side for {uncompared} of {matched} keys",
            same=", ".join(declared.same),
            uncompared=result.uncompared,
            matched=result.matched,
        )
        yield declaration.application_of(declared.source), _undetermined(result.name, words)
    for way in result.ways:
        if way.kinds:
            yield from apart_findings(result, way)
        elif way.dangling:
            yield way.lacking, _as_recorded(result, way)
    yield from exception_findings(declaration.application_of(declared.source), result)
    if result.mismatched:
        yield (
            declaration.application_of(declared.source),
            PATIENT_MISMATCH.finding(
                subject=f"{result.name}: {result.mismatched} of {result.matched}",
                observed="; ".join(result.mismatches)
                + (
                    f"; and {result.mismatched - len(result.mismatches)} more"
                    * (result.mismatched > len(result.mismatches))
                )
                + f"; the same on none of {result.matched} keys: written otherwise, or of other patients altogether"
                * (1 < result.mismatched == result.matched),
                expected=", ".join(
                    f"{declared.source.records}.{a} = {declared.target.records}.{b}" for a, b in declared.same.items()
                ),
            ),
        )


def _as_recorded(result: ReferenceResult, way: Way) -> Finding:
    """Return what a drp said that did not tell apart what dangles."""
    code = REFERENCE_DANGLING if way.dangling > result.tolerate else REFERENCE_TOLERATED
    when = f", dated {span(way.oldest_at, way.newest_at)}" if way.oldest_at and way.newest_at else ""
    return code.finding(
        subject=f"{result.name}: {way.dangling} of {way.keys}",
        observed=fact(
            "holds-lacks",
            "{holder} holds, {lacking} lacks: {listed}{when}",
            holder=way.holder,
            lacking=way.lacking,
            listed=listed(way.listed, way.dangling),
            when=when,
        ),
        expected=fact("most", "at most {tolerate}", tolerate=result.tolerate)
        if result.tolerate
        else fact("none", "none"),
    )


def _troubled(declaration: Reconciliation, places: tuple[FieldOf, ...], reason: str) -> tuple[str, ...]:
    """Return the applications whose records could not be judged: the reason names their sets."""
    guilty = [place for place in places if f"{place.records}: " in reason] or [places[0]]
    return tuple(dict.fromkeys(declaration.application_of(place) for place in guilty))


def _undetermined(name: str, reason: str) -> Finding:
    return RECONCILIATION_UNDETERMINED.finding(
        subject=name,
        observed=reason,
        expected=fact("all-records-read-something", "all records read, and something to compare"),
    )


def _identifier(result: IdentifierResult) -> Iterator[Attributed]:
    if not result.judged:
        yield result.application, _undetermined(result.name, result.reason)
    if result.reissued:
        yield (
            result.application,
            IDENTIFIER_REISSUED.finding(
                subject=result.name,
                observed=fact(
                    "would-issue-next-uses",
                    "{application} would issue {next} next; {highest_in} uses numbers up to {highest}; "
                    "issued again: {listed}",
                    application=result.application,
                    next=result.next,
                    highest_in=result.highest_in,
                    highest=result.highest,
                    listed=listed(result.listed, result.reissued),
                ),
                expected=fact("least", "at least {highest}", highest=(result.highest or 0) + 1),
                remedy=fact(
                    "before-anybody-works-with",
                    "before anybody works with {application}, run: {bump}",
                    application=result.application,
                    bump=result.bump,
                )
                if result.bump
                else None,
            ),
        )


def _agreement(result: ReconciliationResult) -> Iterator[Attributed]:
    if result.agreement != "earlier" or result.agreed_at is None:
        return
    for state in result.applications:
        yield (
            state.application,
            APPLICATIONS_DISAGREE.finding(
                subject=f"common instant {result.agreed_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                observed=fact("records-younger-than", "{after} records younger than that", after=state.after),
                expected=fact("none", "none"),
                remedy=advice_of(state, result.agreed_at),
            ),
        )


def advice_of(state: ApplicationState, agreed_at: datetime) -> str:
    """Return in one sentence what to do with an application so that all agree."""
    match state.advice:
        case "roll-back":
            return fact(
                "roll-drp-drill-run",
                "roll {application} to {agreed_at} (`drp drill run --recover-to`; in a recovery, the "
                "runbook's recovery target)",
                application=state.application,
                agreed_at=agreed_at.isoformat(),
            )
        case "ahead":
            return fact(
                "cannot-rolled-keep-enter",
                "{application} cannot be rolled: keep it, and enter again in the other applications "
                "what its {after} younger records refer to",
                application=state.application,
                after=state.after,
            )
        case _:
            return fact("keep-as-restored", "keep {application} as restored", application=state.application)
