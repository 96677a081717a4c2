"""What the command line prints about applications compared with one another."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.reconciliation_lines import folded, harm_lines, mark_of, way_lines
from drp.cli.render import instant, printable
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.result import ReconciliationResult, ReferenceResult

_NAMED = 60


def describe_agreement(result: ReconciliationResult) -> str:
    """Return one line on how the applications fit together."""
    holds = sum(reference.holds for reference in result.references)
    marks = {mark_of(reference) for reference in result.references if reference.judged}
    again = sum(bool(identifier.reissued) for identifier in result.identifiers)
    unjudged = sum(not reference.judged for reference in result.references)
    unjudged += sum(not identifier.judged for identifier in result.identifiers)
    unjudged += sum(reference.judged and mark_of(reference) == "?" for reference in result.references)
    excepted = sum(way.excepted for reference in result.references for way in reference.ways)
    parts = [f"{holds} of {len(result.references)} references hold"]
    parts += [f"{again} of {len(result.identifiers)} numbers would be issued again"] if again else []
    parts += [f"{unjudged} not judged"] if unjudged else []
    parts += [f"{excepted} excepted"] if excepted else []
    match result.agreement:
        case "earlier":
            parts.append(f"all agree at {instant(result.agreed_at)}")
        case "none":
            parts.append("they agree at no instant")
        case _:
            pass
    mark = "✗" if "✗" in marks or again else "?" if unjudged else "!" if "!" in marks else "✔"
    return f"{mark} {', '.join(parts)}"


def result_lines(result: ReconciliationResult) -> Iterator[str]:
    """Yield what `drp drill show` tells: every reference, every number, and what to do with each application."""
    yield from folded(f"reconciliation: {describe_agreement(result)}", indent=0)
    yield from harm_lines(result.harm)
    for reference in result.references:
        yield f"  {_reference(reference)}"
        yield from way_lines(reference)
    for identifier in result.identifiers:
        name = printable(identifier.name)
        if not identifier.judged:
            yield f"  ? {name}: {printable(identifier.reason)}"
        if identifier.judged or identifier.reissued:
            told = f"would issue {identifier.next} next, in use up to {identifier.highest}"
            sign = "✗" if identifier.reissued else "✔"
            yield from folded(f"{sign} {name}: {identifier.application} {told}", indent=2)
        if identifier.bump:
            yield f"    run first: {printable(identifier.bump)}"
    for each in result.sets:
        if each.counted != each.read:
            yield f"  {each.name}: {each.counted} of {each.read} records of {each.application} count"
    if result.agreement == "earlier":
        for state in result.applications:
            yield from folded(f"{state.application}: {_ADVICE[state.advice]} ({state.after} younger records)", indent=2)


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
        if way.dangling and not way.kinds
    ]
    parts += [f"{reference.mismatched} of another patient"] if reference.mismatched else []
    return f"{mark_of(reference)} {name}: {'; '.join(parts) or f'{reference.matched} matched'}"


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
        for exception in reconciliation.exceptions:
            if exception.reference == reference.name:
                told = f"{exception.name}: {exception.reason} ({exception.owner}, until {exception.expires})"
                yield f"    except {printable(told)}"
    for source in reconciliation.records:
        conditions = len(source.where)
        parts = [f"{conditions} condition{'s' * (conditions > 1)}"] if conditions else []
        parts += [f"{', '.join(source.normalise)} in a declared form"] if source.normalise else []
        if parts:
            yield f"  {source.name}: {'; '.join(parts)}"
    for merge in reconciliation.merges:
        told = merge.records if merge.listed is None else merge.listed.path
        yield f"  {printable(merge.name)}: from {printable(told)}, in {', '.join(merge.fields)}"
    for identifier in reconciliation.identifiers:
        used = ", ".join(map(str, identifier.used_in))
        yield f"  {identifier.name}: issued by {identifier.issued_by}, used in {used}"
