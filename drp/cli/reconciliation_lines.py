"""What a terminal shows of a reconciliation beyond its references: harm, kinds of dangling keys, exceptions.

Lines are at most 80 columns wide, as far as a single key or name lets them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from drp.cli.render import instant, printable
from drp.cli.words import NONE
from drp.domain.phrase import NOTHING, Phrase, count, say, several
from drp.domain.reconciliation.result import Dangling, ExceptionUse, Harm, ReferenceResult, Way

_COLUMNS = 80


def folded(text: str, *, indent: int, further: int = 2) -> Iterator[str]:
    """Yield a text as lines that fit; those after the first are set in further."""
    yield from textwrap.wrap(
        printable(text),
        _COLUMNS,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + further),
        break_long_words=False,
        break_on_hyphens=False,
    )


def harm_lines(harm: Sequence[Harm]) -> Iterator[str]:
    """Yield what would happen to patients if the applications were opened as restored, the worst first."""
    if harm:
        yield f"  {printable(say('if they were opened like this:'))}"
    for one in harm:
        told = say(
            "{mark} {harm} ({reference})", mark="✗" if one.recent else "!", harm=_harm(one), reference=one.reference
        )
        yield from folded(told, indent=4)
        whose = one.patients if len(one.patients) == len(one.listed) else ()
        keys = [
            say("{key} of {patient}", key=key, patient=patient) for key, patient in zip(one.listed, whose, strict=False)
        ]
        yield from _keys(keys or one.listed or one.patients, one.count, indent=8)


def _harm(harm: Harm) -> Phrase:
    number, where = harm.count, harm.application
    match harm.kind:
        case "number-reissued":
            return count(
                "{n} number in use would go to another patient in {application}",
                "{n} numbers in use would go to other patients in {application}",
                number,
                application=where,
            )
        case "patient-mismatch":
            return count(
                "{n} record would be shown under another patient in {application}",
                "{n} records would be shown under others in {application}",
                number,
                application=where,
            )
        case "orphaned":
            return count(
                "{n} record of {application} would be orphaned: what it refers to is gone",
                "{n} records of {application} would be orphaned: what they refer to is gone",
                number,
                application=where,
            )
        case "enter-again":
            return count(
                "{n} record to enter again in {application}",
                "{n} records to enter again in {application}",
                number,
                application=where,
            )


def way_lines(reference: ReferenceResult) -> Iterator[str]:
    """Yield what dangles kind by kind, what is excepted, and how many records were taken for merged patients'."""
    for way in reference.ways:
        for kind in way.kinds:
            if kind.count:
                yield from folded(_kind(way, kind, reference), indent=6)
                yield from _keys(kind.listed, kind.count, indent=10)
    yield from _exceptions(use for way in reference.ways for use in way.exceptions)
    if reference.merged:
        taken = count(
            "{n} taken for the patient into whom theirs was merged",
            "{n} taken for the patient into whom theirs was merged",
            reference.merged,
        )
        yield from folded(taken, indent=6)


def mark_of(reference: ReferenceResult) -> str:
    """Return one sign for a judged reference: ✔ holds · ! within what is tolerated · ? not comparable · ✗ wrong."""
    if reference.holds:
        return "✔"
    kinds = {(kind.kind, reference.tolerates(way)) for way in reference.ways for kind in way.kinds if kind.count}
    known = all(way.dangling <= reference.tolerate for way in reference.ways if not way.kinds)
    if reference.mismatched or not known or kinds - _NOT_WRONG:
        return "✗"
    return "!" if kinds <= {("older", True)} else "?"


_NOT_WRONG = {("older", True), ("strange", True), ("strange", False), ("undated", True)}


def _kind(way: Way, kind: Dangling, reference: ReferenceResult) -> Phrase:
    missing = say(
        "{missing} of {keys} of {holder} not in {lacking}",
        missing=kind.count,
        keys=max(way.keys, way.dangling),
        holder=way.holder,
        lacking=way.lacking,
    )
    tolerated = reference.tolerates(way)
    match kind.kind:
        case "recent":
            since = instant(way.border_at) if way.border_at is not None else say("unknown date")
            return say("✗ lost: {missing}, newer than its restored state of {at}", missing=missing, at=since)
        case "older":
            return say(
                "{mark} older: {missing}{newest}{tolerated}",
                mark="!" if tolerated else "✗",
                missing=missing,
                newest=say(", the newest of {at}", at=instant(kind.newest_at))
                if kind.newest_at is not None
                else NOTHING,
                tolerated=say(", tolerated up to {most}", most=reference.tolerate) if tolerated else NOTHING,
            )
        case "strange":
            return say(
                "? not comparable: {missing}, written {here}, and there {there}",
                missing=missing,
                here=several(kind.forms) if kind.forms else NONE,
                there=several(kind.forms_there) if kind.forms_there else NONE,
            )
        case "undated":
            return say("{mark} undated: {missing}", mark="?" if tolerated else "✗", missing=missing)


def _exceptions(uses: Iterable[ExceptionUse]) -> Iterator[str]:
    found: dict[str, list[ExceptionUse]] = {}
    for use in uses:
        found.setdefault(use.name, []).append(use)
    for name, together in found.items():
        first, fits, recent = together[0], sum(use.count for use in together), sum(use.recent for use in together)
        number = say("{n} ({recent} of them newer)", n=fits, recent=recent) if recent else say("{n}", n=fits)
        broad = any(use.broad for use in together)
        kind = say("! expired") if first.expired else say("! too broad") if broad else None
        told = say(
            "{kind}: {number} by {name}, {reason} ({owner}, until {expires})",
            kind=kind or (say("· excepted") if fits else say("! fits nothing")),
            number=number,
            name=name,
            reason=first.reason,
            owner=first.owner,
            expires=first.expires,
        )
        yield from folded(told, indent=6)


def _keys(keys: Sequence[str], total: int, *, indent: int) -> Iterator[str]:
    if keys:
        told = several(keys)
        more = total - len(keys)
        shown = say("{keys}, and {n} more", keys=told, n=more) if more > 0 else say("{keys}", keys=told)
        yield from folded(shown, indent=indent, further=0)
