"""What a terminal shows of a reconciliation beyond its references: harm, kinds of dangling keys, exceptions.

Lines are at most 80 columns wide, as far as a single key or name lets them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from drp.cli.render import instant, printable
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
        yield "  if they were opened like this:"
    for one in harm:
        yield from folded(f"{'✗' if one.recent else '!'} {_harm(one)} ({one.reference})", indent=4)
        whose = one.patients if len(one.patients) == len(one.listed) else ()
        told = [f"{key} of {patient}" for key, patient in zip(one.listed, whose, strict=True)] if whose else one.listed
        yield from _keys(told or one.patients, one.count, indent=8)


def _harm(harm: Harm) -> str:
    one, where = harm.count == 1, harm.application
    match harm.kind:
        case "number-reissued":
            what = "number in use would go to another patient" if one else "numbers in use would go to other patients"
            return f"{harm.count} {what} in {where}"
        case "patient-mismatch":
            what = "record would be shown under another patient" if one else "records would be shown under others"
            return f"{harm.count} {what} in {where}"
        case "orphaned":
            what, they = ("record", "it refers") if one else ("records", "they refer")
            return f"{harm.count} {what} of {where} would be orphaned: what {they} to is gone"
        case "enter-again":
            return f"{harm.count} {'record' if one else 'records'} to enter again in {where}"


def way_lines(reference: ReferenceResult) -> Iterator[str]:
    """Yield what dangles kind by kind, what is excepted, and how many records were taken for merged patients'."""
    for way in reference.ways:
        for kind in way.kinds:
            if kind.count:
                yield from folded(_kind(way, kind, reference), indent=6)
                yield from _keys(kind.listed, kind.count, indent=10)
    yield from _exceptions(use for way in reference.ways for use in way.exceptions)
    if reference.merged:
        yield f"      {reference.merged} taken for the patient into whom theirs was merged"


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


def _kind(way: Way, kind: Dangling, reference: ReferenceResult) -> str:
    missing = f"{kind.count} of {max(way.keys, way.dangling)} of {way.holder} not in {way.lacking}"
    tolerated = f", tolerated up to {reference.tolerate}" if reference.tolerates(way) else ""
    match kind.kind:
        case "recent":
            since = instant(way.border_at) if way.border_at is not None else "unknown date"
            return f"✗ lost: {missing}, newer than its restored state of {since}"
        case "older":
            newest = f", the newest of {instant(kind.newest_at)}" if kind.newest_at is not None else ""
            return f"{'!' if tolerated else '✗'} older: {missing}{newest}{tolerated}"
        case "strange":
            here, there = (", ".join(forms) or "none" for forms in (kind.forms, kind.forms_there))
            return f"? not comparable: {missing}, written {here}, and there {there}"
        case "undated":
            return f"{'?' if tolerated else '✗'} undated: {missing}"


def _exceptions(uses: Iterable[ExceptionUse]) -> Iterator[str]:
    found: dict[str, list[ExceptionUse]] = {}
    for use in uses:
        found.setdefault(use.name, []).append(use)
    for name, together in found.items():
        first, fits = together[0], sum(use.count for use in together)
        word = "expired" if first.expired else "excepted" if fits else "fits nothing"
        word = "too broad" if any(use.broad for use in together) and not first.expired else word
        sign = "·" if word == "excepted" else "!"
        recent = sum(use.recent for use in together)
        number = f"{fits} ({recent} of them newer)" if recent else f"{fits}"
        told = f"{sign} {word}: {number} by {name}, {first.reason} ({first.owner}, until {first.expires})"
        yield from folded(told, indent=6)


def _keys(keys: Sequence[str], total: int, *, indent: int) -> Iterator[str]:
    if keys:
        more = f", and {total - len(keys)} more" if total > len(keys) else ""
        yield from folded(", ".join(keys) + more, indent=indent, further=0)
