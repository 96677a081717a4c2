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
from drp.domain.phrase import Phrase, counted, fact, joined, several
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.findings_apart import apart_findings, exception_findings, span
from drp.domain.reconciliation.result import (
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.domain.terms import NONE, listed, part

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
        sets = result.troubled or (declared.source.records,)
        holders = {source.name: source.application for source in declaration.records}
        for application in dict.fromkeys(holders[name] for name in sets):
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
                subject=part(result.name, result.mismatched, result.matched),
                observed=_mismatched(result),
                expected=fact(
                    "same-in-both",
                    "{pairs}",
                    pairs=several(
                        f"{declared.source.records}.{ours} = {declared.target.records}.{theirs}"
                        for ours, theirs in declared.same.items()
                    ),
                ),
            ),
        )


def _mismatched(result: ReferenceResult) -> Phrase:
    """Return which keys belong to others on the other side, and that none agrees where none does."""
    said: list[Phrase] = list(result.mismatches)
    if (left := result.mismatched - len(said)) > 0:
        said.append(counted("and-more", "and {n} more", "and {n} more", left))
    if 1 < result.mismatched == result.matched:
        said.append(
            fact(
                "none-the-same",
                "the same on none of {matched} keys: written otherwise, or of other patients altogether",
                matched=result.matched,
            )
        )
    return joined(said)


def _as_recorded(result: ReferenceResult, way: Way) -> Finding:
    """Return what a drp said that did not tell apart what dangles."""
    code = REFERENCE_DANGLING if way.dangling > result.tolerate else REFERENCE_TOLERATED
    observed = fact(
        "holds-lacks",
        "{holder} holds, {lacking} lacks: {keys}",
        holder=way.holder,
        lacking=way.lacking,
        keys=listed(way.listed, way.dangling),
    )
    if way.oldest_at and way.newest_at:
        observed = observed.then(fact("dated", ", dated {span}", span=span(way.oldest_at, way.newest_at)))
    return code.finding(
        subject=part(result.name, way.dangling, way.keys),
        observed=observed,
        expected=fact("at-most", "at most {tolerate}", tolerate=result.tolerate) if result.tolerate else NONE,
    )


def _undetermined(name: str, reason: Phrase) -> Finding:
    return RECONCILIATION_UNDETERMINED.finding(
        subject=name,
        observed=reason,
        expected=fact("all-read", "all records read, and something to compare"),
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
                    "issued-again",
                    "{application} would issue {next} next; {highest_in} uses numbers up to {highest}; "
                    "issued again: {numbers}",
                    application=result.application,
                    next=str(result.next),
                    highest_in=result.highest_in,
                    highest=str(result.highest),
                    numbers=listed(result.listed, result.reissued),
                ),
                expected=fact("at-least-number", "at least {number}", number=str((result.highest or 0) + 1)),
                remedy=fact(
                    "bump",
                    "before anybody works with {application}, run: {command}",
                    application=result.application,
                    command=result.bump,
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
                subject=fact(
                    "common-instant",
                    "common instant {agreed_at}",
                    agreed_at=f"{result.agreed_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                ),
                observed=fact("records-younger-than", "{after} records younger than that", after=state.after),
                expected=NONE,
                remedy=advice_of(state, result.agreed_at),
            ),
        )


def advice_of(state: ApplicationState, agreed_at: datetime) -> Phrase:
    """Return in one sentence what to do with an application so that all agree."""
    match state.advice:
        case "roll-back":
            return fact(
                "roll-back",
                "roll {application} to {agreed_at} (`drp drill run --recover-to`; in a recovery, the "
                "runbook's recovery target)",
                application=state.application,
                agreed_at=agreed_at.isoformat(),
            )
        case "ahead":
            return fact(
                "ahead",
                "{application} cannot be rolled: keep it, and enter again in the other applications "
                "what its {younger} younger records refer to",
                application=state.application,
                younger=state.after,
            )
        case _:
            return fact("keep", "keep {application} as restored", application=state.application)
