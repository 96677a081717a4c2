"""What the command line prints about applications compared with one another."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.render import instant, printable
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.result import ReconciliationResult, ReferenceResult

_NAMED = 60


def describe_agreement(result: ReconciliationResult) -> str:
    """Return one line on how the applications fit together."""
    holds = sum(reference.holds for reference in result.references)
    wrong = any(reference.judged and not reference.holds for reference in result.references)
    again = sum(bool(identifier.reissued) for identifier in result.identifiers)
    unjudged = sum(not reference.judged for reference in result.references)
    unjudged += sum(not identifier.judged for identifier in result.identifiers)
    parts = [f"{holds} of {len(result.references)} references hold"]
    parts += [f"{again} of {len(result.identifiers)} numbers would be issued again"] if again else []
    parts += [f"{unjudged} not judged"] if unjudged else []
    match result.agreement:
        case "earlier":
            parts.append(f"all agree at {instant(result.agreed_at)}")
        case "none":
            parts.append("they agree at no instant")
        case _:
            pass
    mark = "✗" if wrong or again else "?" if unjudged else "✔"
    return f"{mark} {', '.join(parts)}"


def result_lines(result: ReconciliationResult) -> Iterator[str]:
    """Yield what `drp drill show` tells: every reference, every number, and what to do with each application."""
    yield f"reconciliation: {describe_agreement(result)}"
    for reference in result.references:
        yield f"  {_reference(reference)}"
    for identifier in result.identifiers:
        name = printable(identifier.name)
        if not identifier.judged:
            yield f"  ? {name}: {printable(identifier.reason)}"
        if identifier.judged or identifier.reissued:
            told = f"would issue {identifier.next} next, in use up to {identifier.highest}"
            yield f"  {'✗' if identifier.reissued else '✔'} {name}: {identifier.application} {told}"
        if identifier.bump:
            yield f"    run first: {printable(identifier.bump)}"
    if result.agreement == "earlier":
        for state in result.applications:
            yield f"  {state.application}: {_ADVICE[state.advice]} ({state.after} younger records)"


_ADVICE = {
    "keep": "keep as restored",
    "roll-back": "roll to the common instant",
    "ahead": "cannot be rolled: enter again in the others what it refers to",
}


def _reference(reference: ReferenceResult) -> str:
    name = printable(reference.name)
    if not reference.judged:
        return f"? {name}: {printable(reference.reason)}"
    parts = [
        f"{way.dangling} of {way.keys} of {way.holder} not in {way.lacking}"
        f" ({printable(', '.join(way.listed))[:_NAMED]})"
        for way in reference.ways
        if way.dangling
    ]
    parts += [f"{reference.mismatched} of another patient"] if reference.mismatched else []
    tolerated = not reference.mismatched and all(way.dangling <= reference.tolerate for way in reference.ways)
    mark = "✔" if reference.holds else "!" if tolerated else "✗"
    return f"{mark} {name}: {'; '.join(parts) or f'{reference.matched} matched'}"


def plan_lines(reconciliation: Reconciliation | None) -> Iterator[str]:
    """Yield what `drp drill plan` tells; nothing when the plan compares nothing."""
    if reconciliation is None:
        return
    yield "reconciliation"
    for reference in reconciliation.references:
        both = " and back" if reference.both_ways else ""
        same = f", same {', '.join(reference.same)}" if reference.same else ""
        tolerate = f", tolerates {reference.tolerate}" if reference.tolerate else ""
        yield f"  {reference.name}: {reference.source} in {reference.target}{both}{same}{tolerate}"
    for identifier in reconciliation.identifiers:
        used = ", ".join(map(str, identifier.used_in))
        yield f"  {identifier.name}: issued by {identifier.issued_by}, used in {used}"
