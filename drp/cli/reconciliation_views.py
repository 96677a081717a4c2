"""What the command line prints about applications compared with one another."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.reconciliation_lines import folded, harm_lines, mark_of, way_lines
from drp.cli.render import instant, printable
from drp.domain.phrase import NOTHING, Phrase, count, joined, say, several
from drp.domain.reconciliation.declaration import Reconciliation, Reference
from drp.domain.reconciliation.result import IdentifierResult, ReconciliationResult, ReferenceResult

_NAMED = 60


def describe_agreement(result: ReconciliationResult) -> Phrase:
    """Return one line on how the applications fit together."""
    holds = sum(reference.holds for reference in result.references)
    marks = {mark_of(reference) for reference in result.references if reference.judged}
    again = sum(bool(identifier.reissued) for identifier in result.identifiers)
    unjudged = sum(not reference.judged for reference in result.references)
    unjudged += sum(not identifier.judged for identifier in result.identifiers)
    unjudged += sum(reference.judged and mark_of(reference) == "?" for reference in result.references)
    excepted = sum(way.excepted for reference in result.references for way in reference.ways)
    parts = [say("{holds} of {total} references hold", holds=holds, total=len(result.references))]
    if again:
        total = len(result.identifiers)
        parts.append(say("{again} of {total} numbers would be issued again", again=again, total=total))
    parts += [say("{unjudged} not judged", unjudged=unjudged)] if unjudged else []
    parts += [say("{excepted} excepted", excepted=excepted)] if excepted else []
    match result.agreement:
        case "earlier":
            at = instant(result.agreed_at)
            parts.append(say("all agree at {at}", at=at))
        case "none":
            parts.append(say("they agree at no instant"))
        case _:
            pass
    mark = "✗" if "✗" in marks or again else "?" if unjudged else "!" if "!" in marks else "✔"
    return say("{mark} {parts}", mark=mark, parts=joined(parts, ", "))


def result_lines(result: ReconciliationResult) -> Iterator[str]:
    """Yield what `drp drill show` tells: every reference, every number, and what to do with each application."""
    yield from folded(say("reconciliation: {agreement}", agreement=describe_agreement(result)), indent=0)
    yield from harm_lines(result.harm)
    for reference in result.references:
        yield from folded(_reference(reference), indent=2)
        yield from way_lines(reference)
    for identifier in result.identifiers:
        yield from _identifier(identifier)
    for each in result.sets:
        if each.counted != each.read:
            yield from folded(
                say(
                    "{set}: {counted} of {read} records of {application} count",
                    set=each.name,
                    counted=each.counted,
                    read=each.read,
                    application=each.application,
                ),
                indent=2,
            )
    if result.agreement == "earlier":
        for state in result.applications:
            yield from folded(
                say(
                    "{application}: {advice} ({younger} younger records)",
                    application=state.application,
                    advice=_ADVICE[state.advice],
                    younger=state.after,
                ),
                indent=2,
            )


def _identifier(identifier: IdentifierResult) -> Iterator[str]:
    if not identifier.judged:
        yield from folded(say("? {name}: {reason}", name=identifier.name, reason=identifier.reason), indent=2)
    if identifier.judged or identifier.reissued:
        told = say(
            "{mark} {name}: {application} would issue {next} next, in use up to {highest}",
            mark="✗" if identifier.reissued else "✔",
            name=identifier.name,
            application=identifier.application,
            next=str(identifier.next),
            highest=str(identifier.highest),
        )
        yield from folded(told, indent=2)
    if identifier.bump:
        yield f"    {printable(say('run first: {command}', command=identifier.bump))}"


_ADVICE: dict[str, Phrase] = {
    "keep": say("keep as restored"),
    "roll-back": say("roll to the common instant"),
    "ahead": say("cannot be rolled: enter again in the others what it refers to"),
}


def _reference(reference: ReferenceResult) -> Phrase:
    if not reference.judged:
        return say("? {name}: {reason}", name=reference.name, reason=reference.reason)
    parts = [
        say(
            "{missing} of {keys} of {holder} not in {lacking} ({listed})",
            missing=way.dangling,
            keys=way.keys,
            holder=way.holder,
            lacking=way.lacking,
            listed=", ".join(way.listed)[:_NAMED],
        )
        for way in reference.ways
        if way.dangling and not way.kinds
    ]
    parts += [say("{n} of another patient", n=reference.mismatched)] if reference.mismatched else []
    parts = parts or [say("{n} matched", n=reference.matched)]
    return say("{mark} {name}: {parts}", mark=mark_of(reference), name=reference.name, parts=joined(parts))


def plan_lines(reconciliation: Reconciliation | None) -> Iterator[Phrase]:
    """Yield what `drp drill plan` tells; nothing when the plan compares nothing."""
    if reconciliation is None:
        return
    yield say("reconciliation")
    for reference in reconciliation.references:
        yield _planned(reference)
        for exception in reconciliation.exceptions:
            if exception.reference == reference.name:
                yield say(
                    "    except {name}: {reason} ({owner}, until {expires})",
                    name=exception.name,
                    reason=exception.reason,
                    owner=exception.owner,
                    expires=str(exception.expires),
                )
    for source in reconciliation.records:
        parts = [count("{n} condition", "{n} conditions", len(source.where))] if source.where else []
        parts += [say("{fields} in a declared form", fields=several(source.normalise))] if source.normalise else []
        if parts:
            yield say("  {set}: {parts}", set=source.name, parts=joined(parts))
    for merge in reconciliation.merges:
        source_of = str(merge.records if merge.listed is None else merge.listed.path)
        yield say(
            "  {name}: from {source}, in {fields}", name=merge.name, source=source_of, fields=several(merge.fields)
        )
    for identifier in reconciliation.identifiers:
        yield say(
            "  {name}: issued by {issuer}, used in {users}",
            name=identifier.name,
            issuer=str(identifier.issued_by),
            users=several(map(str, identifier.used_in)),
        )


def _planned(reference: Reference) -> Phrase:
    parts = [
        say(" and back") if reference.both_ways else NOTHING,
        say(", same {fields}", fields=several(reference.same)) if reference.same else NOTHING,
        say(", tolerates {n}", n=reference.tolerate) if reference.tolerate else NOTHING,
    ]
    return say(
        "  {name}: {source} in {target}{rest}",
        name=reference.name,
        source=str(reference.source),
        target=str(reference.target),
        rest=joined(parts, ""),
    )
