"""Judges what was read of every set of records: which references dangle, which numbers come again, when all agreed.

Pure: the same declaration and records give the same result. A set that was not read completely makes what needs it
not judged, and a reference without a single key on its own side proves nothing. What is newer than the restored state
of the application that lacks it was lost, whatever is tolerated; what is older dangled before, and rolls nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.domain.phrase import NOTHING, Phrase, fact, several
from drp.domain.reconciliation.agreement import FOREVER, Wrongs, newest_agreement
from drp.domain.reconciliation.collected import ALWAYS, Collected, instant_of
from drp.domain.reconciliation.dangling import Apart
from drp.domain.reconciliation.declaration import Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.digests import digest_of, shown_digest
from drp.domain.reconciliation.harm import harm_of
from drp.domain.reconciliation.joined import Joined, join
from drp.domain.reconciliation.numbers import judge_numbers
from drp.domain.reconciliation.preparation import Circumstances
from drp.domain.reconciliation.result import (
    AgreementKind,
    ApplicationState,
    ReconciliationResult,
    ReferenceResult,
    SetRead,
    Way,
)
from drp.domain.reconciliation.trouble import trouble_of, troubled
from drp.domain.visible import printable

_LONGEST_KEY = 64
_FEW = 20
"""Fewer keys may well be one patient's."""
_SETTLED = 7 * 24 * 3600 * 1_000_000
"""Microseconds before the oldest border; what had been put right by then is of no concern for a common instant."""


_WAIT = 24 * 3600 * 1_000_000
"""Microseconds; where something is under way all day long, no instant is better than the last before the loss."""


@dataclass(slots=True)
class Judged:
    """A reference with what is needed of it beyond its result."""

    reference: Reference
    result: ReferenceResult
    ways: list[Apart] = field(default_factory=list)
    joined: Joined = field(default_factory=Joined)


def judge(
    declaration: Reconciliation, collected: Mapping[str, Collected], circumstances: Circumstances
) -> ReconciliationResult:
    """Return the result for all sets by name."""
    borders = _borders(declaration, collected, circumstances)
    judged = [_reference(declaration, each, collected, circumstances, borders) for each in declaration.references]
    identifiers = tuple(judge_numbers(declaration, identifier, collected) for identifier in declaration.identifiers)
    kind, newest = _agreement(judged, collected)
    return ReconciliationResult(
        references=tuple(each.result for each in judged),
        identifiers=identifiers,
        applications=_applications(declaration, collected, circumstances, newest),
        agreement=kind,
        agreed_at=instant_of(newest) if kind == "earlier" else None,
        harm=harm_of(declaration, collected, judged, identifiers),
        sets=tuple(_read(source, collected[source.name]) for source in declaration.records),
    )


def _read(source: RecordSource, found: Collected) -> SetRead:
    counted = len(found.instants)
    return SetRead(name=source.name, application=source.application, read=counted + found.passed_over, counted=counted)


def _borders(
    declaration: Reconciliation, collected: Mapping[str, Collected], circumstances: Circumstances
) -> dict[str, int]:
    """Return the instant, by application, after which nothing of it is there; without those where nobody knows."""
    borders: dict[str, int] = {}
    for name in dict.fromkeys(source.application for source in declaration.records):
        newest = max(
            (collected[source.name].newest for source in declaration.records if source.application == name),
            default=ALWAYS,
        )
        known = [each for each in (circumstances.restored_at.get(name, ALWAYS), newest) if each != ALWAYS]
        if known:
            borders[name] = min(known)
    return borders


def _reference(
    declaration: Reconciliation,
    reference: Reference,
    collected: Mapping[str, Collected],
    circumstances: Circumstances,
    borders: Mapping[str, int],
) -> Judged:
    names = (reference.source.records, reference.target.records)
    source, target = (
        collected[name].keys[reference.name, end] for name, end in zip(names, ("source", "target"), strict=True)
    )
    reason, guilty = trouble_of(collected, *names), troubled(collected, *names)
    for keys, name in ((source, names[0]), (target, names[1]))[: 1 + reference.both_ways]:
        if not reason and not keys.rows.count and not (reference.required and len(keys.without)):
            reason, guilty = (
                fact(
                    "no-record-with-a-key",
                    "{records}: there is no record with a key, so nothing was compared",
                    records=name,
                ),
                (name,),
            )
    found = Judged(reference, ReferenceResult(
        name=reference.name, source=str(reference.source), target=str(reference.target), judged=not reason,
        reason=reason, troubled=guilty, tolerate=reference.tolerate,
    ))  # fmt: skip
    if reason:
        return found
    holder, lacking = (declaration.application_of(place) for place in (reference.source, reference.target))
    ways = ((holder, lacking, source, target), (lacking, holder, target, source))[: 1 + reference.both_ways]
    exceptions = [each for each in declaration.exceptions if each.reference == reference.name]
    for _, missing, ours, theirs in ways:
        parts = Apart(theirs, border=borders.get(missing), exceptions=exceptions, circumstances=circumstances)
        parts.take_without(ours.without if reference.required else ())
        found.ways.append(parts)
    settled = min(borders.values(), default=ALWAYS)
    settled = settled - _SETTLED if settled != ALWAYS else ALWAYS
    takers = [parts.take for parts in found.ways]
    found.joined = join(source, target, settled, takers[0], takers[1] if reference.both_ways else None)
    told = [
        _way((having, missing), parts, borders.get(missing), count, reference)
        for (having, missing, _, _), parts, count in zip(
            ways, found.ways, (found.joined.ours, found.joined.theirs), strict=False
        )
    ]
    found.result = _told(found, tuple(told), (source.merged, target.merged))
    return found


def _told(found: Judged, ways: tuple[Way, ...], merged: tuple[int, int]) -> ReferenceResult:
    """Return the result of a reference whose records were all read."""
    reference, joined = found.reference, found.joined
    names = several((reference.source.records, reference.target.records), " and ")
    reason: Phrase = NOTHING
    guilty: tuple[str, ...] = (reference.target.records,)
    if joined.uncompared and not joined.mismatched and not any(way.dangling for way in ways):
        same = several(reference.same)
        reason = fact(
            "neither-side-for-keys-so",
            "{names}: {same} is on neither side for {uncompared} of {matched} keys, so it was not compared",
            names=names,
            same=same,
            uncompared=joined.uncompared,
            matched=joined.matched,
        )
    if sum(merged) and len(joined.whose) == 1 and joined.matched >= _FEW and not joined.mismatched:
        same = several(reference.same)
        reason = fact(
            "after-merges-same-for",
            "{names}: after merges {same} is the same for all {matched} keys, so it was not compared",
            names=names,
            same=same,
            matched=joined.matched,
        )
    for way, name in zip(ways, (reference.source.records, reference.target.records), strict=False):
        if way.excepted and way.excepted == way.keys:
            reason = fact("every-key-excepted-so", "{name}: every key is excepted, so nothing was compared", name=name)
            guilty = (name,)
    return ReferenceResult(
        name=reference.name,
        source=str(reference.source),
        target=str(reference.target),
        judged=not reason,
        reason=reason,
        troubled=guilty if reason else (),
        ways=ways,
        matched=joined.matched,
        mismatched=joined.mismatched,
        mismatches=tuple(
            fact("key-belongs", "{key}: {how}", key=shown_key(key, reference), how=how)
            for key, how, _ in joined.mismatches
        ),
        tolerate=reference.tolerate,
        uncompared=joined.uncompared,
        merged=sum(merged),
    )


def _way(between: tuple[str, str], parts: Apart, border: int | None, keys: int, reference: Reference) -> Way:
    """Return what dangles in one direction."""
    kinds = parts.told(lambda key: shown_key(key, reference))
    oldest = [each.oldest_at for each in kinds if each.oldest_at is not None]
    newest = [each.newest_at for each in kinds if each.newest_at is not None]
    listed = [key for each in kinds for key in each.listed]
    return Way(
        holder=between[0],
        lacking=between[1],
        keys=keys,
        dangling=sum(each.count for each in kinds),
        listed=tuple(listed[:10]),
        oldest_at=min(oldest, default=None),
        newest_at=max(newest, default=None),
        border_at=instant_of(border) if border is not None else None,
        kinds=kinds,
        excepted=parts.excepted,
        exceptions=tuple(each.told(lambda key: shown_key(key, reference)) for each in parts.exceptions),
    )


def shown_key(key: str, reference: Reference) -> str:
    """Return a key for people: a patient's only as a digest, and nothing that a terminal would obey."""
    if reference.personal:
        return f"sha256:{shown_digest(digest_of((key,)))}"
    safe = printable(key)
    return safe if len(safe) <= _LONGEST_KEY else f"{safe[:_LONGEST_KEY]}…"


def _agreement(judged: list[Judged], collected: Mapping[str, Collected]) -> tuple[AgreementKind, int]:
    """Return when all agreed, of what was lost; what dangled before tells nothing of an instant."""
    if not all(each.result.judged for each in judged) or any(map(_unclear, judged)):
        return "undetermined", FOREVER
    wrongs: list[Wrongs] = []
    lost: list[int] = []
    for each in judged:
        late = (each.joined.forwards, each.joined.backwards)
        for parts, pairs in zip(each.ways, late, strict=False):
            if (oldest := parts.kinds["recent"].oldest) != ALWAYS:  # from then on it is wrong, whatever else is
                lost.append(oldest)
                wrongs.append(Wrongs([oldest], ()))
            wrongs.append(Wrongs(pairs.begins, pairs.ends))
    if not lost:
        return "as-restored", FOREVER
    newest = newest_agreement(wrongs)
    if newest < min(lost) - _WAIT:
        newest = min(lost) - 1
    dated = (found.oldest for found in collected.values() if found.oldest != ALWAYS)
    return ("none", FOREVER) if newest < min(dated, default=FOREVER) else ("earlier", newest)


def _unclear(each: Judged) -> bool:
    """Return whether keys dangle of which nobody can tell when, or whether, they were lost."""
    kinds = {part.kind for way in each.result.ways for part in way.kinds}
    recent = "recent" in kinds
    return not recent and bool(kinds & {"strange", "undated"}) and any(map(each.result.weighs, each.result.ways))


def _applications(
    declaration: Reconciliation, collected: Mapping[str, Collected], circumstances: Circumstances, agreed: int
) -> tuple[ApplicationState, ...]:
    states: list[ApplicationState] = []
    for name in dict.fromkeys(source.application for source in declaration.records):
        sets = [collected[source.name] for source in declaration.records if source.application == name]
        after = 0
        if agreed != FOREVER:
            after = sum(instant > agreed for found in sets for instant in found.instants)
        rolls = name in circumstances.point_in_time
        states.append(
            ApplicationState(
                application=name,
                records=sum(len(found.instants) for found in sets),
                newest_at=instant_of(max((found.newest for found in sets), default=ALWAYS)),
                point_in_time=rolls,
                after=after,
                advice="keep" if not after else "roll-back" if rolls else "ahead",
            )
        )
    return tuple(states)
